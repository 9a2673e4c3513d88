import CNNZoo

/// A line of a summary: a module with all that is in it, or an operation.
struct SummaryRow {
  /// The dotted path; the part after the last dot is shown.
  let path: String
  let kind: String
  /// Shape of what leaves it.
  var shape: TensorShape
  /// Trainable scalars, those of inner modules included.
  var parameters = 0
  /// Multiply-accumulates for one image, those of inner modules included.
  var macs = 0

  /// Enclosing modules, itself counted.
  var depth: Int { path.count { $0 == "." } + 1 }
}

/// The modules and operations of `graph` in the order of their first use, modules before what is in
/// them.
func summaryRows(of graph: Graph) -> [SummaryRow] {
  var rows: [SummaryRow] = []
  var positions: [String: Int] = [:]
  for node in graph.nodes {
    let parameters = node.parameters.lazy.filter(\.isTrainable).map(\.count).reduce(0, +)
    for path in prefixes(of: node.name) {
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
        path: node.name, kind: node.operation.moduleName, shape: node.shape,
        parameters: parameters, macs: node.macs))
  }
  return rows
}

/// The paths that enclose `name`: of `a.b.c`, these are `a` and `a.b`.
private func prefixes(of name: String) -> [String] {
  name.indices.filter { name[$0] == "." }.map { String(name[..<$0]) }
}

/// The report of `cnnzoo summary`.
func summaryReport(of graph: Graph, depth: Int, peak: Int) -> Report {
  let rows = summaryRows(of: graph)
  let layers = graph.nodes.map(layer)
  let input: JSON = .array([
    .integer(graph.inputShape.height), .integer(graph.inputShape.width),
    .integer(graph.inputShape.channels),
  ])
  let totals: JSON.Object = [
    "model": .string(graph.name), "input_shape": input,
    "classes": .integer(graph.classCount),
    "parameters": .integer(graph.parameterCount), "macs": .integer(graph.macs),
    "peak_activation_bytes": .integer(peak),
  ]
  let table = Table(
    [
      .text("module"), .text("kind"), .number("output"), .number("parameters"),
      .number("MACs"),
    ],
    rows: rows.filter { $0.depth <= depth }.map { row in
      let name = row.path.split(separator: ".").last.map(String.init) ?? row.path
      return [
        .text(String(repeating: "  ", count: row.depth - 1) + name), .text(row.kind),
        .text("\(row.shape)"), row.parameters == 0 ? .empty : .integer(row.parameters),
        row.macs == 0 ? .empty : .integer(row.macs),
      ]
    })
  return Report(
    document: totals + ["layers": .array(layers.map(JSON.object))],
    records: layers + [totals], table: table,
    notes: [
      "\(graph.name), input \(graph.inputShape), \(graph.classCount) classes",
      "parameters       \(NumberText.grouped(graph.parameterCount))",
      "MACs             \(NumberText.grouped(graph.macs))"
        + " (\(NumberText.fixed(Double(graph.macs) / 1e9, 3)) G)",
      "peak activations \(NumberText.bytes(peak))",
    ])
}

private func layer(_ node: Node) -> JSON.Object {
  [
    "name": .string(node.name), "kind": .string(node.operation.moduleName),
    "output_shape": .array([
      .integer(node.shape.height), .integer(node.shape.width), .integer(node.shape.channels),
    ]),
    "parameters": .integer(node.parameters.lazy.filter(\.isTrainable).map(\.count).reduce(0, +)),
    "macs": .integer(node.macs),
  ]
}
