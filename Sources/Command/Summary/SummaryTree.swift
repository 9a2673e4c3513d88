import CNNZoo

/// A line of a summary: a module with all that is in it, or an operation.
package struct SummaryRow {
  /// The dotted path; the part after the last dot is shown.
  package let path: String
  package let kind: String
  /// Kernel and stride of a convolution, as `3x3 /2`; empty for all else.
  package var kernel = ""
  /// Shape of what leaves it.
  package var shape: TensorShape
  /// Trainable scalars, those of inner modules included.
  package var parameters = 0
  /// Multiply-accumulates for one image, those of inner modules included.
  package var macs = 0

  /// Enclosing modules, itself counted.
  package var depth: Int { path.count { $0 == "." } + 1 }

  /// The part of the path that its own module gave it.
  var name: String { path.split(separator: ".").last.map(String.init) ?? path }
}

/// The modules and operations of a network, down to some depth.
package struct SummaryTree {
  /// In the order of their first use, modules before what is in them.
  package let rows: [SummaryRow]

  /// - Parameter depth: levels of modules, the outermost counted.
  package init(of graph: Graph, depth: Int = .max) {
    var rows: [SummaryRow] = []
    var positions: [String: Int] = [:]
    for node in graph.nodes {
      let parameters = node.trainableCount
      for path in Self.prefixes(of: node.name) {
        guard let kind = graph.modules[path] else { continue }
        let position = positions[path] ?? rows.count
        if position == rows.count {
          positions[path] = position
          rows.append(SummaryRow(path: path, kind: kind, shape: node.shape))
        }
        rows[position].shape = node.shape
        rows[position].parameters += parameters
        rows[position].macs += node.macs
      }
      rows.append(
        SummaryRow(
          path: node.name, kind: node.operation.moduleName, kernel: node.operation.kernelText,
          shape: node.shape, parameters: parameters, macs: node.macs))
    }
    self.rows = rows.filter { $0.depth <= depth }
  }

  /// For each row, the lines that lead to it from the modules around it.
  package var branches: [String] {
    Self.branches(depths: rows.map(\.depth))
  }

  /// The lines of a tree whose nodes have these depths, the outermost having depth 1 and none.
  static func branches(depths: [Int]) -> [String] {
    // Whether the level goes on below the line in hand, which moves upwards.
    var goesOn = [Bool](repeating: false, count: (depths.max() ?? 0) + 1)
    let lines = depths.reversed().map { depth in
      let outer = (1..<depth).dropFirst().map { goesOn[$0] ? "│  " : "   " }.joined()
      let own = depth == 1 ? "" : goesOn[depth] ? "├─ " : "└─ "
      goesOn[depth] = true
      for deeper in goesOn.indices where deeper > depth { goesOn[deeper] = false }
      return outer + own
    }
    return lines.reversed()
  }

  /// The paths that enclose `name`: of `a.b.c`, these are `a` and `a.b`.
  private static func prefixes(of name: String) -> [String] {
    name.indices.filter { name[$0] == "." }.map { String(name[..<$0]) }
  }
}

extension Operation {
  fileprivate var kernelText: String {
    guard case .convolution(let convolution) = self else { return "" }
    let stride = convolution.stride == 1 ? "" : " /\(convolution.stride)"
    let groups = convolution.groups == 1 ? "" : " depthwise"
    return "\(convolution.kernel)x\(convolution.kernel)\(stride)\(groups)"
  }
}
