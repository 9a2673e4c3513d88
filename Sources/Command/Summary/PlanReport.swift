import CNNZoo

/// The report of `cnnzoo summary --plan`: the program that a session runs.
func planReport(of costs: NetworkCosts) -> Report {
  let (plan, graph) = (costs.plan, costs.graph)
  let steps: [JSON.Object] = plan.steps.map { step in
    [
      "name": .string(step.name), "strategy": .string(step.strategy),
      "output_shape": .shape(step.shape),
      "offset": .integer(step.offset), "macs": .integer(step.macs),
      "macs_share": .number(share(step.macs, of: graph.macs)),
      "multiply_adds": .integer(step.multiplyAdds), "bytes": .integer(step.bytes),
    ]
  }
  let totals: JSON.Object = [
    "model": .string(graph.name), "backend": .string(plan.backend.rawValue),
    "arena_bytes": .integer(plan.arenaBytes), "scratch_bytes": .integer(plan.scratchBytes),
    "peak_activation_bytes": .integer(plan.peakActivationBytes),
    "separate_activation_bytes": .integer(costs.separateBytes),
    "packed_bytes": .integer(plan.packedBytes),
  ]
  let table = Table(
    [
      .number("step"), .text("output of"), .text("strategy"), .number("shape"),
      .number("offset"), .number("MACs"), .number("% of MACs"), .number("multiply-adds"),
      .number("bytes"),
    ],
    rows: plan.steps.enumerated().map { index, step in
      [
        .integer(index + 1), .text(step.name), .text(step.strategy), .text("\(step.shape)"),
        .integer(step.offset), .integer(step.macs),
        .number(100 * share(step.macs, of: graph.macs), decimals: 2),
        .integer(step.multiplyAdds), .integer(step.bytes),
      ]
    })
  let multiplyAdds = plan.steps.reduce(0) { $0 + $1.multiplyAdds }
  return Report(
    document: totals + ["steps": .array(steps.map(JSON.object))], records: steps + [totals],
    table: table,
    notes: [
      "arena            \(NumberText.bytes(plan.arenaBytes)), of which"
        + " \(NumberText.bytes(plan.scratchBytes)) scratch;"
        + " \(NumberText.bytes(costs.separateBytes)) if nothing were shared and nothing fused",
      "peak activations \(NumberText.bytes(plan.peakActivationBytes))",
      "packed weights   \(NumberText.bytes(plan.packedBytes))",
      "multiply-adds    \(NumberText.grouped(multiplyAdds)) of the algorithms in use for"
        + " \(NumberText.grouped(graph.macs)) MACs",
    ])
}
