import CNNZoo

/// The report of `cnnzoo summary` on one network.
func summaryReport(of costs: NetworkCosts, depth: Int) -> Report {
  let graph = costs.graph
  let layers = graph.nodes.map { layer($0, of: graph) }
  let tree = SummaryTree(of: graph, depth: depth)
  let table = Table(
    [
      .text("module"), .text("kind").shortened, .text("kernel").optional(0), .number("output"),
      .number("parameters"), .number("% of parameters", heading: "%"), .number("MACs"),
      .number("% of MACs", heading: "%"),
    ],
    rows: zip(tree.rows, tree.branches).map { row, branch in
      [
        .shown(branch + row.name, plain: row.path), .text(row.kind), .text(row.kernel),
        .text("\(row.shape)"),
      ] + cells(row.parameters, of: graph.parameterCount) + cells(row.macs, of: graph.macs)
    })
  return Report(
    document: costs.json + ["layers": .array(layers.map(JSON.object))],
    records: layers + [costs.json], table: table, notes: notes(costs))
}

/// A count and its share; empty if the count is 0.
private func cells(_ part: Int, of whole: Int) -> [Table.Cell] {
  guard part > 0 else { return [.empty, .empty] }
  return [.integer(part), .number(100 * share(part, of: whole), decimals: 2)]
}

/// The part as a fraction of the whole; 0 if the whole is 0.
func share(_ part: Int, of whole: Int) -> Double {
  whole == 0 ? 0 : Double(part) / Double(whole)
}

private func notes(_ costs: NetworkCosts) -> [String] {
  let graph = costs.graph
  let bytes = NumberText.bytes
  return [
    "\(graph.name), input \(graph.inputShape), \(graph.classCount) classes",
    "parameters   \(NumberText.grouped(graph.parameterCount))",
    "MACs         \(NumberText.grouped(graph.macs))"
      + " (\(NumberText.fixed(Double(graph.macs) / 1e9, 3)) G)",
    "weights      \(bytes(4 * costs.storedCount)) as f32, \(bytes(2 * costs.storedCount)) as f16;"
      + " \(bytes(costs.program.packedBytes)) packed for inference",
    "activations  \(bytes(costs.program.arenaBytes)) for one image, with"
      + " \(bytes(costs.program.peakActivationBytes)) live at once;"
      + " \(bytes(costs.separateBytes)) without memory reuse and fusion",
    "scratch      \(bytes(costs.program.scratchBytes)) per thread",
  ]
}

extension NetworkCosts {
  /// The network as a whole, as JSON.
  var json: JSON.Object {
    [
      "model": .string(graph.name), "input_shape": .shape(graph.inputShape),
      "classes": .integer(graph.classCount),
      "parameters": .integer(graph.parameterCount), "macs": .integer(graph.macs),
      "weight_bytes": .object([
        "f32": .integer(4 * storedCount), "f16": .integer(2 * storedCount),
        "packed": .integer(program.packedBytes),
      ]),
      "peak_activation_bytes": .integer(program.peakActivationBytes),
      "activation_bytes": .integer(program.arenaBytes),
      "separate_activation_bytes": .integer(separateBytes),
      "scratch_bytes": .integer(program.scratchBytes),
      "stages": .array(
        stages.map { stage in
          .object([
            "stage": .string(stage.name), "output_shape": .shape(stage.shape),
            "parameters": .integer(stage.parameters),
            "parameters_share": .number(share(stage.parameters, of: graph.parameterCount)),
            "macs": .integer(stage.macs), "macs_share": .number(share(stage.macs, of: graph.macs)),
          ])
        }),
    ]
  }
}

private func layer(_ node: Node, of graph: Graph) -> JSON.Object {
  var layer: JSON.Object = [
    "name": .string(node.name), "kind": .string(node.operation.moduleName),
  ]
  if case .convolution(let convolution) = node.operation {
    layer.append("kernel", .integer(convolution.kernel))
    layer.append("stride", .integer(convolution.stride))
    layer.append("groups", .integer(convolution.groups))
  }
  return layer + [
    "output_shape": .shape(node.shape),
    "parameters": .integer(node.trainableCount),
    "parameters_share": .number(share(node.trainableCount, of: graph.parameterCount)),
    "macs": .integer(node.macs), "macs_share": .number(share(node.macs, of: graph.macs)),
  ]
}

extension JSON {
  /// Height, width and channels.
  static func shape(_ shape: TensorShape) -> JSON {
    .array([.integer(shape.height), .integer(shape.width), .integer(shape.channels)])
  }
}

/// A row of a summary: an operation, or a module including its contents.
package struct SummaryRow {
  /// The dotted path; the part after the last dot is shown.
  package let path: String
  package let kind: String
  /// Kernel and stride of a convolution, such as `3x3 /2`; empty for other operations.
  package var kernel = ""
  /// Output shape.
  package var shape: TensorShape
  /// Trainable parameters, including those of inner modules.
  package var parameters = 0
  /// Multiply-accumulates for one image, including those of inner modules.
  package var macs = 0

  /// Number of enclosing modules, including itself.
  package var depth: Int { path.count { $0 == "." } + 1 }

  /// The last component of the path.
  var name: String { path.split(separator: ".").last.map(String.init) ?? path }
}

/// The modules and operations of a network, down to a given depth.
package struct SummaryTree {
  /// In order of first use, modules before their contents.
  package let rows: [SummaryRow]

  /// - Parameter depth: Levels of modules, including the outermost.
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

  /// The tree branches drawn in front of each row.
  package var branches: [String] {
    Self.branches(depths: rows.map(\.depth))
  }

  /// The branches of a tree with these depths; nodes at depth 1 have none.
  static func branches(depths: [Int]) -> [String] {
    // Goes upwards, tracking whether each level continues below the current row.
    var continues = [Bool](repeating: false, count: (depths.max() ?? 0) + 1)
    let lines = depths.reversed().map { depth in
      let outer = (1..<depth).dropFirst().map { continues[$0] ? "│  " : "   " }.joined()
      let own = depth == 1 ? "" : continues[depth] ? "├─ " : "└─ "
      continues[depth] = true
      for deeper in continues.indices where deeper > depth { continues[deeper] = false }
      return outer + own
    }
    return lines.reversed()
  }

  /// The paths that enclose `name`: `a` and `a.b` for `a.b.c`.
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
