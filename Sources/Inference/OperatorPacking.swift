import Host
import GraphIR
import Operators

extension OperatorCompiler {
  /// The operators of all steps, packed by all threads: the largest first, so that no thread is left
  /// alone with one.
  ///
  /// - Throws: what the first step that fails throws, whatever the threads.
  func makeOperators(
    for fused: FusedGraph, parameters: (any ParameterSource)?, pool: WorkerPool
  ) throws -> [any Operator] {
    let steps = fused.steps
    let nodes = fused.graph.nodes
    let bySize = steps.indices.sorted {
      (steps[$1].parameterCount, $0) < (steps[$0].parameterCount, $1)
    }
    let made = Outcomes(count: steps.count)
    func make(_ steps: [Int], partialSums: (FusedGraph.Step) -> Int) {
      pool.forEach(below: steps.count) { index in
        let step = fused.steps[steps[index]]
        made.outcomes[steps[index]] = Result {
          try makeOperator(
            for: step, input: nodes[step.input].shape, isImage: step.input == 0,
            partialSums: partialSums(step), parameters: parameters)
        }
      }
    }
    // A squeeze-excite has to know into how many sums the step before it adds up.
    make(bySize.filter { !steps[$0].readsSums }) { _ in 0 }
    var sums: [Int: Int] = [:]
    for (step, outcome) in zip(steps, made.outcomes) where step.isSummed {
      // A step that failed has its turn below, lest it be told before one that comes earlier.
      guard case .success(let work)? = outcome else { continue }
      guard let summing = work as? any SummingOperator else {
        throw InferenceError.unsupported(
          node: nodes[step.output].name, operation: "squeeze-excite after it")
      }
      sums[step.output] = summing.partialSums
    }
    make(bySize.filter { steps[$0].readsSums && sums[steps[$0].input] != nil }) {
      sums[$0.input] ?? 0
    }
    return try made.outcomes.compactMap { try $0?.get() }
  }
}

/// A place for the outcome of each step, written by one thread each.
private final class Outcomes: @unchecked Sendable {
  let outcomes: UnsafeMutableBufferPointer<Result<any Operator, any Error>?>

  init(count: Int) {
    outcomes = .allocate(capacity: count)
    outcomes.initialize(repeating: nil)
  }

  deinit {
    outcomes.deinitialize()
    outcomes.deallocate()
  }
}

extension FusedGraph.Step {
  /// Whether its input are the sums that the step before it adds up.
  var readsSums: Bool {
    if case .squeeze = kind { true } else { false }
  }

  /// Numbers that it packs.
  fileprivate var parameterCount: Int {
    let nodes: [Node] =
      switch kind {
      case .convolution(let layer): [layer.node]
      case .squeeze(let reduce, _): [reduce.node]
      case .expandDepthwise(let expand, let second), .expandProject(let expand, let second):
        [expand.node, second.node]
      case .pool: []
      }
    return nodes.reduce(0) { $0 + $1.parameters.reduce(0) { $0 + $1.count } }
  }
}
