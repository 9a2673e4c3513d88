import CNNZoo
import Foundation
import TestSupport
import Testing

/// Streams of images through a network: order, bounds, readiness, and failures of single images.
struct ImageStreamTests {
  private let folder: TemporaryFolder
  private let weights: String

  init() throws {
    folder = try TemporaryFolder()
    weights = "\(folder.path)/small.safetensors"
    try SmallNetwork.write(to: weights)
  }

  private func classifier(threads: Int = 1, batch: Int = 1) throws -> Classifier {
    var options = Classifier.Options()
    options.threads = threads
    options.maximumBatch = batch
    return try Classifier(model: SmallNetwork.model, weights: weights, options: options)
  }

  /// A raw PPM; its size determines how long decoding and resizing take.
  private static func ppm(side: Int, shade: Int) -> [UInt8] {
    Array("P6 \(side) \(side) 255\n".utf8)
      + (0..<3 * side * side).map { UInt8(truncatingIfNeeded: $0 &* shade) }
  }

  /// The documentation's example as a function, so that the compiler sees it.
  private func documentedExample() throws {
    // begin
    var options = Classifier.Options()
    options.maximumBatch = 8
    let classifier = try Classifier(model: "effnet-lite0", options: options)
    try classifier.classify(ImageInputs(paths: ["photos/"]), topK: 1) { answer in
      print(answer.input.name, try answer.result.get()[0].label)
    }
    // end
  }

  @Test func documentedExampleIsCompiled() throws {
    let source = try String(contentsOfFile: #filePath, encoding: .utf8)
    let lines = source.components(separatedBy: "    // begin\n")[1]
      .components(separatedBy: "    // end\n")[0]
      .split(separator: "\n").map { $0.dropFirst(4) }
    #expect(lines.count == 6)
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let article = try String(
      contentsOf: package.appendingPathComponent("Sources/CNNZoo/CNNZoo.docc/CNNZoo.md"),
      encoding: .utf8)
    #expect(article.contains("```swift\n" + lines.joined(separator: "\n") + "\n```"))
  }

  /// Files, bytes, images and failures mixed, some a hundred times larger than others.
  @Test(arguments: [(1, 1), (2, 3), (3, 8)])
  func resultsAreInOrder(threads: Int, batch: Int) throws {
    let reference = try classifier()
    var inputs: [ImageInput] = []
    var expected: [[Prediction]?] = []
    for index in 0..<24 {
      let bytes = Self.ppm(side: index % 5 == 0 ? 700 : 9 + index, shade: index + 1)
      let image = try Image(decoding: bytes)
      switch index % 4 {
      case 0: inputs.append(.bytes(bytes, name: "\(index)"))
      case 1: inputs.append(.image(image, name: "\(index)"))
      case 2: inputs.append(.file(try folder.file("\(index)", bytes)))
      default: inputs.append(.bytes(Array("no image".utf8), name: "\(index)"))
      }
      expected.append(index % 4 == 3 ? nil : try reference.classify(image, topK: 3))
    }
    var names: [String] = []
    var found: [[Prediction]?] = []
    try classifier(threads: threads, batch: batch).classify(ImageInputs(inputs), topK: 3) {
      answer in
      names.append(answer.input.name)
      found.append(try? answer.result.get())
      if case .failure(let error) = answer.result {
        #expect(error as? ImageError == .unknownFormat(source: answer.input.name))
      }
    }
    #expect(names == inputs.map(\.name))
    #expect(found == expected)
  }

  /// A source that provides its second image only after the first has been answered.
  private final class HesitantSource: ImageSource {
    var answered = 0
    private var given = 0

    func next() throws -> ImageInput? {
      // If asked to wait, it waits forever unless the previous image has been answered.
      guard given == answered else { throw Stalled() }
      guard given < 3 else { return nil }
      given += 1
      return .image(SmallNetwork.image(UInt8(given)))
    }

    var isReady: Bool { false }

    struct Stalled: Error {}
  }

  @Test func availableImagesAreAnsweredWhileTheSourceWaits() throws {
    let source = HesitantSource()
    try classifier(batch: 8).classify(source) { _ in source.answered += 1 }
    #expect(source.answered == 3)
  }

  /// Counts how far the pipeline reads ahead.
  private final class CountingSource: ImageSource {
    private let total: Int
    private(set) var given = 0
    private(set) var mostAhead = 0
    var received = 0

    init(total: Int) { self.total = total }

    func next() throws -> ImageInput? {
      guard given < total else { return nil }
      given += 1
      mostAhead = max(mostAhead, given - received)
      return .image(SmallNetwork.image(UInt8(truncatingIfNeeded: given)))
    }

    var isReady: Bool { true }
  }

  /// Twice the images at work, one of which each thread decodes while the others are loaded.
  @Test func readingAheadIsBounded() throws {
    let source = CountingSource(total: 300)
    try classifier(batch: 4).classify(source) { _ in source.received += 1 }
    #expect(source.received == 300)
    #expect(source.mostAhead > 4 && source.mostAhead <= 2 * (4 + 1))
  }

  /// A pipe whose writer waits for the answers before it.
  @Test(arguments: [1, 3]) func answersDoNotWaitForAPipe(threads: Int) throws {
    let path = "\(folder.path)/pipe"
    #expect(mkfifo(path, 0o600) == 0)
    let answered = DispatchSemaphore(value: 0)
    let bytes = Self.ppm(side: 9, shade: 5)
    let writer = Thread {
      // In vain if the answers wait for the pipe; it is written all the same, so that the test ends.
      let inTime = answered.wait(timeout: .now() + 20) == .success
      try? Data(inTime ? bytes : []).write(to: URL(fileURLWithPath: path))
    }
    writer.start()
    let inputs = [
      .image(SmallNetwork.image(1)), .image(SmallNetwork.image(2)), .file(path),
      ImageInput.image(SmallNetwork.image(3)),
    ]
    var found: [[Prediction]?] = []
    try classifier(threads: threads, batch: 8).classify(ImageInputs(inputs)) { answer in
      found.append(try? answer.result.get())
      if found.count == 2 { answered.signal() }
    }
    let reference = try classifier()
    let images = try [
      SmallNetwork.image(1), SmallNetwork.image(2), Image(decoding: bytes), SmallNetwork.image(3),
    ]
    #expect(try found == images.map { try reference.classify($0) })
  }

  /// Threads that are still at work when a run ends early must not disturb the next.
  @Test func theNextRunIsUndisturbed() throws {
    struct Enough: Error {}
    let (reference, classifier) = (try classifier(), try classifier(threads: 3, batch: 6))
    for round in 1...30 {
      let source = CountingSource(total: 1000)
      #expect(throws: Enough.self) {
        try classifier.classify(source) { _ in
          source.received += 1
          if source.received == round { throw Enough() }
        }
      }
      let image = SmallNetwork.image(UInt8(round))
      #expect(try classifier.classify(image) == reference.classify(image))
    }
  }

  @Test func receiverErrorsEndTheRun() throws {
    struct Enough: Error {}
    let source = CountingSource(total: 1000)
    #expect(throws: Enough.self) {
      try classifier(batch: 2).classify(source) { _ in
        source.received += 1
        if source.received == 3 { throw Enough() }
      }
    }
    #expect(source.received == 3 && source.given < 50)
  }

  @Test func embeddingsMatchSingleImages() throws {
    var options = Embedder.Options()
    options.maximumBatch = 3
    let embedder = try Embedder(model: SmallNetwork.model, weights: weights, options: options)
    let images = (1...7).map { SmallNetwork.image(UInt8($0)) }
    var found: [[Float]] = []
    try embedder.embed(ImageInputs(images.map { .image($0) })) { found.append(try $0.result.get()) }
    #expect(try found == images.map { try embedder.embed($0) })
  }

  @Test func limitsApplyToStreams() throws {
    var options = Classifier.Options()
    options.decoding.limits.pixels = 100
    let classifier = try Classifier(model: SmallNetwork.model, weights: weights, options: options)
    let inputs = [9, 11].map { ImageInput.bytes(Self.ppm(side: $0, shade: 1), name: "\($0)") }
    var outcomes: [Bool] = []
    try classifier.classify(ImageInputs(inputs)) { answer in
      if case .failure(let error) = answer.result {
        guard case ImageError.overLimit = error else { throw error }
        outcomes.append(false)
      } else {
        outcomes.append(true)
      }
    }
    #expect(outcomes == [true, false])
  }
}

/// What `ImageInputs` finds at paths.
struct ImageInputsTests {
  private let folder: TemporaryFolder
  private let image = Array("P6 1 1 255\nabc".utf8)

  init() throws { folder = try TemporaryFolder() }

  /// The names relative to the folder, with a mark before non-files, and the skipped files.
  private func found(includesHidden: Bool = false) throws -> (names: [String], skipped: Int) {
    let inputs = ImageInputs(paths: [folder.path], includesHidden: includesHidden)
    var names: [String] = []
    while let input = try inputs.next() {
      var name = String(input.name.dropFirst(folder.path.count + 1))
      do throws(ImageError) {
        _ = try input.decoded()
      } catch {
        if case .unreadable = error { name = "!" + name } else { name = "?" + name }
      }
      names.append(name)
    }
    return (names, inputs.skipped)
  }

  /// Either the extension or the first bytes suffice, whatever the contents or the name.
  @Test func imagesAreRecognisedByExtensionOrFirstBytes() throws {
    try folder.file("a/bytes", image)
    try folder.file("a/bytes.txt", image)
    try folder.file("a/damaged.JPG", Array("no image".utf8))
    try folder.file("a/empty.png")
    try folder.file("a/notes.txt", Array("no image".utf8))
    try folder.file("a/short", [0xFF])
    try folder.file("b.ppm", image)
    let (names, skipped) = try found()
    #expect(names == ["a/bytes", "a/bytes.txt", "?a/damaged.JPG", "?a/empty.png", "b.ppm"])
    #expect(skipped == 2)
  }

  @Test func hiddenFilesAndFoldersAreSkippedByDefault() throws {
    try folder.file("a.ppm", image)
    try folder.file(".b.ppm", image)
    try folder.file(".ipynb_checkpoints/a-checkpoint.ppm", image)
    try folder.file("c/.d/e.ppm", image)
    #expect(try found().names == ["a.ppm"])
    #expect(try found().skipped == 0)
    #expect(
      try found(includesHidden: true).names
        == [".b.ppm", ".ipynb_checkpoints/a-checkpoint.ppm", "a.ppm", "c/.d/e.ppm"])
  }

  /// Links are followed, but each folder only once; a broken link is a failure.
  @Test func linksAreFollowedOnce() throws {
    let outside = try TemporaryFolder()
    try outside.file("x.ppm", image)
    try outside.file("deeper/y.ppm", image)
    try folder.file("b/z.ppm", image)
    for (name, target) in [
      ("a", outside.path), ("c", outside.path), ("b/loop", folder.path), ("gone.jpg", "/no/file"),
      ("b/gone", "nowhere"), ("file", outside.path + "/x.ppm"),
    ] {
      try FileManager.default.createSymbolicLink(
        atPath: "\(folder.path)/\(name)", withDestinationPath: target)
    }
    #expect(
      try found().names == ["a/deeper/y.ppm", "a/x.ppm", "!b/gone", "b/z.ppm", "file", "!gone.jpg"])
  }

  @Test func unreadableEntriesFail() throws {
    let empty = try TemporaryFolder()
    let inputs = ImageInputs(paths: [empty.path, "", "/no/file", "\(folder.path)/nul\0.ppm"])
    var reasons: [String] = []
    while let input = try inputs.next() {
      let error = #expect(throws: ImageError.self) { try input.decoded() }
      if case .unreadable(_, let reason)? = error { reasons.append(reason) }
    }
    #expect(reasons.count == 4)
    #expect(reasons[0].contains("no files") && reasons[1].contains("empty"))
  }
}
