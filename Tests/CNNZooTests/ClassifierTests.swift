import CNNZoo
import Foundation
import Testing
import TestSupport

struct ClassifierTests {
  private let folder: TemporaryFolder
  private let weights: String

  init() throws {
    folder = try TemporaryFolder()
    weights = "\(folder.path)/small.safetensors"
    try SmallNetwork.write(to: weights)
  }

  private func classifier(
    _ change: (inout Classifier.Options) -> Void = { _ in }
  ) throws -> Classifier {
    var options = Classifier.Options()
    change(&options)
    return try Classifier(model: SmallNetwork.model, weights: weights, options: options)
  }

  @Test func unnamedClassesAreNumbered() throws {
    let predictions = try classifier().classify(SmallNetwork.image(1), topK: 100)
    #expect(predictions.count == SmallNetwork.classes)
    #expect(predictions.allSatisfy { $0.label == "class \($0.index)" })
    #expect(abs(predictions.map(\.probability).reduce(0, +) - 1) < 1e-12)
  }

  @Test func callerLabelsOverrideFileLabels() throws {
    let names = (0..<SmallNetwork.classes).map { "file \($0)" }
    try SmallNetwork.write(
      to: weights,
      metadata: ["width_multiplier": "0.25", "labels": names.joined(separator: "\n")])
    #expect(try classifier().labels.names == names)
    let own = Labels((0..<SmallNetwork.classes).map { "own \($0)" })
    #expect(try classifier { $0.labels = own }.labels == own)
    #expect(throws: LabelsError.self) { try classifier { $0.labels = Labels(["one"]) } }
  }

  @Test func bitIdenticalForAnyThreadsAndBatch() throws {
    let images = (1...5).map { SmallNetwork.image(UInt8($0)) }
    let expected = try images.map {
      try classifier { $0.threads = 1 }.classify($0, topK: SmallNetwork.classes)
    }
    #expect(Set(expected.map { $0[0].probability }).count > 1)
    for threads in [1, 2, 3] {
      for batch in [1, 2, 8] {
        let classifier = try classifier {
          $0.threads = threads
          $0.maximumBatch = batch
        }
        let found = try classifier.classify(images, topK: SmallNetwork.classes)
        #expect(found == expected, "\(threads) threads, batch \(batch)")
      }
    }
  }

  @Test(arguments: [PrecisionChoice.bf16, .int8])
  func identicalBitsAtLowerPrecision(choice: PrecisionChoice) throws {
    let images = (1...5).map { SmallNetwork.image(UInt8($0)) }
    let single = try classifier {
      $0.threads = 1
      $0.precision = choice
    }
    #expect(single.precision == choice.fixed && single.precisionReason == nil)
    let expected = try images.map { try single.logits(of: $0) }
    let exact = try classifier()
    #expect(exact.precision == .f32)
    for (image, logits) in zip(images, expected) {
      let other = try exact.logits(of: image)
      let largest = other.map(abs).max() ?? 0
      let error = zip(logits, other).map { abs($0 - $1) }.max() ?? .infinity
      #expect(error > 0 && error < 0.2 * largest, "\(error) of \(largest)")
    }
    for (threads, batch) in [(1, 3), (2, 2), (3, 8)] {
      let classifier = try classifier {
        $0.threads = threads
        $0.maximumBatch = batch
        $0.precision = choice
      }
      #expect(try images.map { try classifier.logits(of: $0) } == expected)
      #expect(
        try classifier.classify(images, topK: SmallNetwork.classes)
          == images.map { try single.classify($0, topK: SmallNetwork.classes) })
    }
  }

  @Test func theBLASBackendHasNoLowerPrecision() {
    #expect(throws: InferenceError.precision(.int8)) {
      try classifier {
        $0.backend = .blas
        $0.precision = .int8
      }
    }
  }

  @Test func preprocessingChangesTheAnswer() throws {
    let image = SmallNetwork.image(3)
    let usual = try classifier().logits(of: image)
    let other = try classifier { $0.preprocessing.mean = SIMD3(repeating: 0) }.logits(of: image)
    let padded = try classifier { $0.preprocessing.padding = .same }.logits(of: image)
    #expect(usual != other)
    #expect(usual != padded)
  }

  /// The softmax of one value is always 1, so sigmoid is used and softmax is rejected.
  @Test func singleOutputUsesSigmoid() throws {
    try SmallNetwork.write(to: weights, classes: 1)
    let classifier = try classifier()
    #expect(classifier.activation == .sigmoid)
    let image = SmallNetwork.image(2)
    let logit = Double(try classifier.logits(of: image)[0])
    let probability = try classifier.classify(image)[0].probability
    #expect(abs(probability - 1 / (1 + exp(-logit))) < 1e-12 && probability < 1)
    #expect(throws: ClassifierError.softmaxOfOneOutput) {
      try self.classifier { $0.activation = .softmax }
    }
  }

  @Test func callerActivationOverridesFileActivation() throws {
    #expect(try classifier().activation == .softmax)
    try SmallNetwork.write(
      to: weights, metadata: ["width_multiplier": "0.25", "activation": "sigmoid"])
    #expect(try classifier().activation == .sigmoid)
    let image = SmallNetwork.image(2)
    let sum = try classifier().classify(image, topK: 9).map(\.probability).reduce(0, +)
    #expect(abs(sum - 1) > 1e-3)
    let own = try classifier { $0.activation = .identity }
    #expect(
      Set(try own.classify(image, topK: 9).map { Float($0.probability) })
        == Set(try own.logits(of: image)))
    for (activation, classes) in [("softplus", 7), ("softmax", 1)] {
      try SmallNetwork.write(
        to: weights, classes: classes,
        metadata: ["width_multiplier": "0.25", "activation": activation])
      #expect(throws: PretrainedError.self) { try classifier() }
    }
  }

  @Test func anUnknownModelIsSuggested() {
    let error = ModelError.unknown(name: "efnet-lite0", suggestions: ["effnet-lite0"])
    let thrown = #expect(throws: ModelError.self) { try Classifier(model: "efnet-lite0") }
    guard case .unknown(_, let suggestions)? = thrown else { return }
    #expect(suggestions.first == "effnet-lite0", "\(error)")
  }
}
