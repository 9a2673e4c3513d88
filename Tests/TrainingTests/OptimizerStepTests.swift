import Host
import InstructionSets
import Kernels
import Operators
import Testing
import Training

/// What an update does besides the optimiser's formula.
struct OptimizerStepTests {
  /// A store with random values, gradients and averages, the latter equal to the values.
  private static func store(
    _ optimizer: Optimizer, frozenStages: Int = 0, features: Int = 5, outputs: Int = 3
  ) throws -> ParameterStore {
    let store = try SmallStore.make(
      states: optimizer.initialStates.count, frozenStages: frozenStages, features: features,
      outputs: outputs)
    for (index, entry) in store.entries.enumerated() {
      for (element, value) in store.floats(entry, of: store.values).indices.enumerated() {
        let key = RandomKey(seed: 3)[index]
        store.values.base[entry.offset + value] = Float(key.uniform(2 * element)) - 0.5
        store.average.base[entry.offset + value] = store.values.base[entry.offset + value]
        if entry.isTrainable {
          store.gradients.base[entry.offset + value] = Float(key.uniform(2 * element + 1)) - 0.5
        }
      }
    }
    return store
  }

  private static func step(
    _ store: ParameterStore, _ optimizer: Optimizer, clipNorm: Double? = nil,
    average: WeightAverage? = nil
  ) throws -> OptimizerStep {
    let step = OptimizerStep(
      store, optimizer: optimizer, weightDecay: 1e-3, clipNorm: clipNorm, average: average,
      kernels: try InstructionSet.selected().kernels)
    step.resetStates()
    return step
  }

  /// More than one part in an entry, and entries of a few floats.
  @Test(arguments: [Optimizer.sgd(), .rmsProp(), .adamW()])
  func bitsDoNotDependOnThreads(_ optimizer: Optimizer) throws {
    let results = try [1, 2, 3].map { threads in
      let store = try Self.store(optimizer, features: 331, outputs: 205)
      let step = try Self.step(
        store, optimizer, clipNorm: 1, average: WeightAverage(limit: 0.99))
      let pool = WorkerPool(count: threads)
      var norms: [Double] = []
      for count in 0..<3 {
        norms.append(try step.update(after: count, learningRate: 0.01, on: pool))
        for index in 0..<store.count { store.gradients.base[index] = store.values.base[index] }
      }
      let buffers = [store.values, store.average] + store.states
      return (buffers.flatMap { store.allFloats(of: $0).map(\.bitPattern) }, norms)
    }
    for other in results.dropFirst() {
      #expect(other.0 == results[0].0)
      #expect(other.1 == results[0].1)
    }
  }

  /// Every float of a large entry is updated once.
  @Test func largeEntries() throws {
    let store = try Self.store(.sgd(), features: 331, outputs: 205)
    let entry = try #require(store.entries.first { $0.parameter.shape == [205, 331] })
    let before = Array(store.floats(entry, of: store.values))
    let gradients = Array(store.floats(entry, of: store.gradients))
    try Self.step(store, .sgd(momentum: 0)).update(
      after: 0, learningRate: 0.1, on: WorkerPool(count: 2))
    for ((old, gradient), new) in zip(
      zip(before, gradients), store.floats(entry, of: store.values))
    {
      let expected = Double(old) - 0.1 * (Double(gradient) + 1e-3 * Double(old))
      #expect(abs(Double(new) - expected) < 1e-7)
    }
  }

  /// The norm, and that clipping limits it: without momentum and decay, the change is rate · gradient.
  @Test(arguments: [(norm: 2.0, isClipped: true), (norm: 1000, isClipped: false)])
  func clipping(_ limit: (norm: Double, isClipped: Bool)) throws {
    let optimizer = Optimizer.sgd(momentum: 0)
    let store = try Self.store(optimizer, features: 331, outputs: 205)
    let norm = store.trained(in: store.gradients).reduce(0) { $0 + Double($1) * Double($1) }
      .squareRoot()
    let before = store.trained(in: store.values)
    let step = OptimizerStep(
      store, optimizer: optimizer, weightDecay: 0, clipNorm: limit.norm,
      kernels: try InstructionSet.selected().kernels)
    step.resetStates()
    let found = try step.update(
      after: 0, learningRate: 1, gradientFactor: 0.5, on: WorkerPool(count: 2))
    #expect(abs(found - norm / 2) < 1e-6 * norm)
    let change = zip(before, store.trained(in: store.values)).reduce(0) { sum, pair in
      let difference = Double(pair.0) - Double(pair.1)
      return sum + difference * difference
    }.squareRoot()
    #expect(abs(change - (limit.isClipped ? limit.norm : norm / 2)) < 1e-5 * change)
  }

  /// Values that move by known amounts, also those of running statistics, which no optimiser moves.
  @Test func averages() throws {
    let store = try Self.store(.sgd())
    let step = try Self.step(store, .sgd(), average: WeightAverage(limit: 0.15))
    var expected = store.allFloats(of: store.average).map(Double.init)
    let pool = WorkerPool(count: 2)
    for (count, decay) in [0.1, 0.15, 0.15].enumerated() {
      for entry in store.entries {
        let buffer = entry.isTrainable ? store.gradients : store.values
        for index in entry.range { buffer.base[index] = Float(index % 7) - 3 + Float(count) }
      }
      try step.update(after: count, learningRate: 0.1, on: pool)
      for index in 0..<store.count {
        expected[index] =
          decay * expected[index] + (1 - decay) * Double(store.values.base[index])
      }
    }
    let worst = zip(store.allFloats(of: store.average), expected).map { abs(Double($0) - $1) }.max()
    #expect(try #require(worst) < 2e-6)
    let statistics = store.entries.filter { !$0.parameter.isTrainable }
    #expect(statistics.count == 2)
    for index in statistics.flatMap(\.range) where store.values.base[index] != 0 {
      #expect(store.average.base[index] != 0)
    }
  }

  /// Without an average, its memory is not touched.
  @Test func noAverage() throws {
    let store = try Self.store(.rmsProp())
    let before = store.allFloats(of: store.average)
    try Self.step(store, .rmsProp()).update(
      after: 0, learningRate: 0.1, on: WorkerPool(count: 1))
    #expect(store.allFloats(of: store.average) == before)
    #expect(store.allFloats(of: store.values) != before)
  }

  /// Frozen layers stay, bit for bit, with their averages; the rest moves.
  @Test(arguments: [Optimizer.sgd(), .rmsProp(), .adamW()])
  func frozenEntries(_ optimizer: Optimizer) throws {
    let store = try Self.store(optimizer, frozenStages: 1)
    let frozen = store.entries.filter { !$0.isTrainable && $0.parameter.isTrainable }
    #expect(frozen.count == 3)
    for index in frozen.flatMap(\.range) { store.gradients.base[index] = 100 }
    let before = store.allFloats(of: store.values)
    let step = try Self.step(
      store, optimizer, clipNorm: 10, average: WeightAverage(limit: 0.9))
    let norm = try step.update(after: 0, learningRate: 0.1, on: WorkerPool(count: 2))
    #expect(norm < 10)
    for entry in store.entries {
      for index in entry.range {
        #expect((store.values.base[index] == before[index]) == !entry.isTrainable)
        #expect((store.average.base[index] == before[index]) == !entry.isTrainable)
      }
    }
  }

  /// Padding stays zero, so that whole buffers can be compared and summed.
  @Test(arguments: [Optimizer.sgd(), .rmsProp(), .adamW()])
  func paddingStaysZero(_ optimizer: Optimizer) throws {
    let store = try Self.store(optimizer)
    let step = try Self.step(store, optimizer, average: WeightAverage(limit: 0.9))
    try step.update(after: 0, learningRate: 0.1, on: WorkerPool(count: 1))
    for entry in store.entries {
      for index in entry.range.upperBound..<entry.offset + entry.paddedCount {
        #expect(store.values.base[index] == 0 && store.average.base[index] == 0)
      }
    }
  }

  /// Finite gradients whose squares overflow single precision: SGD takes them as they are, the others
  /// once they are clipped.
  @Test(arguments: [Optimizer.sgd(momentum: 0), .rmsProp(), .adamW()], [nil, 3.0])
  func largeGradients(_ optimizer: Optimizer, clipNorm: Double?) throws {
    let store = try Self.store(optimizer)
    let step = try Self.step(store, optimizer, clipNorm: clipNorm)
    let before = store.allFloats(of: store.values)
    let entry = try #require(store.entries.last)
    store.gradients.base[entry.offset] = 3e30
    store.gradients.base[entry.offset + 1] = -2e30
    let pool = WorkerPool(count: 2)
    guard !optimizer.squaresGradients || clipNorm != nil else {
      #expect(
        throws: TrainingError.nonFinite(
          place: "the squared gradient of classifier.bias", images: [])
      ) { try step.update(after: 0, learningRate: 1e-30, on: pool) }
      #expect(store.allFloats(of: store.values) == before)
      return
    }
    let rate = clipNorm == nil ? 1e-30 : 1
    let norm = try step.update(after: 0, learningRate: rate, on: pool)
    #expect(abs(norm / (13.0.squareRoot() * 1e30) - 1) < 1e-6)
    #expect(store.firstNonFinite == nil)
    #expect(store.states.allSatisfy { store.allFloats(of: $0).allSatisfy(\.isFinite) })
    // Clipped to 3, the gradients are 3 / √13 of 3 and −2.
    let moves = (0...1).map { store.values.base[entry.offset + $0] - before[entry.offset + $0] }
    if optimizer == .sgd(momentum: 0) {
      let expected: [Float] = clipNorm == nil ? [-3, 2] : [-2.4961508, 1.6641006]
      for (move, value) in zip(moves, expected) { #expect(abs(move - value) < 1e-5) }
    }
    #expect(moves[0] < 0 && moves[1] > 0)
  }

  /// A gradient that is not finite changes nothing and is named.
  @Test(arguments: [Float.nan, .infinity])
  func nonFiniteGradients(_ value: Float) throws {
    let store = try Self.store(.adamW())
    let step = try Self.step(store, .adamW(), average: WeightAverage(limit: 0.9))
    let before = store.allFloats(of: store.values)
    let entry = try #require(store.entries.last)
    store.gradients.base[entry.offset] = value
    #expect(
      throws: TrainingError.nonFinite(place: "the gradient of classifier.bias", images: [])
    ) {
      try step.update(after: 0, learningRate: 0.1, on: WorkerPool(count: 2))
    }
    #expect(store.allFloats(of: store.values) == before)
    #expect(store.allFloats(of: store.average) == before)
  }
}
