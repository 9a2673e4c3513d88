import Glibc
import GraphIR
import Host
import Inference
import ModelZoo
import TestSupport
import Testing
import Training

/// Global-context attention in training: its gradients against differences of the loss, and its forward
/// pass against inference's.
struct GlobalContextTests {
  private let graph: Graph = {
    var configuration = ModelConfiguration(inputSize: 14, classes: 5)
    configuration.inputWidth = 11
    (configuration.stochasticDepth, configuration.dropout) = (0, 0)
    return EfficientNetV2.graph(
      name: "tiny-gc", stem: 8,
      stages: [
        .init(.mbConv, expand: 2, stride: 1, channels: 8, layers: 2),
        .init(.mbConv, expand: 3, stride: 2, channels: 12, layers: 1),
      ], head: 16, usesGlobalContext: true, configuration)
  }()

  private let images = SeededImages.make(batch: 3, height: 14, width: 11)

  /// The loss, and the gradients in `store`, with `change` applied to the parameters.
  private func loss(
    batchNorm: TrainingConfiguration.BatchNorm = .batch, change: (ParameterStore) -> Void = { _ in }
  ) throws -> (loss: Double, store: ParameterStore) {
    let store = try ParameterStore(graph, states: 0)
    try store.load(SeededParameters())
    change(store)
    var options = TrainingSession.Options(batch: images.count, threads: 2)
    options.batchNorm = batchNorm
    let session = try TrainingSession(graph, store, options)
    for (index, image) in images.enumerated() {
      session.withInput(image: index) { _ = $0.update(fromContentsOf: image) }
    }
    let targets = images.indices.map { image in (0..<5).map { $0 == image ? Float(1) : 0 } }
    let result = try session.addGradients(
      targets: targets, keys: images.indices.map { RandomKey(seed: 0)[$0] })
    return (result.loss, store)
  }

  /// Attention that matters: with seeded values, scores and gates are nearly constant.
  private static func sharpen(_ store: ParameterStore) {
    for entry in store.entries
    where entry.parameter.name.hasSuffix("conv_attn.weight")
      || entry.parameter.name.hasSuffix("2.fc2.weight")
    {
      for place in entry.range { store.values.base[place] *= 4 }
    }
  }

  /// Relative to the derivative, with room for the rounding of losses in f32.
  private static let tolerance = (relative: 0.03, absolute: 1e-4)

  private func agrees(_ found: Double, _ expected: Double) -> Bool {
    abs(found - expected) <= Self.tolerance.absolute + Self.tolerance.relative * abs(expected)
  }

  @Test(arguments: [
    "features.1.0.block.2.fc1.weight",
    "features.1.1.block.2.fc1.bias", "features.1.1.block.2.norm.weight",
    "features.2.0.block.2.norm.bias", "features.2.0.block.2.fc2.weight",
    "features.2.0.block.2.conv_attn.weight", "features.1.0.block.1.0.weight",
    "features.2.0.block.0.1.weight", "features.0.0.weight",
  ])
  func gradientsAreDerivatives(_ name: String) throws {
    let (_, store) = try loss(change: Self.sharpen)
    let entry = try #require(store.entries.first { $0.parameter.name == name })
    let gradient = store.floats(entry, of: store.gradients).map { $0 }
    // Along the signs of the gradient, the derivative is the sum of its magnitudes.
    let expected = gradient.reduce(0.0) { $0 + Double(abs($1)) }
    let step: Float = 2e-3
    func moved(_ step: Float) throws -> Double {
      try loss {
        Self.sharpen($0)
        for (place, slope) in zip(entry.range, gradient) {
          $0.values.base[place] += slope < 0 ? -step : step
        }
      }.loss
    }
    let found = try (moved(step) - moved(-step)) / Double(2 * step)
    #expect(agrees(found, expected), "\(found) for \(expected)")
    #expect(expected > 5 * Self.tolerance.absolute, "\(expected) says nothing")
    #expect(!agrees(found * 1.1 + 2 * Self.tolerance.absolute, expected))
  }

  @Test func tapeAndProgramAgree() throws {
    let (loss, _) = try loss(batchNorm: .fixed)
    let session = try InferenceSession(
      graph: graph, parameters: SeededParameters(),
      options: .init(threads: 2, maximumBatch: images.count))
    for (index, image) in images.enumerated() {
      session.withInput(image: index) { _ = $0.update(fromContentsOf: image) }
    }
    try session.run(batch: images.count)
    let logits = images.indices.map { session.logits(image: $0) }
    let expected = logits.enumerated().reduce(0.0) { sum, element in
      let (image, values) = element
      let largest = Double(values.max() ?? 0)
      let total = values.reduce(0.0) { $0 + exp(Double($1) - largest) }
      return sum + largest + log(total) - Double(values[image])
    }
    #expect(abs(loss - expected / Double(images.count)) < 1e-5)
    #expect(Set(logits.map { $0[0] }).count == images.count)
  }
}
