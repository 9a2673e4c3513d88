// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

/// What every optimiser's update of parameters reads and writes, in one pass over flat memory.
///
/// The gradients are zero afterwards, ready for the next sum.
@frozen
public struct ParameterUpdate {
  /// A multiple of 16.
  public var count: Int
  public var values: UnsafeMutablePointer<Float>
  public var gradients: UnsafeMutablePointer<Float>
  /// The moving average of the values, if there is one.
  public var average: UnsafeMutablePointer<Float>?
  /// The share of the new values in the average.
  public var averageRate: Float
  /// Applied to the gradients first.
  public var gradientFactor: Float
  public var learningRate: Float
  /// Weight decay.
  public var decay: Float

  @inlinable
  public init(
    count: Int, values: UnsafeMutablePointer<Float>, gradients: UnsafeMutablePointer<Float>,
    average: UnsafeMutablePointer<Float>?, averageRate: Float, gradientFactor: Float,
    learningRate: Float, decay: Float
  ) {
    self.count = count
    self.values = values
    self.gradients = gradients
    self.average = average
    self.averageRate = averageRate
    self.gradientFactor = gradientFactor
    self.learningRate = learningRate
    self.decay = decay
  }

  /// The values at `index`, and their gradients with the factor; zeroes those in memory.
  @inlinable @inline(__always)
  func begin<L: Lanes>(_ index: Int, _: L.Type) -> (value: L.Vector, gradient: L.Vector) {
    let gradient = L.multiply(L.load(gradients + index), L.splat(gradientFactor))
    L.store(L.splat(0), gradients + index)
    return (L.load(values + index), gradient)
  }

  /// Stores new values and moves their average.
  @inlinable @inline(__always)
  func end<L: Lanes>(_ index: Int, _ value: L.Vector, _: L.Type) {
    L.store(value, values + index)
    guard let average else { return }
    move(average + index, toward: value, by: averageRate, L.self)
  }
}

/// average += (value − average) · rate; equal values stay as they are.
@inlinable @inline(__always)
func move<L: Lanes>(
  _ average: UnsafeMutablePointer<Float>, toward value: L.Vector, by rate: Float, _: L.Type
) {
  let old = L.load(average)
  L.store(L.multiplyAdd(L.subtract(value, old), L.splat(rate), old), average)
}

/// Stochastic gradient descent with momentum, as PyTorch's `SGD`: the momentum starts at zero, weight
/// decay is part of the gradient.
@frozen
public struct SGDUpdate: ChannelBody {
  public var update: ParameterUpdate
  /// The sum of gradients.
  public var momentums: UnsafeMutablePointer<Float>
  public var momentum: Float
  /// Whether the step looks ahead.
  public var isNesterov: Bool

  @inlinable
  public init(
    _ update: ParameterUpdate, momentums: UnsafeMutablePointer<Float>, momentum: Float,
    isNesterov: Bool
  ) {
    self.update = update
    self.momentums = momentums
    self.momentum = momentum
    self.isNesterov = isNesterov
  }

  @inlinable @inline(__always)
  public func run<L: Lanes>(_ index: Int, _: L.Type) {
    var (value, gradient) = update.begin(index, L.self)
    gradient = L.multiplyAdd(value, L.splat(update.decay), gradient)
    let sum = L.multiplyAdd(L.load(momentums + index), L.splat(momentum), gradient)
    L.store(sum, momentums + index)
    let step = isNesterov ? L.multiplyAdd(sum, L.splat(momentum), gradient) : sum
    value = L.multiplyAdd(step, L.splat(-update.learningRate), value)
    update.end(index, value, L.self)
  }
}

/// RMSProp as TensorFlow computes it: ε inside the root, the learning rate inside the momentum; weight
/// decay is part of the gradient.
@frozen
public struct RMSPropUpdate: ChannelBody {
  public var update: ParameterUpdate
  /// The moving mean of squared gradients.
  public var meanSquares: UnsafeMutablePointer<Float>
  /// The sum of steps.
  public var momentums: UnsafeMutablePointer<Float>
  /// The share of a new square in the mean: 1 − decay.
  public var squareRate: Float
  public var momentum: Float
  public var epsilon: Float

  @inlinable
  public init(
    _ update: ParameterUpdate, meanSquares: UnsafeMutablePointer<Float>,
    momentums: UnsafeMutablePointer<Float>, squareRate: Float, momentum: Float, epsilon: Float
  ) {
    self.update = update
    self.meanSquares = meanSquares
    self.momentums = momentums
    self.squareRate = squareRate
    self.momentum = momentum
    self.epsilon = epsilon
  }

  @inlinable @inline(__always)
  public func run<L: Lanes>(_ index: Int, _: L.Type) {
    var (value, gradient) = update.begin(index, L.self)
    gradient = L.multiplyAdd(value, L.splat(update.decay), gradient)
    let old = L.load(meanSquares + index)
    let square = L.multiplyAdd(gradient, gradient, L.subtract(L.splat(0), old))
    let meanSquare = L.multiplyAdd(square, L.splat(squareRate), old)
    L.store(meanSquare, meanSquares + index)
    let step = L.divide(
      L.multiply(gradient, L.splat(update.learningRate)),
      L.squareRoot(L.add(meanSquare, L.splat(epsilon))))
    let sum = L.multiplyAdd(L.load(momentums + index), L.splat(momentum), step)
    L.store(sum, momentums + index)
    value = L.subtract(value, sum)
    update.end(index, value, L.self)
  }
}

/// Adam with decoupled weight decay, as PyTorch's `AdamW`.
@frozen
public struct AdamWUpdate: ChannelBody {
  public var update: ParameterUpdate
  /// The moving mean of gradients.
  public var firstMoments: UnsafeMutablePointer<Float>
  /// The moving mean of squared gradients.
  public var secondMoments: UnsafeMutablePointer<Float>
  /// The shares of new values in the moments: 1 − β₁ and 1 − β₂.
  public var firstRate: Float
  public var secondRate: Float
  /// Corrects the moments' start at zero: 1 / (1 − β₁ⁿ) and 1 / √(1 − β₂ⁿ) in step n.
  public var firstCorrection: Float
  public var secondCorrection: Float
  public var epsilon: Float

  @inlinable
  public init(
    _ update: ParameterUpdate, firstMoments: UnsafeMutablePointer<Float>,
    secondMoments: UnsafeMutablePointer<Float>, firstRate: Float, secondRate: Float,
    firstCorrection: Float, secondCorrection: Float, epsilon: Float
  ) {
    self.update = update
    self.firstMoments = firstMoments
    self.secondMoments = secondMoments
    self.firstRate = firstRate
    self.secondRate = secondRate
    self.firstCorrection = firstCorrection
    self.secondCorrection = secondCorrection
    self.epsilon = epsilon
  }

  @inlinable @inline(__always)
  public func run<L: Lanes>(_ index: Int, _: L.Type) {
    var (value, gradient) = update.begin(index, L.self)
    value = L.multiply(value, L.splat(1 - update.learningRate * update.decay))
    let oldFirst = L.load(firstMoments + index)
    let first = L.multiplyAdd(L.subtract(gradient, oldFirst), L.splat(firstRate), oldFirst)
    L.store(first, firstMoments + index)
    let oldSecond = L.load(secondMoments + index)
    let square = L.multiplyAdd(gradient, gradient, L.subtract(L.splat(0), oldSecond))
    let second = L.multiplyAdd(square, L.splat(secondRate), oldSecond)
    L.store(second, secondMoments + index)
    let root = L.multiplyAdd(L.squareRoot(second), L.splat(secondCorrection), L.splat(epsilon))
    let step = L.multiply(first, L.splat(update.learningRate * firstCorrection))
    value = L.subtract(value, L.divide(step, root))
    update.end(index, value, L.self)
  }
}

/// Moves an average of values that no optimiser changes.
@frozen
public struct AverageUpdate: ChannelBody {
  /// A multiple of 16.
  public var count: Int
  public var values: UnsafePointer<Float>
  public var average: UnsafeMutablePointer<Float>
  /// The share of the values in the new average.
  public var rate: Float

  @inlinable
  public init(
    count: Int, values: UnsafePointer<Float>, average: UnsafeMutablePointer<Float>, rate: Float
  ) {
    self.count = count
    self.values = values
    self.average = average
    self.rate = rate
  }

  @inlinable @inline(__always)
  public func run<L: Lanes>(_ index: Int, _: L.Type) {
    move(average + index, toward: L.load(values + index), by: rate, L.self)
  }
}
