import Host
import InstructionSets
import Operators
import Testing

/// Gradients of convolutions and linear layers, as training calls them: split into tasks, with padded
/// channels.
struct ConvolutionGradientTests {
  @Test(
    arguments: GradientCase.convolutions + GradientCase.first + GradientCase.depthwise,
    InstructionSet.supported)
  func weights(_ c: GradientCase, _ set: InstructionSet) {
    let data = GradientData(c)
    let before = (0..<data.weightGradient.count).map { Float($0 % 3) }
    let found = WeightRun(c, data, set).gradient(before: before) { count, run in
      for task in (0..<count).reversed() { run(task, 0) }
    }
    let expected = zip(data.weightGradient, before).map { $0 + Double($1) }
    let fault = GradientCase.firstOutlier(found, expected)
    #expect(fault == nil)
    let inGroups = WeightRun(c, data, set).gradientOfGroups(before: before)
    let groupFault = GradientCase.firstOutlier(inGroups, expected)
    #expect(groupFault == nil)
  }

  /// In bf16, operands are rounded and sums are not.
  @Test(arguments: GradientCase.wide, InstructionSet.supported)
  func roundedWeights(_ c: GradientCase, _ set: InstructionSet) {
    let exact = GradientData(c)
    let rounded = GradientData(c, rounded: true)
    let before = [Float](repeating: 1, count: exact.weightGradient.count)
    let run = WeightRun(c, exact, set, .bf16)
    let expected = rounded.weightGradient.map { $0 + 1 }
    let found = run.gradient(before: before) { count, run in
      for task in (0..<count).reversed() { run(task, 0) }
    }
    #expect(GradientCase.firstOutlier(found, expected) == nil)
    #expect(GradientCase.firstOutlier(run.gradientOfGroups(before: before), expected) == nil)
    #expect(GradientCase.firstOutlier(found, exact.weightGradient.map { $0 + 1 }) != nil)
  }

  @Test(arguments: GradientCase.convolutions + GradientCase.depthwise, InstructionSet.supported)
  func inputs(_ c: GradientCase, _ set: InstructionSet) {
    let (g, data) = (c.geometry, GradientData(c))
    let found = InputRun(c, data, .kernels(set)).gradient { count, run in
      for task in (0..<count).reversed() { run(task, 0) }
    }
    for image in 0..<c.batch {
      let positions = (0..<g.inputHeight * g.inputWidth).map {
        (image * g.inputHeight * g.inputWidth + $0) * g.inputStride
      }
      let values = positions.flatMap { found[$0..<$0 + c.input] }
      let fault = GradientCase.firstOutlier(values, data.inputGradients[image])
      #expect(fault == nil, "image \(image)")
      let padding = positions.flatMap { found[$0 + c.input..<$0 + g.inputStride] }
      #expect(padding.allSatisfy { $0 == 0 })
    }
  }

  /// The bits depend neither on the order of the tasks nor on the threads that run them.
  @Test(arguments: InstructionSet.supported)
  func bitsDoNotDependOnThreads(_ set: InstructionSet) {
    let pool = WorkerPool(count: 3)
    for c in GradientCase.convolutions + GradientCase.depthwise {
      let data = GradientData(c)
      let before = [Float](repeating: 1, count: data.weightGradient.count)
      func inOrder(_ count: Int, _ run: @Sendable (Int, Int) -> Void) {
        for task in 0..<count { run(task, 0) }
      }
      func onThreads(_ count: Int, _ run: @Sendable (Int, Int) -> Void) {
        pool.run { worker in
          for task in stride(from: count - 1 - worker, through: 0, by: -pool.count) {
            run(task, worker)
          }
        }
      }
      let weights = WeightRun(c, data, set)
      let first = weights.gradient(before: before, inOrder)
      #expect(first == weights.gradient(before: before, onThreads), "\(c.testDescription)")
      let inputs = InputRun(c, data, .kernels(set))
      #expect(inputs.gradient(inOrder) == inputs.gradient(onThreads), "\(c.testDescription)")
    }
  }
}

/// Runs a number of tasks; each takes its own number and its worker's, below 3.
private typealias Schedule = (_ count: Int, _ run: @Sendable (Int, Int) -> Void) -> Void

/// Memory for a weight gradient.
private struct WeightRun {
  let work: any WeightGradient
  let batch: Int
  let input: AlignedBuffer
  let outputGradient: AlignedBuffer

  init(
    _ c: GradientCase, _ data: GradientData, _ set: InstructionSet, _ precision: Precision = .f32
  ) {
    work = c.layer.weightGradient(
      on: ComputeTarget(gemm: .kernels, kernels: set.kernels, precision: precision))
    batch = c.batch
    input = data.input(c.geometry)
    outputGradient = data.outputGradient(c.geometry)
  }

  func gradient(before: [Float], _ schedule: Schedule) -> [Float] {
    let (work, batch, input, outputGradient) = (self.work, self.batch, input, outputGradient)
    let parts = work.partCount(batch: batch)
    let partials = AlignedBuffer([Float](repeating: .nan, count: parts * work.sumCount))
    let scratch = AlignedBuffer([Float](repeating: .nan, count: 3 * work.scratchCount))
    let gradient = AlignedBuffer(before)
    schedule(work.taskCount(batch: batch)) { task, worker in
      work.run(
        task: task, batch: batch,
        WeightGradientMemory(
          input: input.base, outputGradient: outputGradient.base, partials: partials.base,
          scratch: scratch.base + worker * work.scratchCount))
    }
    schedule(work.reductionCount(parts: parts)) { task, _ in
      work.reduce(task: task, parts: parts, partials: partials.base, into: gradient.base)
    }
    return gradient.values
  }

  /// The gradient from one set of sums for the first image, and another for the rest.
  func gradientOfGroups(before: [Float]) -> [Float] {
    let groups = batch > 1 ? [0..<1, 1..<batch] : [0..<1]
    let partials = AlignedBuffer([Float](repeating: .nan, count: groups.count * work.sumCount))
    let scratch = AlignedBuffer([Float](repeating: .nan, count: work.scratchCount))
    let gradient = AlignedBuffer(before)
    for (index, images) in groups.enumerated() {
      work.runWhole(
        batch: images.count,
        WeightGradientMemory(
          input: input.base + images.lowerBound * (input.values.count / batch),
          outputGradient: outputGradient.base
            + images.lowerBound * (outputGradient.values.count / batch),
          partials: partials.base + index * work.sumCount, scratch: scratch.base))
    }
    for task in 0..<work.reductionCount(parts: groups.count) {
      work.reduce(
        task: task, parts: groups.count, partials: partials.base, into: gradient.base)
    }
    return gradient.values
  }
}

/// Memory for an input gradient.
private struct InputRun {
  let work: any Operator
  let batch: Int
  let count: Int
  let packed: AlignedBuffer
  let outputGradient: AlignedBuffer

  init(_ c: GradientCase, _ data: GradientData, _ target: ComputeTarget) {
    let work = c.layer.inputGradient(on: target)
    self.work = work
    batch = c.batch
    count = c.batch * c.geometry.inputCount
    packed = AlignedBuffer([Float](repeating: 0, count: work.packedCount))
    outputGradient = data.outputGradient(c.geometry)
    // Twice, as after a step of an optimiser.
    for _ in 0..<2 { data.filter.withFilter { work.pack($0, layer: 0, into: packed.base) } }
  }

  func gradient(_ schedule: Schedule) -> [Float] {
    let (work, batch, packed, outputGradient) = (self.work, self.batch, packed, outputGradient)
    let scratch = AlignedBuffer([Float](repeating: .nan, count: 3 * work.scratchCount))
    let output = AlignedBuffer([Float](repeating: .nan, count: count))
    schedule(work.taskCount(batch: batch)) { task, worker in
      work.run(
        task: task, batch: batch,
        OperatorMemory(
          input: outputGradient.base, output: output.base, packed: packed.base,
          scratch: scratch.base + worker * work.scratchCount))
    }
    return output.values
  }
}
