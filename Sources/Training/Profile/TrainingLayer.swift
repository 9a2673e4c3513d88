import GraphIR
import Operators

/// A layer of a network in training: a convolution or linear layer with the batch norm, activation and
/// residual connection after it, or a pool, gate or dropout.
public struct TrainingLayer: Sendable {
  /// What a direction computes and at least moves.
  ///
  /// Batch norm's statistics are the only reason for a feature map to leave the cache: forwards, a
  /// convolution reads its input and writes its output z, and batch norm and activation are applied
  /// where z is read. Outputs of blocks are written as well. Backwards, z, its gradient and the input
  /// are read, and the input's gradient is written.
  public struct Cost: Sendable, Equatable {
    /// Multiply-accumulates for an image, by the layer's definition.
    public var macs = 0
    /// Multiply-adds for an image by the algorithms in use, by the precision of their operands;
    /// Winograd's are fewer than `macs`.
    public var arithmetic: [Precision: Int] = [:]
    /// Bytes for an image.
    public var bytes = 0
    /// Further bytes for a batch: weights and their gradients.
    public var weightBytes = 0

    /// Multiply-adds for an image by the algorithms in use.
    public var multiplyAdds: Int { arithmetic.values.reduce(0, +) }

    mutating func add(_ other: Cost) {
      macs += other.macs
      arithmetic.merge(other.arithmetic, uniquingKeysWith: +)
      bytes += other.bytes
      weightBytes += other.weightBytes
    }
  }

  /// Path of its first node.
  public let name: String
  /// The layer's role in its block or network.
  public let role: NodeRole
  /// The block that it is part of; `nil` in stem, head and classifier.
  public let block: Block?
  /// Shape of its output for one image.
  public let shape: TensorShape
  /// How its product is computed forwards, such as `winograd 4x4`; empty without one.
  public let strategy: String
  /// Forwards.
  public internal(set) var forward = Cost()
  /// Backwards; `nil` if it is frozen and nothing below it is trained.
  public internal(set) var backward: Cost?
}

/// The layers of a tape.
struct TapeLayers {
  private(set) var layers: [TrainingLayer] = []
  /// The layer of each step.
  private(set) var layerOfStep: [Int] = []

  init(_ tape: Tape) {
    let passedOn = Self.passedOn(tape)
    let counts = Self.counts(tape, passedOn: passedOn)
    var layerOfBuffer: [TapeBuffer: Int] = [:]
    for (index, step) in tape.steps.enumerated() {
      let continued = step.continues.flatMap { layerOfBuffer[$0] }
      if continued == nil { layers.append(TrainingLayer(step, tape.nodes[index])) }
      let layer = continued ?? layers.count - 1
      layerOfStep.append(layer)
      layerOfBuffer[step.output] = layer
      layers[layer].forward.add(
        step.forwardCost(counts, isPassedOn: passedOn.contains(step.output)))
      guard index >= tape.firstTrained else { continue }
      layers[layer].backward = layers[layer].backward ?? TrainingLayer.Cost()
      layers[layer].backward?.add(step.backwardCost(counts))
    }
  }

  /// Floats of each value for one image as memory holds them: those of batch norm are formed, where they
  /// are read, from what it keeps.
  private static func counts(_ tape: Tape, passedOn: Set<TapeBuffer>) -> [Int] {
    var counts = tape.bufferCounts
    for step in tape.steps.compactMap(\.normalization) {
      counts[step.input] = counts[step.kept]
      if !passedOn.contains(step.output) { counts[step.output] = counts[step.kept] }
    }
    return counts
  }

  /// The outputs that a unit leaves to others.
  private static func passedOn(_ tape: Tape) -> Set<TapeBuffer> {
    var passed: Set = [tape.logits]
    for unit in tape.units {
      let own = Set(unit.steps.map { tape.steps[$0].output })
      for index in unit.steps { passed.formUnion(Set(tape.steps[index].inputs).subtracting(own)) }
    }
    return passed
  }
}

extension TrainingLayer {
  fileprivate init(_ step: TapeStep, _ node: Node) {
    let (strategy, last) =
      switch step {
      case .convolution(let step): ("\(step.strategy)", node)
      case .expansion(let step): ("\(step.strategy)", step.depthwise.node)
      case .depthwise(let step): ("\(step.convolution.strategy)", node)
      default: ("", node)
      }
    self.init(
      name: node.name, role: node.role, block: node.block, shape: last.shape, strategy: strategy)
  }
}
