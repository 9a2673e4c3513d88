import CNNZoo

/// Parameters, arithmetic and memory of a network.
package struct NetworkCosts {
  package let graph: Graph
  /// The program for one image on one thread.
  package let program: Program
  package let stages: [NetworkStage]

  /// - Throws: Errors of `Program`.
  package init(of graph: Graph, backend: Backend = .auto, precision: Precision = .f32) throws {
    self.graph = graph
    program = try Program(
      lowering: graph,
      options: InferenceSession.Options(threads: 1, backend: backend, precision: precision))
    stages = NetworkStage.stages(of: graph)
  }

  /// Values in a weight file; unlike published parameter counts, includes batch norm statistics.
  package var storedCount: Int { graph.parameters.reduce(0) { $0 + $1.count } }

  /// Activation bytes if every operation had its own output buffer.
  ///
  /// The baseline for the plan, which fuses operations and reuses memory.
  package var separateBytes: Int {
    graph.nodes.reduce(0) { sum, node in
      switch node.operation {
      case .dropout, .stochasticDepth: sum
      default: sum + 4 * node.shape.count
      }
    }
  }

}

/// The modules of a network between two reductions of its feature map.
///
/// All networks share these stages, whatever their blocks, so they can be compared stage by stage.
package struct NetworkStage {
  /// Input positions per stage position in each direction; `nil` after the feature maps.
  package let reduction: Int?
  /// Output shape.
  package private(set) var shape: TensorShape
  package private(set) var parameters = 0
  package private(set) var macs = 0

  /// The stages in order of execution.
  ///
  /// A block counts as a whole, at the reduction of its output, although its first convolutions may
  /// still work on the larger map.
  static func stages(of graph: Graph) -> [NetworkStage] {
    var endings: [Int: Int] = [:]
    for node in graph.nodes {
      if let block = node.block { endings[block.number] = node.reduction }
    }
    var stages: [NetworkStage] = []
    for node in graph.nodes where node.role != .input {
      let reduction: Int? =
        switch node.role {
        case .pool, .hidden, .classifier: nil
        default: node.block.flatMap { endings[$0.number] } ?? node.reduction
        }
      if stages.isEmpty || stages[stages.count - 1].reduction != reduction {
        stages.append(NetworkStage(reduction: reduction, shape: node.shape))
      }
      stages[stages.count - 1].add(node)
    }
    return stages
  }

  private mutating func add(_ node: Node) {
    shape = node.shape
    parameters += node.trainableCount
    macs += node.macs
  }

  /// As `1/8`, or `head`.
  package var name: String { reduction.map { "1/\($0)" } ?? "head" }
}

extension Node {
  /// Scalars that training would change.
  var trainableCount: Int { parameters.lazy.filter(\.isTrainable).map(\.count).reduce(0, +) }
}
