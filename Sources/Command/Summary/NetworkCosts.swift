import CNNZoo

/// Parameters, arithmetic and memory of a network.
package struct NetworkCosts {
  package let graph: Graph
  /// The program for one image on one thread.
  package let plan: ExecutionPlan
  package let stages: [NetworkStage]

  /// - Throws: Errors of `ExecutionPlan`.
  package init(of graph: Graph, backend: Backend = .auto) throws {
    self.graph = graph
    plan = try ExecutionPlan(
      of: graph, options: InferenceSession.Options(threads: 1, backend: backend))
    stages = NetworkStage.stages(of: graph)
  }

  /// Values in a weight file: unlike published parameter counts, includes batch norm's statistics.
  package var storedCount: Int { graph.parameters.reduce(0) { $0 + $1.count } }

  /// Activation bytes if every operation had its own output buffer: the baseline for the plan, which
  /// fuses operations and reuses memory.
  package var separateBytes: Int {
    graph.nodes.reduce(0) { sum, node in
      switch node.operation {
      case .dropout, .stochasticDepth: sum
      default: sum + 4 * node.shape.count
      }
    }
  }

  /// Bytes of the values in the plan's arena, without per-thread scratch memory.
  package var arenaBytes: Int { plan.arenaBytes - plan.scratchBytes }
}

/// The modules of a network between two reductions of its feature map.
///
/// Networks have them in common, whatever their blocks are, so that they can be compared by them.
package struct NetworkStage {
  /// Positions of the input, in each direction, for one of the stage; `nil` for what follows the
  /// feature maps.
  package let reduction: Int?
  /// Shape of what leaves it.
  package private(set) var shape: TensorShape
  package private(set) var parameters = 0
  package private(set) var macs = 0

  /// The stages in the order of their use.
  ///
  /// A module counts as a whole, at the reduction it ends with: its first convolutions may still see
  /// the larger map.
  static func stages(of graph: Graph) -> [NetworkStage] {
    var reductions: [Int] = []
    // The reduction that each module one below the top ends with.
    var endings: [Substring: Int] = [:]
    var body: Substring?
    for node in graph.nodes {
      var reduction = node.inputs.first.map { reductions[$0] } ?? 1
      if case .convolution(let convolution) = node.operation {
        reduction *= convolution.stride
        body = body ?? node.name.prefix { $0 != "." }
      }
      reductions.append(reduction)
      endings[module(of: node)] = reduction
    }
    var stages: [NetworkStage] = []
    for node in graph.nodes.dropFirst() {
      let isInBody = node.name.prefix { $0 != "." } == body
      let reduction = isInBody ? endings[module(of: node)] : nil
      if stages.isEmpty || stages[stages.count - 1].reduction != reduction {
        stages.append(NetworkStage(reduction: reduction, shape: node.shape))
      }
      stages[stages.count - 1].add(node)
    }
    return stages
  }

  /// The part of a node's path that names the module one below the top.
  private static func module(of node: Node) -> Substring {
    let end = node.name.indices.filter { node.name[$0] == "." }.dropFirst().first
    return node.name[..<(end ?? node.name.endIndex)]
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
