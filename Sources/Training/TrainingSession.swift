import GraphIR
import Host
import Inference
import InstructionSets
import Operators

/// A network in training: memory, threads and packed weights for batches of one size.
///
/// A session computes gradients; an `OptimizerStep` changes the parameters. The bits depend neither on
/// the number of threads nor on what ran before.
package final class TrainingSession {
  /// Settings of a session.
  package struct Options: Sendable {
    /// The largest batch.
    package var batch: Int
    /// Threads, including the caller's.
    package var threads: Int
    /// See `TrainingConfiguration.frozenStages`.
    package var frozenStages = 0
    /// See `TrainingConfiguration.batchNorm`.
    package var batchNorm = TrainingConfiguration.BatchNorm.batch
    /// See `TrainingConfiguration.batchNormMomentum`.
    package var batchNormMomentum = 0.1
    /// The loss.
    package var loss = ClassificationLoss(.softmax, labelSmoothing: 0)

    package init(batch: Int, threads: Int) { (self.batch, self.threads) = (batch, threads) }
  }

  /// What one batch gave.
  package struct Result: Sendable {
    /// The mean loss.
    package var loss: Double
    /// Images whose largest logit is that of the largest target.
    package var correct: Int
  }

  package let graph: Graph
  package let options: Options
  package let store: ParameterStore
  /// The memory of the session and its parameters.
  package let memory: TrainingMemory

  /// The network's layers, in order.
  package var layers: [TrainingLayer] { tapeLayers.layers }

  private let tape: Tape
  private let tapeLayers: TapeLayers
  private let pool: WorkerPool
  private let buffers: [AlignedBuffer]
  private var run: TapeRun
  /// Packs the weights of each layer, the largest first.
  private let packings: [(TapeRun) -> Void]
  /// The images for which each unit ran.
  private var unitImages: [[Int]] = []

  /// Plans and allocates.
  ///
  /// - Throws: `TrainingError.unsupported`, `ProcessorError`, `OutOfMemory`.
  package init(_ graph: Graph, _ store: ParameterStore, _ options: Options) throws {
    (self.graph, self.store, self.options) = (graph, store, options)
    let target = ComputeTarget(gemm: .kernels, kernels: try InstructionSet.selected().kernels)
    tape = try Tape(
      graph, store, frozenStages: options.frozenStages, batchNorm: options.batchNorm, on: target)
    tapeLayers = TapeLayers(tape)
    packings = tape.packings
    pool = WorkerPool(count: options.threads)
    let plan = tape.memoryPlan(batch: options.batch)
    let sizes = tape.workingMemory(batch: options.batch)
    let widest = tape.widestStride
    let counts = tape.memory(plan, batch: options.batch, threads: pool.count)
    var buffers: [AlignedBuffer] = []
    for count in counts { buffers.append(try AlignedBuffer(count: count)) }
    self.buffers = buffers
    memory = TrainingMemory(tape, store, plan, counts: counts, batch: options.batch)
    let (ones, zeros) = (buffers[5].base, buffers[5].base + widest)
    ones.update(repeating: 1, count: widest)
    run = TapeRun(
      tape: tape, store: store, kernels: target.kernels,
      workers: TrainingWorkers(
        pool: pool, scratch: buffers[4].base, scratchCount: sizes.scratch + 15 & ~15),
      arena: buffers[0].base, offsets: plan.offsets, statistics: buffers[1].base,
      packed: buffers[2].base, partials: buffers[3].base, ones: ones, zeros: zeros,
      batchNormMomentum: options.batchNormMomentum)
  }

  /// Bytes that a session takes, not counting the parameters.
  ///
  /// - Throws: `TrainingError.unsupported`, `ProcessorError`.
  package static func memoryBytes(
    _ graph: Graph, _ store: ParameterStore, _ options: Options
  ) throws -> Int {
    let target = ComputeTarget(gemm: .kernels, kernels: try InstructionSet.selected().kernels)
    let tape = try Tape(
      graph, store, frozenStages: options.frozenStages, batchNorm: options.batchNorm, on: target)
    return tape.memory(
      tape.memoryPlan(batch: options.batch), batch: options.batch, threads: options.threads
    ).reduce(0, +) * MemoryLayout<Float>.stride
  }

  /// A clock for `addGradients`.
  package func makeClock() -> StepClock { StepClock(tapeLayers) }

  /// The threads.
  package var workers: WorkerPool { pool }

  /// Calls `body` with the memory for the normalised pixels of an image of the next batch: NHWC, three
  /// channels.
  package func withInput(image: Int, _ body: (UnsafeMutableBufferPointer<Float>) throws -> Void)
    rethrows
  {
    let count = run.count(tape.input)
    try body(UnsafeMutableBufferPointer(start: run[tape.input] + image * count, count: count))
  }

  /// The logits of an image of the last batch.
  package func logits(image: Int) -> UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(
      start: run[tape.logits] + image * run.count(tape.logits), count: graph.classCount)
  }

  /// Runs a batch forwards and backwards with the current parameters, and adds the gradients of the
  /// mean loss to those in the store.
  ///
  /// - Parameters:
  ///   - targets: A probability for each class and image.
  ///   - keys: What the random numbers of each image derive from.
  ///   - clock: Times each layer; the lap before began when the clock was started.
  /// - Throws: `TrainingError.nonFinite`; batch norm's statistics have then been updated.
  package func addGradients(
    targets: [[Float]], keys: [RandomKey], clock: StepClock? = nil
  ) throws(TrainingError) -> Result {
    precondition(targets.count == keys.count && (1...options.batch).contains(keys.count))
    (run.keys, run.clock) = (keys, clock)
    defer { run.clock = nil }
    pack()
    clock?.lapWhole(.packing)
    forward()
    let result = loss(targets)
    clock?.lapWhole(.loss)
    guard result.loss.isFinite else { throw nonFinite() }
    backward()
    return result
  }

  /// Runs a batch forwards and moves batch norm's running statistics towards the batch's.
  ///
  /// With momenta 1, 1/2, 1/3 … they become the mean over all batches. Nothing may be dropped: use a
  /// graph without dropout and stochastic depth.
  ///
  /// - Parameters:
  ///   - images: The number of images in the batch.
  ///   - momentum: The share of the batch.
  package func updateStatistics(images: Int, momentum: Double) {
    precondition((1...options.batch).contains(images))
    run.keys = Array(repeating: RandomKey(seed: 0), count: images)
    run.batchNormMomentum = momentum
    pack()
    forward()
    run.batchNormMomentum = options.batchNormMomentum
  }

  // MARK: The two directions

  private func pack() {
    run.workers.forEach(packings.count) { index, _ in packings[index](run) }
  }

  private func forward() {
    unitImages = tape.units.map(images)
    for (unit, images) in zip(tape.units, unitImages) {
      run.images = images
      for index in unit.steps {
        run.clock?.step = index
        switch tape.steps[index] {
        case .convolution(let step): step.forward(run)
        case .normalization(let step): step.forward(run)
        case .activation(let step): step.forward(run)
        case .pool(let step): step.forward(run)
        case .gate(let step): step.forward(run)
        case .attention(let step): step.forward(run)
        case .layerNorm(let step): step.forward(run)
        case .dropout(let step): step.forward(run)
        }
        run.clock?.lap(tape.steps[index].forwardWork)
      }
    }
  }

  private func backward() {
    for (unit, images) in zip(tape.units, unitImages).reversed() {
      run.images = images
      for index in unit.steps.reversed() where index >= tape.firstTrained {
        for other in tape.steps[index].recomputed { recompute(other) }
        run.clock?.step = index
        switch tape.steps[index] {
        case .convolution(let step): step.backward(run)
        case .normalization(let step): step.backward(run)
        case .activation(let step): step.backward(run)
        case .pool(let step): step.backward(run)
        case .gate(let step): step.backward(run)
        case .attention(let step): step.backward(run)
        case .layerNorm(let step): step.backward(run)
        case .dropout(let step): step.backward(run)
        }
        run.clock?.lap(tape.steps[index].backwardWork)
      }
    }
  }

  private func recompute(_ index: Int) {
    run.clock?.step = index
    defer { run.clock?.lap(.recomputation) }
    switch tape.steps[index] {
    case .normalization(let step): step.recompute(run)
    case .gate(let step): step.recompute(run)
    case .convolution, .activation, .pool, .attention, .layerNorm, .dropout:
      preconditionFailure("only batch norm and gates are recomputed")
    }
  }

  /// The images whose branch a unit computes (stochastic depth); a dropped one takes no part in batch
  /// norm's statistics either.
  private func images(of unit: TapeUnit) -> [Int] {
    run.keys.indices.filter { image in
      guard unit.survival < 1, let block = unit.block else { return true }
      let key = run.keys[image][.stochasticDepth]
      return key.uniform(block.number) < unit.survival
    }
  }

  private func loss(_ targets: [[Float]]) -> Result {
    var result = Result(loss: 0, correct: 0)
    let count = run.count(tape.logits)
    for (image, target) in targets.enumerated() {
      let logits = logits(image: image)
      let gradient = run[tape.logitsGradient] + image * count
      gradient.update(repeating: 0, count: count)
      result.loss +=
        options.loss(
          logits, targets: target, factor: 1 / Double(targets.count),
          gradient: UnsafeMutableBufferPointer(start: gradient, count: logits.count))
        / Double(targets.count)
      let truth = target.indices.max { target[$0] < target[$1] }
      if logits.indices.max(by: { logits[$0] < logits[$1] }) == truth { result.correct += 1 }
    }
    return result
  }

  /// The first layer with a value that is not finite, and the images that have one there.
  private func nonFinite() -> TrainingError {
    for (unit, kept) in zip(tape.units, unitImages) {
      for index in unit.steps {
        guard case .convolution(let step) = tape.steps[index] else { continue }
        let count = run.count(step.output)
        let images = kept.indices.filter { image in
          let values = UnsafeBufferPointer(
            start: run[step.output] + image * count, count: count)
          return !values.allSatisfy(\.isFinite)
        }
        if !images.isEmpty {
          return .nonFinite(place: step.node.name, images: images.map { kept[$0] })
        }
      }
    }
    return .nonFinite(place: "the loss", images: Array(run.keys.indices))
  }
}
