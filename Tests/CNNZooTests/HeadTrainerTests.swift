import CNNZoo
import Testing
import TestSupport

struct HeadTrainerTests {
  private let folder: TemporaryFolder
  private let weights: String

  init() throws {
    folder = try TemporaryFolder()
    weights = "\(folder.path)/small.safetensors"
    try SmallNetwork.write(
      to: weights,
      metadata: ["width_multiplier": "0.25", "license": "MIT", "padding": "same", "mine": "kept"])
  }

  private func trainer(_ classes: [String]) throws -> HeadTrainer {
    try HeadTrainer(model: "mobilenetv3-small", weights: weights, classes: classes)
  }

  private func trained() throws -> (network: TrainedHead, images: [(image: Image, class: Int)]) {
    let trainer = try trainer(["warm", "cold", "loud"])
    let images = (0..<15).map { (Self.image(of: $0 % 3, $0), $0 % 3) }
    for (image, index) in images { try trainer.add(image, class: index) }
    return (try trainer.train(), images)
  }

  /// Red, blue, or stripes; no two are alike.
  private static func image(of index: Int, _ seed: Int) -> Image {
    var pixels: [UInt8] = []
    for position in 0..<40 * 30 {
      let noise = UInt8(truncatingIfNeeded: (position &* position &* (seed + 3)) % 41)
      switch index {
      case 0: pixels += [200 + noise, 30 + noise, noise]
      case 1: pixels += [noise, 40 + noise, 190 + noise]
      // Stripes of the same brightness: such images differ only in their noise.
      default: pixels += position % 4 < 2 ? [255, 60 + noise, 0] : [160, 60 + noise, 250]
      }
    }
    return Image(width: 40, height: 30, pixels: pixels)
  }

  @Test(.enabled(if: Algebra.isThere, "OpenBLAS or LAPACKE is not installed"))
  func theFileNamesTheTrainedClasses() throws {
    let (network, images) = try trained()
    let path = "\(folder.path)/trained.safetensors"
    try network.write(to: path)
    let classifier = try Classifier(model: SmallNetwork.model, weights: path)
    #expect(classifier.labels.names == ["warm", "cold", "loud"])
    #expect(classifier.warnings.isEmpty)
    for (image, index) in images {
      #expect(try classifier.classify(image)[0].index == index)
    }
    #expect(network.duplicates.isEmpty)
    #expect(network.correct == 15)
    #expect(network.heldOut.confusion == [0: [0: 5], 1: [1: 5], 2: [2: 5]])
    // With five correct images in a class, the confidence is at most six in seven.
    let confidence = network.heldOut.meanConfidence
    #expect(confidence > 0.7 && confidence < 0.95)
    let facts = classifier.network.info
    #expect(
      facts.license == "MIT" && facts.padding == .same && facts.widthMultiplier == 0.25)
    #expect(classifier.network.file.metadata["mine"] == "kept")
  }

  @Test(.enabled(if: Algebra.isThere, "OpenBLAS or LAPACKE is not installed"))
  func otherTensorsAreUnchanged() throws {
    let path = "\(folder.path)/trained.safetensors"
    try trained().network.write(to: path)
    let (before, after) = (try WeightFile(path: weights), try WeightFile(path: path))
    #expect(after.names == before.names)
    for tensor in before.tensors {
      let other = try #require(after[tensor.name])
      if tensor.name.hasPrefix("classifier.3.") {
        #expect(other.shape[0] == 3 && other.shape.dropFirst() == tensor.shape.dropFirst())
      } else {
        #expect(try other.floats() == tensor.floats(), "\(tensor.name)")
      }
    }
  }

  @Test(arguments: [
    ([], "0 classes"), (["only"], "1 class;"), (["a", "b\nc"], "control characters"),
    (["a", "\u{FFFD}"], "not UTF-8"), (["a", " "], "no visible character"),
    (["\u{E9}", "e\u{301}"], "looks the same"),
  ])
  func namesThatCannotBeLabels(names: [String], reason: String) throws {
    let error = #expect(throws: HeadTrainingError.self) { try trainer(names) }
    #expect("\(try #require(error))".contains(reason))
  }

  @Test(.enabled(if: Algebra.isThere, "OpenBLAS or LAPACKE is not installed"))
  func tooFewImages() throws {
    let trainer = try trainer(["a", "b"])
    for seed in 1...3 { try trainer.add(SmallNetwork.image(UInt8(seed)), class: 0) }
    try trainer.add(SmallNetwork.image(9), class: 1)
    #expect(throws: HeadTrainingError.fewImages(class: "b", count: 1)) { try trainer.train() }
    let same = try self.trainer(["a", "b"])
    let vector = try same.embedder.embed(SmallNetwork.image(1))
    for index in [0, 0, 1, 1] { same.add(vector, class: index) }
    #expect(throws: HeadTrainingError.allAlike) { try same.train() }
  }
}

/// Whether the libraries that solve equations are installed.
enum Algebra {
  static let isThere = (try? HeadTrainer.requireLibraries()) != nil
}
