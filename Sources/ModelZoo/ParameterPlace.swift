import GraphIR

/// Where in a network a node with parameters stands, in words that every library has names for.
enum ParameterPlace: Hashable {
  /// The first convolution.
  case stem(Layer)
  /// In the bottleneck of this number, counted through all stages.
  case block(Int, BlockKind, Part)
  /// The last convolution over positions, in a network with a hidden layer after the pool or not.
  case head(Layer, hasHiddenLayer: Bool)
  /// The linear layer between pool and classifier.
  case hidden
  case classifier

  enum Layer: Hashable {
    case convolution
    case norm
  }

  enum Part: Hashable {
    /// A convolution of the block, counted without squeeze-excite, or the norm after it.
    case unit(Int, Layer)
    /// Squeeze-excite's two convolutions.
    case reduce
    case restore
  }

  /// What convolutions a block consists of, squeeze-excite apart.
  enum BlockKind: Hashable {
    /// One full convolution.
    case single
    /// A full convolution and a 1×1: Fused-MBConv.
    case fused
    /// A depthwise convolution and a 1×1.
    case separable
    /// A 1×1, a depthwise convolution and a 1×1: MBConv.
    case inverted

    init(_ convolutions: [Convolution]) {
      let isDepthwise = convolutions.contains { $0.groups > 1 }
      switch (convolutions.count, isDepthwise) {
      case (1, _): self = .single
      case (2, true): self = .separable
      case (2, false): self = .fused
      default: self = .inverted
      }
    }
  }

  /// The places of all nodes of `graph` that have parameters, in the order of the nodes.
  static func places(in graph: Graph) -> [(node: Node, place: ParameterPlace)] {
    let nodes = graph.nodes.filter { !$0.parameters.isEmpty }
    let linearCount = nodes.count { $0.operation == .linear }
    var kinds: [String: BlockKind] = [:]
    for (block, members) in Dictionary(grouping: nodes, by: blockPath) {
      guard let block else { continue }
      kinds[block] = BlockKind(
        members.compactMap { node in
          guard case .convolution(let convolution) = node.operation, !convolution.hasBias else {
            return nil
          }
          return convolution
        })
    }
    var block = -1
    var path: String?
    var unit = -1
    var linear = 0
    return nodes.map { node in
      if node.operation == .linear {
        linear += 1
        return (node, linear < linearCount ? .hidden : .classifier)
      }
      var layer = Layer.norm
      var hasBias = false
      if case .convolution(let convolution) = node.operation {
        layer = .convolution
        hasBias = convolution.hasBias
      }
      guard let current = blockPath(of: node), let kind = kinds[current] else {
        let isStem = block < 0
        return (node, isStem ? .stem(layer) : .head(layer, hasHiddenLayer: linearCount > 1))
      }
      if current != path {
        path = current
        block += 1
        unit = -1
      }
      if hasBias {
        // Only squeeze-excite's convolutions have one: first reduce, then restore.
        return (node, .block(block, kind, node.name.hasSuffix("fc1") ? .reduce : .restore))
      }
      if layer == .convolution { unit += 1 }
      return (node, .block(block, kind, .unit(unit, layer)))
    }
  }

  /// The path of the block that a node is part of: what stands before `.block.` in its name.
  private static func blockPath(of node: Node) -> String? {
    let path = node.name.split(separator: ".")
    return path.firstIndex(of: "block").map { path[..<$0].joined(separator: ".") }
  }
}
