import GraphIR
import ModelZoo
import Testing

/// Stage, block, role and reduction of every node, as freezing stages or naming tensors needs them.
struct NodeRoleTests {
  /// The paper's tables: blocks in each stage, and how far each stage reduces the image.
  @Test(
    arguments: [
      ("effnetv2-s", [2, 4, 4, 6, 9, 15], [2, 4, 8, 16, 16, 32]),
      ("mobilenetv3-large", [1, 2, 3, 4, 2, 3], [2, 4, 8, 16, 16, 32]),
      ("mobilenetv3-small-0.5", [1, 2, 3, 2, 3], [4, 8, 16, 16, 32]),
      ("effnet-lite1", [1, 3, 3, 4, 4, 5, 1], [2, 4, 8, 16, 16, 32, 32]),
    ] as [(String, [Int], [Int])])
  func stages(name: String, depths: [Int], reductions: [Int]) throws {
    let graph = try ModelCatalog.model(named: name).graph()
    let blocks = graph.nodes.compactMap(\.block)
    for stage in depths.indices {
      let indices = Set(blocks.filter { $0.stage == stage }.map(\.index))
      #expect(indices == Set(0..<depths[stage]))
      #expect(graph.nodes.last { $0.stage == stage }?.reduction == reductions[stage])
    }
    #expect(Set(blocks.map(\.number)) == Set(0..<depths.reduce(0, +)))
    #expect(blocks.map(\.number) == blocks.map(\.number).sorted())
  }

  @Test(arguments: ModelCatalog.models.map(\.name))
  func rolesFitOperations(name: String) throws {
    let graph = try ModelCatalog.model(named: name).graph()
    for node in graph.nodes {
      #expect(Self.operations(of: node.role).contains(node.operation.moduleName), "\(node.name)")
      let isInBlock = Self.blockRoles.contains(node.role)
      #expect((node.block != nil) == isInBlock, "\(node.name)")
      if case .convolution(let convolution) = node.operation {
        #expect((convolution.groups > 1) == (node.role == .depthwise), "\(node.name)")
        #expect(
          convolution.hasBias == [.attention, .reduce, .excite].contains(node.role), "\(node.name)")
      }
    }
  }

  /// Each kind of block has the convolutions that it is named for.
  @Test(arguments: ModelCatalog.models.map(\.name))
  func kindsOfBlocks(name: String) throws {
    let graph = try ModelCatalog.model(named: name).graph()
    let blocks = Dictionary(grouping: graph.nodes.filter { $0.block != nil }) { $0.block!.number }
    for nodes in blocks.values {
      let roles = nodes.filter { $0.operation.moduleName == "Conv2d" }.map(\.role)
        .filter { ![.attention, .reduce, .excite].contains($0) }
      let expected: [NodeRole] =
        switch nodes[0].block!.kind {
        case .single: [.project]
        case .fused: [.expand, .project]
        case .separable: [.depthwise, .project]
        case .inverted: [.expand, .depthwise, .project]
        }
      #expect(roles == expected, "\(nodes[0].name)")
    }
  }

  private static let blockRoles: Set<NodeRole> = [
    .expand, .depthwise, .attention, .squeeze, .reduce, .excite, .gate, .project, .residual,
  ]

  private static func operations(of role: NodeRole) -> Set<String> {
    let activations = Set(Activation.allCases.map(\.moduleName))
    switch role {
    case .input: return ["Input"]
    case .stem, .head, .expand, .depthwise, .project:
      return activations.union(["Conv2d", "BatchNorm2d"])
    case .attention: return ["Conv2d"]
    case .squeeze: return ["AdaptiveAvgPool2d", "AttentionPool"]
    case .pool: return ["AdaptiveAvgPool2d"]
    case .reduce: return activations.union(["Conv2d", "LayerNorm2d"])
    case .excite: return activations.union(["Conv2d"])
    case .gate: return ["Scale"]
    case .residual: return ["Add", "StochasticDepth"]
    case .hidden: return activations.union(["Linear"])
    case .classifier: return ["Linear", "Dropout"]
    }
  }
}
