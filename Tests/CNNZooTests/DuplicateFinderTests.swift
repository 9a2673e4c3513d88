import CNNZoo
import Foundation
import TestSupport
import Testing

@Suite(.enabled(if: Algebra.isThere, "OpenBLAS or LAPACKE is not installed"))
struct DuplicateFinderTests {
  /// A smooth scene with edges, different for each seed.
  private static func scene(_ seed: Int, width: Int = 160, height: Int = 120) -> Image {
    var state = UInt32(truncatingIfNeeded: seed &* 7919 &+ 17)
    func next(_ range: ClosedRange<Double>) -> Double {
      state = state &* 1_664_525 &+ 1_013_904_223
      return range.lowerBound
        + Double(state >> 8) / Double(1 << 24) * (range.upperBound - range.lowerBound)
    }
    let discs = (0..<9).map { _ in
      (
        x: next(0...160), y: next(0...120), radius: next(8...35),
        color: [next(0...255), next(0...255), next(0...255)]
      )
    }
    var pixels: [UInt8] = []
    for y in 0..<height {
      for x in 0..<width {
        var color = [Double(x) * 0.8, Double(y), 90]
        for disc in discs {
          let (dx, dy) = (Double(x) - disc.x, Double(y) - disc.y)
          if dx * dx + dy * dy < disc.radius * disc.radius { color = disc.color }
        }
        pixels += color.map { UInt8(min(max($0, 0), 255)) }
      }
    }
    return Image(width: width, height: height, pixels: pixels)
  }

  private enum Edit: String, CaseIterable {
    case recompressed, halved, croppedInTheMiddle, croppedAtACorner

    func apply(to image: Image) -> Image {
      switch self {
      case .recompressed:
        // Changes values like a coarse quantiser, without moving anything.
        Image(
          width: image.width, height: image.height,
          pixels: image.pixels.enumerated().map { UInt8(min(255, Int($1) / 9 * 9 + $0 % 5)) })
      case .halved:
        image.resized(width: image.width / 2, height: image.height / 2, interpolation: .bicubic)
      case .croppedInTheMiddle: image.cropped(left: 0.025, top: 0.025, keeping: 0.95)
      case .croppedAtACorner: image.cropped(left: 0.05, top: 0.05, keeping: 0.95)
      }
    }
  }

  private let folder: TemporaryFolder
  private let weights: String

  init() throws {
    folder = try TemporaryFolder()
    weights = "\(folder.path)/small.safetensors"
    try SmallNetwork.write(to: weights)
  }

  private func groups(of images: [Image]) throws -> [DuplicateFinder.Group] {
    var options = Embedder.Options()
    options.decoding.fingerprints = true
    let embedder = try Embedder(model: SmallNetwork.model, weights: weights, options: options)
    var finder = try DuplicateFinder(dimension: embedder.dimension)
    try embedder.embed(ImageInputs(images.map { .image($0) })) { answer in
      finder.append(try answer.result.get(), try #require(answer.fingerprint))
    }
    return finder.groups()
  }

  @Test(arguments: Edit.allCases.map(\.rawValue))
  func editedCopiesAreFound(edit: String) throws {
    let edit = try #require(Edit(rawValue: edit))
    let originals = (0..<12).map { Self.scene($0) }
    let found = try groups(of: originals + originals.map(edit.apply))
    #expect(found.map(\.images) == (0..<12).map { [$0, $0 + 12] })
    #expect(found.allSatisfy { !$0.isExact })
  }

  @Test func differentImagesAreNotGrouped() throws {
    #expect(try groups(of: (0..<40).map { Self.scene($0) }).isEmpty)
  }

  @Test func exactCopiesAreMarked() throws {
    let (a, b) = (Self.scene(1), Self.scene(2))
    var pixels = a.pixels
    pixels[500] ^= 1
    let almost = Image(width: a.width, height: a.height, pixels: pixels)
    let exact = try groups(of: [b, a, b, a, b])
    #expect(exact.map(\.images) == [[0, 2, 4], [1, 3]])
    #expect(exact.map(\.isExact) == [true, true])
    let near = try groups(of: [a, almost])
    #expect(near.map(\.images) == [[0, 1]] && near.map(\.isExact) == [false])
  }

  /// For plain images only the brightness counts.
  @Test func plainImages() throws {
    func plain(_ value: UInt8) -> Image {
      Image(width: 50, height: 40, pixels: Array(repeating: value, count: 6000))
    }
    let found = try groups(of: [plain(10), plain(200), plain(11), Self.scene(3)])
    #expect(found.map(\.images) == [[0, 2]])
  }

  /// More images than are compared at a time.
  @Test func distantCopiesAreFound() throws {
    var finder = try DuplicateFinder(dimension: 3)
    let prints = [ImageFingerprint(Self.scene(1)), ImageFingerprint(Self.scene(2))]
    for image in 0..<1500 {
      // Directions that are far from each other, except for two.
      let angle = Double(image % 5 == 4 ? 4 : image % 5) * 1.2
      finder.append(
        [Float(cos(angle)), Float(sin(angle)), 0],
        image == 3 || image == 1403 ? prints[0] : image == 700 ? prints[1] : Self.noise(image))
    }
    for threads in [1, 2, 5] {
      #expect(finder.groups(threads: threads).map(\.images) == [[3, 1403]])
    }
  }

  private static func noise(_ seed: Int) -> ImageFingerprint {
    var state = UInt32(seed + 1)
    let pixels = (0..<3 * 32 * 32).map { _ -> UInt8 in
      state = state &* 1_664_525 &+ 1_013_904_223
      return UInt8(state >> 24)
    }
    return ImageFingerprint(Image(width: 32, height: 32, pixels: pixels))
  }

  /// The same image in two classes is listed, and no copy is classified by a head fitted to the
  /// other.
  @Test func copiesAreHeldOutTogether() throws {
    let trainer = try HeadTrainer(
      model: "mobilenetv3-small", weights: weights, classes: ["a", "b"])
    for seed in 0..<6 { try trainer.add(Self.scene(seed), class: seed % 2) }
    try trainer.add(Edit.halved.apply(to: Self.scene(0)), class: 0)
    try trainer.add(Self.scene(1), class: 0)
    let head = try trainer.train()
    #expect(head.duplicates.map(\.images) == [[0, 6], [1, 7]])
    #expect(head.duplicates.map(\.isExact) == [false, true])
    #expect(head.conflicts.map(\.images) == [[1, 7]])
    // A head that saw neither copy gives both the same answer.
    let samples = head.heldOut.samples
    #expect(samples[1].answer == samples[7].answer)
    #expect(samples[1].confidence == samples[7].confidence)
  }

  @Test func copiesAloneAreNotAClass() throws {
    let trainer = try HeadTrainer(
      model: "mobilenetv3-small", weights: weights, classes: ["a", "b"])
    for seed in 0..<3 { try trainer.add(Self.scene(seed), class: 0) }
    for edit in [Edit.halved, .recompressed] {
      try trainer.add(edit.apply(to: Self.scene(9)), class: 1)
    }
    #expect(throws: HeadTrainingError.fewImages(class: "b", count: 1)) { try trainer.train() }
  }
}

extension Image {
  fileprivate func cropped(left: Double, top: Double, keeping part: Double) -> Image {
    let (x, y) = (Int((Double(width) * left).rounded()), Int((Double(height) * top).rounded()))
    let (columns, rows) = (Int(Double(width) * part), Int(Double(height) * part))
    var cut: [UInt8] = []
    for row in y..<y + rows {
      cut += pixels[3 * (row * width + x)..<3 * (row * width + x + columns)]
    }
    return Image(width: columns, height: rows, pixels: cut)
  }
}
