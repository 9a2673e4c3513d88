import Operators

/// What a training step spends its time on.
public enum TrainingWork: Int, Sendable, CaseIterable {
  /// Convolutions and linear layers, forwards.
  case product
  /// Batch norm, activations, residual connections, pools and gates, forwards.
  case normalization
  /// What the backward pass computes again.
  case recomputation
  /// The gradients of batch norm, activations, pools and gates.
  case normalizationGradient
  /// The gradients of weights and biases.
  case weightGradient
  /// The gradients of the inputs of convolutions and linear layers.
  case inputGradient
  /// The weights' change to the layout of the kernels, for both directions.
  case packing
  /// The loss and its gradient.
  case loss
  /// The optimiser and the average, in one pass.
  case update

  /// The part of a step that it belongs to.
  public enum Direction: Sendable, CaseIterable {
    case forward, backward
    /// Neither: what is done for all parameters at once, and the loss.
    case whole
  }

  /// The part of a step that it belongs to.
  public var direction: Direction {
    switch self {
    case .product, .normalization: .forward
    case .recomputation, .normalizationGradient, .weightGradient, .inputGradient: .backward
    case .packing, .loss, .update: .whole
    }
  }
}

extension TrainingWork {
  init(_ stage: GradientStage) {
    self =
      switch stage {
      case .recomputation: .recomputation
      case .normalizationGradient: .normalizationGradient
      case .weightGradient: .weightGradient
      case .inputGradient: .inputGradient
      }
  }
}

/// The seconds of a training step, by layer and work.
public struct StepTimes: Sendable, Equatable {
  /// The number of layers.
  public let layerCount: Int
  private var seconds: [Double]

  /// No time for any of `layerCount` layers.
  public init(layerCount: Int) {
    self.layerCount = layerCount
    seconds = Array(repeating: 0, count: (layerCount + 1) * TrainingWork.allCases.count)
  }

  /// The seconds of a layer's work; `nil` for work on the network as a whole.
  public subscript(layer: Int?, work: TrainingWork) -> Double {
    get { seconds[index(layer, work)] }
    set { seconds[index(layer, work)] = newValue }
  }

  private func index(_ layer: Int?, _ work: TrainingWork) -> Int {
    (layer ?? layerCount) * TrainingWork.allCases.count + work.rawValue
  }

  /// All seconds together.
  public var total: Double { seconds.reduce(0, +) }

  /// The mean of the middle half of several steps, by their totals.
  ///
  /// Like a median it ignores steps that were disturbed, but its parts still add up.
  ///
  /// - Precondition: There is at least one step, and all have the same layers.
  public static func typical(_ steps: [StepTimes]) -> StepTimes {
    let sorted = steps.sorted { $0.total < $1.total }
    let middle = sorted[sorted.count / 4..<sorted.count - sorted.count / 4]
    var result = StepTimes(layerCount: steps[0].layerCount)
    for index in result.seconds.indices {
      result.seconds[index] = middle.reduce(0) { $0 + $1.seconds[index] } / Double(middle.count)
    }
    return result
  }
}
