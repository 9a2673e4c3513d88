import Foundation
import GraphIR
import Host
import InstructionSets
import Kernels
import Operators
import Testing
import Training
import Weights

/// Three steps of each optimiser against PyTorch's and timm's in double precision
/// (Scripts/goldens/record_optimizers.py), on every instruction set.
struct OptimizerTests {
  /// The largest error, relative to the largest of 1 and the value.
  private static let tolerance: Float = 2e-6
  private static let rates = [0.05, 0.04, 0.02]

  struct Case: CustomTestStringConvertible, Sendable {
    let name: String
    var optimizer: Optimizer
    var weightDecay = 0.0
    var clipNorm: Double?
    /// The same with one hyperparameter slightly off.
    var wrong: [Optimizer] = []

    var testDescription: String { name }
  }

  static let cases: [Case] = [
    Case(
      name: "sgd", optimizer: .sgd(momentum: 0.9, isNesterov: false),
      wrong: [.sgd(momentum: 0.9), .sgd(momentum: 0.901, isNesterov: false)]),
    Case(name: "sgd-plain", optimizer: .sgd(momentum: 0, isNesterov: false), weightDecay: 0.1),
    Case(name: "sgd-decay", optimizer: .sgd(momentum: 0.9, isNesterov: false), weightDecay: 0.1),
    Case(
      name: "sgd-nesterov", optimizer: .sgd(), weightDecay: 0.1,
      wrong: [.sgd(isNesterov: false), .sgd(momentum: 0.901)]),
    Case(
      name: "rmsprop", optimizer: .rmsProp(),
      wrong: [
        .rmsProp(decay: 0.901), .rmsProp(momentum: 0.901), .rmsProp(epsilon: 1.1e-3),
      ]),
    Case(name: "rmsprop-decay", optimizer: .rmsProp(), weightDecay: 0.1),
    Case(
      name: "adamw", optimizer: .adamW(),
      wrong: [.adamW(beta1: 0.901), .adamW(beta2: 0.998), .adamW(epsilon: 1e-6)]),
    Case(
      name: "adamw-decay", optimizer: .adamW(beta1: 0.8, beta2: 0.95, epsilon: 1e-3),
      weightDecay: 0.1),
    Case(
      name: "clipped", optimizer: .sgd(momentum: 0.9, isNesterov: false), weightDecay: 0.1,
      clipNorm: 30),
  ]

  /// The largest error after the first and the third step.
  ///
  /// - Parameter factor: The gradients are divided by this power of two, and multiplied by it in the
  ///   step.
  private static func error(
    _ test: Case, _ set: InstructionSet, factor: Float = 1
  ) throws -> Float {
    let golden = try WeightFile(
      path: URL(filePath: #filePath).deletingLastPathComponent().appending(
        path: "Goldens/optimizers.safetensors"
      ).path)
    func recorded(_ name: String) throws -> [Float] { try #require(golden[name]).floats() }
    // Two depths before the classifier's, the stem's layers have a quarter of the learning rate.
    let store = try SmallStore.make(states: test.optimizer.initialStates.count, layerDecay: 0.5)
    let step = OptimizerStep(
      store, optimizer: test.optimizer, weightDecay: test.weightDecay, clipNorm: test.clipNorm,
      kernels: set.kernels)
    step.resetStates()
    store.setTrained(try recorded("initial"), in: store.values)
    let pool = WorkerPool(count: 2)
    var worst: Float = 0
    for (index, rate) in rates.enumerated() {
      store.setTrained(
        try recorded("gradients \(index + 1)").map { $0 / factor }, in: store.gradients)
      try step.update(
        after: index, learningRate: rate, gradientFactor: Double(factor), on: pool)
      #expect(store.allFloats(of: store.gradients).allSatisfy { $0 == 0 })
      guard index != 1 else { continue }
      for (found, expected) in zip(
        store.trained(in: store.values), try recorded("\(test.name) \(index + 1)"))
      {
        worst = max(worst, abs(found - expected) / max(1, abs(expected)))
      }
    }
    return worst
  }

  @Test(arguments: cases, InstructionSet.allCases.filter(\.isSupported))
  func matchesPyTorch(_ test: Case, _ set: InstructionSet) throws {
    #expect(try Self.error(test, set) < Self.tolerance)
    #expect(try Self.error(test, set, factor: 4) < Self.tolerance)
  }

  @Test(arguments: cases)
  func wrongHyperparametersAreRefused(_ test: Case) throws {
    let set = try InstructionSet.selected()
    for wrong in test.wrong {
      var other = test
      other.optimizer = wrong
      #expect(try Self.error(other, set) > Self.tolerance, "\(wrong)")
    }
    var other = test
    other.weightDecay += 0.001
    #expect(try Self.error(other, set) > Self.tolerance, "weight decay")
    if let norm = test.clipNorm {
      other = test
      other.clipNorm = norm * 1.001
      #expect(try Self.error(other, set) > Self.tolerance, "norm")
    }
  }
}

/// A store for a network of three layers, and one stage without parameters.
enum SmallStore {
  /// - Parameter outputs: The classifier's outputs.
  static func make(
    states: Int, frozenStages: Int = 0, layerDecay: Double = 1, features: Int = 5, outputs: Int = 3
  ) throws -> ParameterStore {
    var builder = GraphBuilder(name: "small")
    let input = builder.input(TensorShape(height: 4, width: 4, channels: 3))
    let stem = builder.scope("stem", kind: "Stem", role: .stem) { builder in
      let map = builder.convolution(
        input, "conv", channels: features,
        Convolution(kernel: 3, padding: .symmetric, hasBias: false))
      return builder.batchNorm(map, "norm", epsilon: 1e-3)
    }
    let map = builder.scope(
      "stage", kind: "Stage", role: .depthwise,
      block: Block(kind: .single, stage: 0, index: 0, number: 0)
    ) { builder in builder.activation(stem, "activation", .relu) }
    let pooled = builder.globalAveragePool(map, "pool")
    let logits = builder.linear(pooled, "classifier", outputs: outputs)
    return try ParameterStore(
      builder.graph(output: logits), states: states, frozenStages: frozenStages,
      layerDecay: layerDecay)
  }
}

extension ParameterStore {
  /// The floats of all trained entries, without padding.
  func trained(in buffer: AlignedBuffer) -> [Float] {
    entries.filter(\.isTrainable).flatMap { Array(floats($0, of: buffer)) }
  }

  /// The same, to change them.
  func setTrained(_ values: [Float], in buffer: AlignedBuffer) {
    var rest = values[...]
    for entry in entries where entry.isTrainable {
      _ = floats(entry, of: buffer).update(fromContentsOf: rest.prefix(entry.parameter.count))
      rest = rest.dropFirst(entry.parameter.count)
    }
    precondition(rest.isEmpty)
  }

  /// Everything with padding.
  func allFloats(of buffer: AlignedBuffer) -> [Float] {
    Array(UnsafeBufferPointer(start: buffer.base, count: buffer.count))
  }
}
