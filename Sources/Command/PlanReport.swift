import CNNZoo

/// The report of `cnnzoo summary --plan`: the program that a session runs.
func planReport(of plan: ExecutionPlan, graph: Graph) -> Report {
  let steps: [JSON.Object] = plan.steps.map { step in
    [
      "name": .string(step.name), "strategy": .string(step.strategy),
      "output_shape": .array([
        .integer(step.shape.height), .integer(step.shape.width), .integer(step.shape.channels),
      ]),
      "offset": .integer(step.offset), "macs": .integer(step.macs),
      "bytes": .integer(step.bytes),
    ]
  }
  let totals: JSON.Object = [
    "model": .string(graph.name), "arena_bytes": .integer(plan.arenaBytes),
    "peak_activation_bytes": .integer(plan.peakActivationBytes),
    "packed_bytes": .integer(plan.packedBytes),
  ]
  let table = Table(
    [
      .number("step"), .text("output of"), .text("strategy"), .number("shape"),
      .number("offset"), .number("MACs"),
    ],
    rows: plan.steps.enumerated().map { index, step in
      [
        .integer(index + 1), .text(step.name), .text(step.strategy), .text("\(step.shape)"),
        .integer(step.offset), .integer(step.macs),
      ]
    })
  return Report(
    document: totals + ["steps": .array(steps.map(JSON.object))], records: steps + [totals],
    table: table,
    notes: [
      "arena            \(NumberText.bytes(plan.arenaBytes)), scratch included",
      "peak activations \(NumberText.bytes(plan.peakActivationBytes))",
      "packed weights   \(NumberText.bytes(plan.packedBytes))",
    ])
}
