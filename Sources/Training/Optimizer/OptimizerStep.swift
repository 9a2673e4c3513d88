import Glibc
import Host
import Kernels

/// The update of all parameters from their gradients: clipping, optimiser and average in one pass.
///
/// The parameters are cut into parts that depend only on the store, so the bits do not depend on the
/// number of threads.
package struct OptimizerStep {
  /// The optimiser.
  package let optimizer: Optimizer
  /// See `TrainingConfiguration.weightDecay`.
  package let weightDecay: Double
  /// See `TrainingConfiguration.clipNorm`.
  package let clipNorm: Double?
  /// The average; `nil` for none.
  package let average: WeightAverage?

  private let store: ParameterStore
  private let kernels: TrainingKernels
  private let parts: [Part]

  /// Some floats of an entry, a multiple of 16.
  private struct Part {
    let entry: Int
    let range: Range<Int>
  }

  /// The largest part: with all of its buffers, it stays in the L2 cache.
  private static let partCount = 32_768

  /// - Precondition: The store has the optimiser's number of states.
  package init(
    _ store: ParameterStore, optimizer: Optimizer, weightDecay: Double, clipNorm: Double? = nil,
    average: WeightAverage? = nil, kernels: KernelTable
  ) {
    precondition(store.states.count == optimizer.initialStates.count)
    (self.store, self.optimizer, self.weightDecay) = (store, optimizer, weightDecay)
    (self.clipNorm, self.average, self.kernels) = (clipNorm, average, kernels.training)
    parts = store.entries.enumerated().flatMap { index, entry in
      stride(from: 0, to: entry.paddedCount, by: Self.partCount).map { start in
        let end = min(start + Self.partCount, entry.paddedCount)
        return Part(entry: index, range: entry.offset + start..<entry.offset + end)
      }
    }
  }

  /// Gives the optimiser's buffers their initial values.
  package func resetStates() {
    for (state, value) in zip(store.states, optimizer.initialStates) {
      state.base.update(repeating: value, count: state.count)
    }
  }

  /// Changes the parameters; gradients of those that are trained are zero afterwards.
  ///
  /// Frozen parameters stay as they are. Batch norm's statistics do too, but their averages follow
  /// them.
  ///
  /// - Parameters:
  ///   - count: Updates before this one.
  ///   - learningRate: The learning rate of entries with the factor 1.
  ///   - gradientFactor: Applied to the gradients first, such as 1 / the number of batches in their sum.
  /// - Returns: The Euclidean norm of all gradients with the factor, before clipping.
  /// - Throws: `TrainingError.nonFinite` if a gradient is NaN or infinite, or too large for its square,
  ///   if the optimiser needs that; nothing has changed then.
  @discardableResult
  package func update(
    after count: Int, learningRate: Double, gradientFactor: Double = 1, on pool: WorkerPool
  ) throws(TrainingError) -> Double {
    let norm = try gradientNorm(pool) * gradientFactor
    // PyTorch's clip_grad_norm_ adds the same 10⁻⁶.
    let clip = clipNorm.map { min(1, $0 / (norm + 1e-6)) } ?? 1
    let factor = Float(gradientFactor * clip)
    // Only a norm this large can have such a gradient.
    if norm * clip > Self.largestSquared, optimizer.squaresGradients {
      try requireSquares(factor)
    }
    let averageRate = average.map { Float(1 - $0.decay(after: count)) }
    pool.forEach(below: parts.count) { index in
      let part = parts[index]
      let entry = store.entries[part.entry]
      guard entry.isTrainable else {
        if let averageRate { follow(part, averageRate) }
        return
      }
      update(
        part,
        ParameterUpdate(
          count: part.range.count, values: store.values.base + part.range.lowerBound,
          gradients: store.gradients.base + part.range.lowerBound,
          average: averageRate.map { _ in store.average.base + part.range.lowerBound },
          averageRate: averageRate ?? 0, gradientFactor: factor,
          learningRate: Float(learningRate * Double(entry.rate)),
          decay: entry.decays ? Float(weightDecay) : 0),
        count: count)
    }
    return norm
  }

  private func update(_ part: Part, _ update: ParameterUpdate, count: Int) {
    let states = store.states.map { $0.base + part.range.lowerBound }
    switch optimizer {
    case .sgd(let momentum, let isNesterov):
      kernels.sgd(
        SGDUpdate(
          update, momentums: states[0], momentum: Float(momentum), isNesterov: isNesterov))
    case .rmsProp(let decay, let momentum, let epsilon):
      kernels.rmsProp(
        RMSPropUpdate(
          update, meanSquares: states[0], momentums: states[1], squareRate: Float(1 - decay),
          momentum: Float(momentum), epsilon: Float(epsilon)))
    case .adamW(let beta1, let beta2, let epsilon):
      let step = Double(count + 1)
      kernels.adamW(
        AdamWUpdate(
          update, firstMoments: states[0], secondMoments: states[1], firstRate: Float(1 - beta1),
          secondRate: Float(1 - beta2), firstCorrection: Float(1 / (1 - pow(beta1, step))),
          secondCorrection: Float(1 / (1 - pow(beta2, step)).squareRoot()),
          epsilon: Float(epsilon)))
    }
  }

  private func follow(_ part: Part, _ rate: Float) {
    kernels.average(
      AverageUpdate(
        count: part.range.count, values: store.values.base + part.range.lowerBound,
        average: store.average.base + part.range.lowerBound, rate: rate))
  }

  /// The largest magnitude whose square is finite.
  private static let largestSquared = Double(Float.greatestFiniteMagnitude).squareRoot()

  private func requireSquares(_ factor: Float) throws(TrainingError) {
    for entry in store.entries where entry.isTrainable {
      let isTooLarge = store.floats(entry, of: store.gradients).contains { gradient in
        !(gradient * factor * (gradient * factor)).isFinite
      }
      if isTooLarge {
        throw .nonFinite(
          place: "the squared gradient of \(entry.parameter.name)", images: [])
      }
    }
  }

  /// The Euclidean norm of the gradients of all trained entries: sums of a part in single precision
  /// unless it overflows, of all parts in double.
  private func gradientNorm(_ pool: WorkerPool) throws(TrainingError) -> Double {
    var squares = [Double](repeating: 0, count: parts.count)
    squares.withUnsafeMutableBufferPointer { squares in
      let sums = squares.baseAddress
      pool.forEach(below: parts.count) { index in
        let part = parts[index]
        guard store.entries[part.entry].isTrainable else { return }
        let gradients = store.gradients.base + part.range.lowerBound
        let sum = sumOfSquares(gradients, part.range.count)
        sums?[index] =
          sum.isFinite
          ? sum
          : UnsafeBufferPointer(start: gradients, count: part.range.count)
            .reduce(0) { $0 + Double($1) * Double($1) }
      }
    }
    let norm = squares.reduce(0, +).squareRoot()
    if !norm.isFinite, let index = squares.firstIndex(where: { !$0.isFinite }) {
      let name = store.entries[parts[index].entry].parameter.name
      throw .nonFinite(place: "the gradient of \(name)", images: [])
    }
    return norm
  }

  private func sumOfSquares(_ values: UnsafePointer<Float>, _ count: Int) -> Double {
    // Rows of 64 floats, each column with a sum of its own; the rest is one more row.
    let width = 64
    let (rows, rest) = (count / width, count % width)
    return withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * width) { sums in
      sums.initialize(repeating: 0)
      guard let base = sums.baseAddress else { return 0 }
      if rows > 0 {
        kernels.products(
          ChannelProducts(
            rows: rows, channels: width, x: values, xStride: width, y: values, yStride: width,
            out: base))
      }
      if rest > 0 {
        let last = values + rows * width
        kernels.products(
          ChannelProducts(
            rows: 1, channels: rest, x: last, xStride: rest, y: last, yStride: rest,
            out: base + width))
      }
      return sums.reduce(0) { $0 + Double($1) }
    }
  }
}
