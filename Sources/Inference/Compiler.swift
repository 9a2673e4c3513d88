import Host
import GraphIR
import Operators

/// One step of a compiled network: an operator and the places of what it reads and writes.
struct CompiledStep {
  let name: String
  let shape: TensorShape
  let work: any Operator
  let macs: Int
  /// Indices of values.
  let input: Int
  let output: Int
  let residual: Int?
  let gate: Int?
  let sums: Int?
}

/// A network compiled for one backend and instruction set: operators with their packed weights, and
/// a place for every value.
struct Program {
  private(set) var steps: [CompiledStep] = []
  /// Floats of each value for one image.
  private(set) var counts: [Int] = []
  /// The value of each node that has one.
  private(set) var values: [Int: Int] = [:]
  let memory: ValueMemory
  /// Steps that are taken image by image; the ones after them take the whole batch.
  let imageSteps: Int
  /// Floats of scratch memory for each thread: a multiple of a cache line, so that no two threads
  /// write to one.
  let scratchCount: Int
  let input: Int
  let output: Int

  /// - Parameters:
  ///   - parameters: nil plans without packing; such a program cannot be run.
  ///   - retained: nodes whose values must outlive the run.
  ///   - pool: the threads that pack.
  init(
    _ graph: Graph, parameters: (any ParameterSource)?, compiler: OperatorCompiler,
    retained: [Int], pool: WorkerPool
  ) throws {
    var fused = try FusedGraph(graph)
    fused.joinConvolutions(retaining: Set(retained)) { first, second in
      compiler.join(
        first, second, input: graph.nodes[first.input].shape, isImage: first.input == 0)
    }
    let operators = try compiler.makeOperators(for: fused, parameters: parameters, pool: pool)
    var builder = ValueTable()
    input = builder.value(of: 0, count: graph.inputShape.count)
    /// The value of the sums that a node's output was given.
    var sums: [Int: Int] = [:]
    for (step, work) in zip(fused.steps, operators) {
      let shape = graph.nodes[step.output].shape
      let output = builder.value(
        of: step.output, count: shape.positions * channelStep(shape.channels))
      if step.isSummed, let work = work as? any SummingOperator {
        sums[step.output] = builder.anonymous(
          count: work.partialSums * channelStep(shape.channels))
      }
      steps.append(
        CompiledStep(
          name: graph.nodes[step.output].name, shape: shape, work: work, macs: step.macs,
          input: step.readsSums
            ? try Self.sums(sums, step.input, graph) : try builder.existing(step.input, graph),
          output: output, residual: try step.residual.map { try builder.existing($0, graph) },
          gate: try step.gate.map { try builder.existing($0, graph) }, sums: sums[step.output]))
    }
    scratchCount = ((steps.map(\.work.scratchCount).max() ?? 0) + 15) & ~15
    output = try builder.existing(fused.output, graph)
    counts = builder.counts
    values = builder.values
    // The input stays, so that a run can be repeated.
    var kept: Set<Int> = [input, output]
    for node in retained { kept.insert(try builder.existing(node, graph)) }
    imageSteps = (steps.lastIndex { !$0.work.takesBatch } ?? -1) + 1
    for step in steps[imageSteps...] { kept.formUnion([step.input, step.output]) }
    memory = ValueMemory(
      Self.records(steps, counts: counts, kept: kept, input: input),
      isKept: counts.indices.map(kept.contains))
  }

  private static func sums(
    _ sums: [Int: Int], _ node: Int, _ graph: Graph
  ) throws(InferenceError) -> Int {
    guard let value = sums[node] else {
      throw .unsupported(node: graph.nodes[node].name, operation: "squeeze-excite after it")
    }
    return value
  }

  private static func records(
    _ steps: [CompiledStep], counts: [Int], kept: Set<Int>, input: Int
  ) -> [MemoryPlan.Record] {
    var first = [Int?](repeating: nil, count: counts.count)
    var last = [Int](repeating: 0, count: counts.count)
    first[input] = 0
    for (index, step) in steps.enumerated() {
      for written in [step.output, step.sums].compactMap({ $0 }) where first[written] == nil {
        first[written] = index
        last[written] = index
      }
      for read in [step.input, step.residual, step.gate].compactMap({ $0 }) { last[read] = index }
    }
    return counts.indices.map { value in
      let begin = kept.contains(value) && value == input ? 0 : first[value] ?? 0
      let end = kept.contains(value) ? steps.count - 1 : last[value]
      return MemoryPlan.Record(count: counts[value], lifetime: begin...max(begin, end))
    }
  }
}

/// Gives every node's output, and every internal vector, a number.
private struct ValueTable {
  var counts: [Int] = []
  var values: [Int: Int] = [:]

  mutating func anonymous(count: Int) -> Int {
    counts.append(count)
    return counts.count - 1
  }

  mutating func value(of node: Int, count: Int) -> Int {
    let value = anonymous(count: count)
    values[node] = value
    return value
  }

  func existing(_ node: Int, _ graph: Graph) throws(InferenceError) -> Int {
    guard let value = values[node] else {
      throw .unsupported(
        node: graph.nodes[node].name, operation: graph.nodes[node].operation.moduleName)
    }
    return value
  }
}
