import CNNZoo
import Foundation
import TestSupport
import Testing

/// The examples of the documentation, compiled: what is between `begin` and `end` is a block of Swift in
/// the README, an article or a comment, except for white space and imports.
private enum Example {
  /// README.md, CNNZoo.md.
  static func classifying() throws {
    // begin
    let classifier = try Classifier(model: "effnet-lite0")
    for prediction in try classifier.classify(Image(contentsOf: "photo.jpg"), topK: 3) {
      print(prediction.label, prediction.probability)
    }
    // end
  }

  /// CNNZoo.md.
  static func streaming() throws {
    // begin
    var options = Classifier.Options()
    options.maximumBatch = 8
    let classifier = try Classifier(model: "effnet-lite0", options: options)
    try classifier.classify(ImageInputs(paths: ["photos/"]), topK: 1) { answer in
      print(answer.input.name, try answer.result.get()[0].label)
    }
    // end
  }

  /// Classifier.swift.
  static func anotherImage() throws {
    // begin
    let classifier = try Classifier(model: "effnet-lite0")
    for prediction in try classifier.classify(Image(contentsOf: "cat.png"), topK: 3) {
      print(prediction.label, prediction.probability)
    }
    // end
    // begin
    try classifier.classify(ImageInputs(paths: ["photos/"]), topK: 1) { answer in
      print(answer.input.name, try answer.result.get()[0].label)
    }
    // end
  }

  /// Precision.md.
  static func precision() throws {
    // begin
    var options = Classifier.Options()
    options.precision = .auto
    let classifier = try Classifier(model: "effnet-lite0", options: options)
    print(classifier.precision, classifier.precisionReason ?? "as asked")
    // end
  }

  /// Training.md, Trainer.swift.
  static func training() throws {
    // begin
    let network = try LoadedNetwork(ModelCatalog.model(named: "effnet-lite0"))
    var options = Trainer.Options()
    options.configuration = .fineTuning
    options.configuration.epochs = 5
    let trainer = try Trainer(
      .weights(network), folder: "pets", output: "pets.safetensors", options)
    if case .finished(let result) = try trainer.run(), let validation = result.validation {
      print(validation.accuracy, validation.accuracyInterval)
      for image in try trainer.report(result).suspects.prefix(10) {
        print("\(image.name) is labelled \(image.label), but looks like \(image.answer)")
      }
    }
    // end
  }

  /// TrainingImages.swift.
  static func trainingImages() throws {
    // begin
    var images = try TrainingImages(folder: "pets")
    let reader = TrainingImageReader()
    try images.scan(reader)
    if !images.isDivided { images.divide(validationShare: 0.15, seed: 0) }
    print(images.training.count, images.validation.count)
    // end
  }

  /// HeadTrainer.swift.
  static func head() throws {
    // begin
    let trainer = try HeadTrainer(model: "effnet-lite0", classes: ["cat", "dog"])
    try trainer.add(ImageInputs(paths: ["pets/cats"]), class: 0)
    try trainer.add(ImageInputs(paths: ["pets/dogs"]), class: 1)
    try trainer.train().write(to: "pets.safetensors")
    // end
  }

  /// YourOwnClasses.md.
  static func features(of image: Image) throws {
    // begin
    let embedding = try Embedder(model: "effnet-lite0").embed(Image(contentsOf: "cat.jpg"))
    let cam = try Explainer(model: ModelCatalog.model(named: "effnet-lite0")).explain(image)
    let trainer = try HeadTrainer(model: "effnet-lite0", classes: ["cat", "dog"])
    // end
    _ = (embedding, cam, trainer)
  }

  /// Embedder.swift.
  static func embedding() throws {
    // begin
    let embedder = try Embedder(model: "effnet-lite0")
    let vector = try embedder.embed(Image(contentsOf: "cat.png"))  // 1280 values
    // end
    _ = vector
  }

  /// EmbeddingIndex.swift.
  static func searching(with embedder: Embedder) throws {
    // begin
    let index = try EmbeddingIndex(contentsOf: "photos.npz")
    try index.requireMatch(of: embedder, path: "photos.npz")
    // end
  }

  /// Evaluation.swift.
  static func evaluating() {
    // begin
    var evaluation = Evaluation(classCount: 3)
    evaluation.add(truth: 0, ranking: [(index: 0, probability: 0.7), (index: 2, probability: 0.2)])
    print(evaluation.accuracy, evaluation.accuracyInterval)
    // end
  }

  /// EncodedImage.swift.
  static func decoding() throws {
    // begin
    let encoded = try EncodedImage(contentsOf: "photo.jpg")
    print(encoded.format, encoded.decodingMemory)  // JPEG 38797312
    let image = try encoded.decode()
    // end
    _ = image
  }

  /// WeightFile.swift.
  static func readingWeights() throws {
    // begin
    let file = try WeightFile(path: "efficientnet_v2_s.safetensors")
    let stem = try file["features.0.0.weight"]?.floats()
    // end
    _ = stem
  }

  /// SafetensorsWriter.swift.
  static func writingWeights(_ tensor: TensorView) throws {
    // begin
    var writer = SafetensorsWriter(metadata: ["model": "efficientnet_v2_s"])
    writer.append(tensor, as: .f16)
    try writer.write(to: "efficientnet_v2_s.f16.safetensors")
    // end
  }
}

struct DocumentedExampleTests {
  /// The lines between two kinds of markers, without white space.
  private static func blocks(_ text: String, from first: String, to last: String) -> [String] {
    var blocks: [String] = []
    var block: String?
    for line in text.split(separator: "\n") {
      var line = line.trimmingCharacters(in: .whitespaces)
      if line.hasPrefix("///") {
        line = line.dropFirst(3).trimmingCharacters(in: .whitespaces)
      }
      if line == first {
        block = ""
      } else if line == last, let ended = block {
        blocks.append(ended)
        block = nil
      } else if !line.hasPrefix("import ") {
        block?.append(contentsOf: line.filter { !$0.isWhitespace })
      }
    }
    return blocks
  }

  @Test func everyExampleIsCompiled() throws {
    let source = try String(contentsOfFile: #filePath, encoding: .utf8)
    let compiled = Set(Self.blocks(source, from: "// begin", to: "// end"))
    let package = URL(filePath: RealData.package)
    let sources = FileManager.default.enumerator(
      at: package.appending(path: "Sources"), includingPropertiesForKeys: nil)
    let files = (sources?.allObjects as? [URL] ?? []).filter {
      ["swift", "md"].contains($0.pathExtension)
    }
    var documented: Set<String> = []
    for file in files + [package.appending(path: "README.md")] {
      let text = try String(contentsOf: file, encoding: .utf8)
      for block in Self.blocks(text, from: "```swift", to: "```") {
        #expect(compiled.contains(block), "\(file.lastPathComponent): \(block)")
        documented.insert(block)
      }
    }
    #expect(documented.count == compiled.count && documented.count >= 15)
  }

  /// The photo is the reader's, so that the example fails for want of it, and before that for want of
  /// weights if there are none.
  @Test func exampleFindsWeightsOrSaysHowToGetThem() throws {
    let model = try ModelCatalog.model(named: "effnet-lite0")
    if (try? WeightSearch.standard().weights(of: model)) != nil {
      #expect(throws: ImageError.self) { try Example.classifying() }
    } else {
      let error = #expect(throws: PretrainedError.self) { try Example.classifying() }
      #expect(error?.description.contains("cnnzoo pull effnet-lite0") == true)
    }
  }
}
