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
  let memory: MemoryPlan
  let input: Int
  let output: Int

  /// - Parameter retained: nodes whose values must outlive the run.
  init(
    _ graph: Graph, parameters: some ParameterSource, compiler: OperatorCompiler, retained: [Int]
  ) throws {
    var fused = try FusedGraph(graph)
    fused.joinConvolutions(retaining: Set(retained)) { first, second in
      compiler.join(
        first, second, input: graph.nodes[first.input].shape, isImage: first.input == 0)
    }
    var builder = ValueTable()
    input = builder.value(of: 0, count: graph.inputShape.count)
    var sums: [Int: (value: Int, count: Int)] = [:]
    for step in fused.steps {
      let shape = graph.nodes[step.output].shape
      let inputShape = graph.nodes[step.input].shape
      let work = try compiler.makeOperator(
        for: step, input: inputShape, isImage: step.input == 0,
        partialSums: sums[step.input]?.count ?? 0, parameters: parameters)
      let isSqueezeExcite: Bool
      if case .squeezeExcite = step.kind { isSqueezeExcite = true } else { isSqueezeExcite = false }
      let output = builder.value(
        of: step.output, count: shape.positions * channelStep(shape.channels))
      var sumsValue: Int?
      if step.isSummed {
        guard let depthwise = work as? any SummingOperator else {
          throw InferenceError.unsupported(
            node: graph.nodes[step.output].name, operation: "squeeze-excite after it")
        }
        sumsValue = builder.anonymous(
          count: depthwise.partialSums * channelStep(shape.channels))
        sums[step.output] = (sumsValue ?? 0, depthwise.partialSums)
      }
      steps.append(
        CompiledStep(
          name: graph.nodes[step.output].name, shape: shape, work: work, macs: step.macs,
          input: isSqueezeExcite
            ? try Self.sums(sums, step.input, graph) : try builder.existing(step.input, graph),
          output: output, residual: try step.residual.map { try builder.existing($0, graph) },
          gate: try step.gate.map { try builder.existing($0, graph) }, sums: sumsValue))
    }
    output = try builder.existing(fused.output, graph)
    counts = builder.counts
    values = builder.values
    // The input stays, so that a run can be repeated.
    var kept: Set<Int> = [input, output]
    for node in retained { kept.insert(try builder.existing(node, graph)) }
    memory = MemoryPlan(Self.records(steps, counts: counts, kept: kept, input: input))
  }

  private static func sums(
    _ sums: [Int: (value: Int, count: Int)], _ node: Int, _ graph: Graph
  ) throws(InferenceError) -> Int {
    guard let entry = sums[node] else {
      throw .unsupported(node: graph.nodes[node].name, operation: "squeeze-excite after it")
    }
    return entry.value
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
