import GraphIR
import Host
import Inference
import InstructionSets
import Kernels
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
    /// See `TrainingConfiguration.precision`.
    package var precision = Precision.f32
    /// Whether the backward pass computes the largest map of each block again instead of finding it in
    /// memory; no bit depends on it.
    package var recomputes = false
    /// Whether expansions before depthwise convolutions are folded into one step with them; `nil`: where that
    /// is faster.
    package var foldsExpansions: Bool?
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
  private let plan: TapePlan
  private var run: TapeRun
  /// The steps whose weights are packed, the largest first.
  private let packedSteps: [any PackedStep]
  private let fixedNormalizations: [NormalizationStep]
  /// The images for which each unit ran.
  private var unitImages: [[Int]] = []

  /// Plans and allocates.
  ///
  /// - Throws: `TrainingError.unsupported`, `ProcessorError`, `OutOfMemory`.
  package init(_ graph: Graph, _ store: ParameterStore, _ options: Options) throws {
    (self.graph, self.store, self.options) = (graph, store, options)
    let target = try Self.target(options)
    tape = try Self.makeTape(graph, store, options, target)
    tapeLayers = TapeLayers(tape)
    (packedSteps, fixedNormalizations) = (tape.packedSteps, tape.fixedNormalizations)
    pool = WorkerPool(count: options.threads)
    plan = TapePlan(tape, batch: options.batch)
    memory = TrainingMemory(tape, store, plan, batch: options.batch, threads: pool.count)
    run = TapeRun(
      tape, store, target.kernels, pool: pool, try TapeMemory(tape, plan, threads: pool.count),
      batchNormMomentum: options.batchNormMomentum)
  }

  private static func target(_ options: Options) throws(ProcessorError) -> ComputeTarget {
    var kernels = try InstructionSet.selected().kernels
    // Weights are packed in every step, and quantizing them costs more than its products save.
    kernels.int16 = nil
    return ComputeTarget(gemm: .kernels, kernels: kernels, precision: options.precision)
  }

  private static func makeTape(
    _ graph: Graph, _ store: ParameterStore, _ options: Options, _ target: ComputeTarget
  ) throws(TrainingError) -> Tape {
    try Tape(
      graph, store, batch: options.batch, frozenStages: options.frozenStages,
      batchNorm: options.batchNorm, recomputes: options.recomputes,
      foldsExpansions: options.foldsExpansions, on: target)
  }

  /// Bytes that a session takes, not counting the parameters.
  ///
  /// - Throws: `TrainingError.unsupported`, `ProcessorError`.
  package static func memoryBytes(
    _ graph: Graph, _ store: ParameterStore, _ options: Options
  ) throws -> Int {
    let target = try target(options)
    let tape = try makeTape(graph, store, options, target)
    return TapeMemory.counts(
      tape, TapePlan(tape, batch: options.batch), threads: options.threads
    ).reduce(0, +) * MemoryLayout<Float>.stride
  }

  /// A clock for `addGradients`.
  package func makeClock() -> StepClock { StepClock(tapeLayers, threads: pool.count) }

  /// The threads.
  package var workers: WorkerPool { pool }

  /// Calls `body` with the memory for the normalised pixels of an image of the next batch: NHWC, three
  /// channels.
  package func withInput(image: Int, _ body: (UnsafeMutableBufferPointer<Float>) throws -> Void)
    rethrows
  {
    let map = run.batchMap(tape.input, image)
    try body(UnsafeMutableBufferPointer(start: map, count: run.count(tape.input)))
  }

  /// The logits of an image of the last batch.
  package func logits(image: Int) -> UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(start: run.batchMap(tape.logits, image), count: graph.classCount)
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
    run.workers.forEach(packedSteps.count) { index, _ in packedSteps[index].packBackward(run) }
    clock?.lapWhole(.packing)
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

  /// Packs the weights for the forward pass, and computes the coefficients of batch norms that the batch does not change.
  private func pack() {
    run.workers.forEach(packedSteps.count) { index, _ in packedSteps[index].packForward(run) }
    for step in fixedNormalizations { step.loadRunningStatistics(run) }
  }

  private func forward() {
    unitImages = tape.units.map(images)
    for segment in plan.forward { run.run(segment, unitImages[segment.unit]) }
  }

  private func backward() {
    for segment in plan.backward { run.run(segment, unitImages[segment.unit]) }
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
    var results = [Result](repeating: Result(loss: 0, correct: 0), count: targets.count)
    results.withUnsafeMutableBufferPointer { results in
      run.workers.forEach(targets.count) { image, _ in
        results[image] = loss(image, targets[image], factor: 1 / Double(targets.count))
      }
    }
    return results.reduce(into: Result(loss: 0, correct: 0)) { total, image in
      total.loss += image.loss / Double(targets.count)
      total.correct += image.correct
    }
  }

  /// The loss of one image, and its gradient times `factor`.
  private func loss(_ image: Int, _ target: [Float], factor: Double) -> Result {
    let logits = logits(image: image)
    let gradient = run.batchMap(tape.logitsGradient, image)
    gradient.update(repeating: 0, count: run.count(tape.logits))
    let loss = options.loss(
      logits, targets: target, factor: factor,
      gradient: UnsafeMutableBufferPointer(start: gradient, count: logits.count))
    let truth = target.indices.max { target[$0] < target[$1] }
    let isCorrect = logits.indices.max { logits[$0] < logits[$1] } == truth
    return Result(loss: loss, correct: isCorrect ? 1 : 0)
  }

  /// The first layer with a value that is not finite, and the images that have one there.
  private func nonFinite() -> TrainingError {
    for (unit, kept) in zip(tape.units, unitImages) {
      for index in unit.steps {
        let step: ConvolutionStep
        switch tape.steps[index] {
        case .convolution(let convolution): step = convolution
        case .expansion(let expansion): step = expansion.depthwise
        case .depthwise(let depthwise): step = depthwise.convolution
        default: continue
        }
        let map = tape.keptOutput(of: step)
        guard plan.kept.contains(map.buffer) else { continue }
        let images = kept.indices.filter { image in
          let values = KeptMap(run.batchMap(map.buffer, image), map.element)
          return !values.isFinite(count: run.count(map.buffer) * 4 / map.element.size)
        }
        if !images.isEmpty {
          return .nonFinite(place: step.node.name, images: images.map { kept[$0] })
        }
      }
    }
    return .nonFinite(place: "the loss", images: Array(run.keys.indices))
  }
}
