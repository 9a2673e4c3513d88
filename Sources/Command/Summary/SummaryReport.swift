import CNNZoo

/// The report of `cnnzoo summary` about one network.
func summaryReport(of costs: NetworkCosts, depth: Int) -> Report {
  let graph = costs.graph
  let layers = graph.nodes.map { layer($0, of: graph) }
  let tree = SummaryTree(of: graph, depth: depth)
  let table = Table(
    [
      .text("module"), .text("kind"), .text("kernel"), .number("output"), .number("parameters"),
      .number("% of parameters"), .number("MACs"), .number("% of MACs"),
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

/// A count and its share; none for a module that has nothing of it.
private func cells(_ part: Int, of whole: Int) -> [Table.Cell] {
  guard part > 0 else { return [.empty, .empty] }
  return [.integer(part), .number(100 * share(part, of: whole), decimals: 2)]
}

/// The part as a fraction; 0 of nothing.
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
      + " \(bytes(costs.plan.packedBytes)) packed to run",
    "activations  \(bytes(costs.arenaBytes)) for one image, of which"
      + " \(bytes(costs.plan.peakActivationBytes)) live at once;"
      + " \(bytes(costs.separateBytes)) if nothing were shared and nothing fused",
    "scratch      \(bytes(costs.plan.scratchBytes)) for each thread",
  ]
}

extension NetworkCosts {
  /// What JSON says of the network as a whole.
  var json: JSON.Object {
    [
      "model": .string(graph.name), "input_shape": .shape(graph.inputShape),
      "classes": .integer(graph.classCount),
      "parameters": .integer(graph.parameterCount), "macs": .integer(graph.macs),
      "weight_bytes": .object([
        "f32": .integer(4 * storedCount), "f16": .integer(2 * storedCount),
        "packed": .integer(plan.packedBytes),
      ]),
      "peak_activation_bytes": .integer(plan.peakActivationBytes),
      "activation_bytes": .integer(arenaBytes),
      "separate_activation_bytes": .integer(separateBytes),
      "scratch_bytes": .integer(plan.scratchBytes),
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
