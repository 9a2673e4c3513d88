import CNNZoo

/// The report of `cnnzoo summary --plan`: the program that a session runs.
func planReport(of costs: NetworkCosts) -> Report {
  let (program, graph) = (costs.program, costs.graph)
  let steps: [JSON.Object] = program.steps.map { step in
    [
      "name": .string(step.name), "strategy": .string(step.strategy),
      "output_shape": .shape(step.shape),
      "offset": .integer(step.offset), "macs": .integer(step.macs),
      "macs_share": .number(share(step.macs, of: graph.macs)),
      "multiply_adds": .integer(step.multiplyAdds), "bytes": .integer(step.bytes),
    ]
  }
  let totals: JSON.Object = [
    "model": .string(graph.name), "backend": .string(program.backend.rawValue),
    "precision": .string(program.precision.rawValue),
    "arena_bytes": .integer(program.arenaBytes), "scratch_bytes": .integer(program.scratchBytes),
    "peak_activation_bytes": .integer(program.peakActivationBytes),
    "separate_activation_bytes": .integer(costs.separateBytes),
    "packed_bytes": .integer(program.packedBytes),
  ]
  let table = Table(
    [
      .number("step"), .text("output of").shortened, .text("strategy").shortened,
      .number("shape"), .number("offset").optional(0), .number("MACs").optional(2),
      .number("% of MACs", heading: "%"), .number("multiply-adds").optional(1),
      .number("bytes").optional(1),
    ],
    rows: program.steps.enumerated().map { index, step in
      [
        .integer(index + 1), .text(step.name), .text(step.strategy), .text("\(step.shape)"),
        .integer(step.offset), .integer(step.macs),
        .number(100 * share(step.macs, of: graph.macs), decimals: 2),
        .integer(step.multiplyAdds), .integer(step.bytes),
      ]
    })
  let multiplyAdds = program.steps.reduce(0) { $0 + $1.multiplyAdds }
  return Report(
    document: totals + ["steps": .array(steps.map(JSON.object))], records: steps + [totals],
    table: table,
    notes: [
      "backend          \(program.backend.rawValue), \(program.precision.rawValue)",
      "arena            \(NumberText.bytes(program.arenaBytes));"
        + " \(NumberText.bytes(costs.separateBytes)) without memory reuse and fusion",
      "scratch          \(NumberText.bytes(program.scratchBytes)) per thread",
      "peak activations \(NumberText.bytes(program.peakActivationBytes))",
      "packed weights   \(NumberText.bytes(program.packedBytes))",
      "multiply-adds    \(NumberText.grouped(multiplyAdds)) performed for"
        + " \(NumberText.grouped(graph.macs)) MACs",
    ])
}
