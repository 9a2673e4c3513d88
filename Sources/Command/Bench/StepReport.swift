import CNNZoo

// The tables of `cnnzoo bench --train`.

/// The time of each stage, or with `byLayer` of each layer, slowest first.
func stepTable(_ results: [BenchResult], byLayer: Bool) -> Table {
  let place: [Table.Column] =
    byLayer
    ? [.text("layer").shortened, .text("stage").optional(3), .text("kernel").optional(2)]
    : [.text("stage").shortened, .text("blocks").optional(4)]
  func direction(_ name: String, _ importance: Int) -> [Table.Column] {
    [
      .number("\(name)_ms", heading: name),
      .number("\(name)_gflops", heading: "GFLOP/s").optional(importance),
      .number("\(name)_bound_ms", heading: "bound").optional(1),
      .number("\(name)_percent_of_bound", heading: "% of bound").optional(8),
    ] + (byLayer ? [.text("\(name)_bound_by", heading: "by").optional(1)] : [])
  }
  return Table(
    identityColumns(results) + place + [
      .text("output").optional(2), .number("ms"), .number("percent", heading: "%").optional(7),
    ]
      + direction("forward", 5) + direction("backward", 6),
    rows: results.flatMap { result in
      guard case .step(let step)? = result.parts else { return [[Table.Cell]]() }
      let rows =
        byLayer
        ? step.layers.sorted { $0.part.seconds > $1.part.seconds }.map(StepRow.init)
        : step.stages.map(StepRow.init)
      return (rows + step.wholes.map(StepRow.init) + [StepRow(all: step)]).map { row in
        identity(result) + [.text(row.name), .text(row.detail)]
          + row.figures(of: step.seconds, byLayer: byLayer)
      }
    })
}

/// A row: a layer, a stage, work on all parameters, or the whole step.
private struct StepRow {
  let name: String
  /// The stage of a layer, the blocks of a stage.
  let detail: String
  var kernel = ""
  var output = ""
  let seconds: Double
  var forward: StepBreakdown.Direction?
  var backward: StepBreakdown.Direction?

  init(_ layer: StepBreakdown.Layer) {
    (name, detail) = (layer.layer.name, layer.layer.stageName)
    (kernel, output) = (layer.layer.strategy, "\(layer.layer.shape)")
    (seconds, forward, backward) = (layer.part.seconds, layer.part.forward, layer.part.backward)
  }

  init(_ stage: StepBreakdown.Stage) {
    (name, detail, output) = (stage.name, stage.blocks, "\(stage.shape)")
    (seconds, forward, backward) = (stage.part.seconds, stage.part.forward, stage.part.backward)
  }

  init(_ whole: StepBreakdown.Whole) {
    (name, detail, seconds) = (whole.work.name, "", whole.seconds)
  }

  init(all step: StepBreakdown) {
    (name, detail, seconds) = ("whole step", "", step.seconds)
    (forward, backward) = (step.network.forward, step.network.backward)
  }

  /// The cells after the row's name.
  func figures(of total: Double, byLayer: Bool) -> [Table.Cell] {
    (byLayer ? [.text(kernel)] : []) + [
      .text(output), .number(1000 * seconds, decimals: 3),
      .number(total > 0 ? 100 * seconds / total : 0, decimals: 1),
    ] + Self.cells(forward, byLayer: byLayer) + Self.cells(backward, byLayer: byLayer)
  }

  private static func cells(
    _ direction: StepBreakdown.Direction?, byLayer: Bool
  ) -> [Table.Cell] {
    guard let direction else { return Array(repeating: .empty, count: byLayer ? 5 : 4) }
    let isBounded = direction.boundSeconds > 0
    return [
      .number(1000 * direction.seconds, decimals: 3),
      // Pools and gates have no multiply-accumulates that are counted.
      direction.macs > 0 ? .number(direction.operationsPerSecond / 1e9, decimals: 1) : .empty,
      isBounded ? .number(1000 * direction.boundSeconds, decimals: 3) : .empty,
      isBounded ? .number(100 * direction.shareOfBound, decimals: 1) : .empty,
    ] + (byLayer ? [.text(isBounded ? direction.bound?.rawValue ?? "" : "")] : [])
  }
}

/// The time of each kind of work.
func workTable(_ results: [BenchResult]) -> Table {
  Table(
    identityColumns(results) + [
      .text("work"), .text("direction"), .number("ms"), .number("percent", heading: "%"),
    ],
    rows: results.flatMap { result in
      guard case .step(let step)? = result.parts else { return [[Table.Cell]]() }
      return step.works.map { work, seconds in
        identity(result) + [
          .text(work.name), .text(work.direction.name), .number(1000 * seconds, decimals: 3),
          .number(step.seconds > 0 ? 100 * seconds / step.seconds : 0, decimals: 1),
        ]
      }
    })
}

/// What a step holds in memory, in MiB.
func memoryTable(_ results: [BenchResult]) -> Table {
  let parts = TrainingMemory.parts.map {
    Table.Column.number($0.name + "_mib", heading: $0.heading).optional($0.importance)
  }
  return Table(
    identityColumns(results) + parts + [
      .number("total_mib", heading: "total"), .number("lean_mib", heading: "lean"),
      .number("ratio_to_lean", heading: "ratio"),
    ],
    rows: results.compactMap { result in
      guard case .step(let step)? = result.parts else { return nil }
      let memory = step.memory
      let bytes = TrainingMemory.parts.map { memory[keyPath: $0.bytes] }
      return identity(result)
        + (bytes + [memory.total, memory.lean]).map {
          .number(Double($0) / 1_048_576, decimals: 1)
        } + [.number(memory.ratioToLean, decimals: 2)]
    })
}

/// The columns that tell measurements apart; those that do not are the first to be hidden.
private func identityColumns(_ results: [BenchResult]) -> [Table.Column] {
  func column(_ column: Table.Column, _ values: [some Hashable]) -> Table.Column {
    Set(values).count > 1 ? column : column.optional(0)
  }
  return [
    column(.text("model").shortened, results.map(\.key.model)),
    column(.number("threads"), results.map(\.key.threads)),
    column(.number("batch"), results.map(\.key.batch)),
  ]
}

private func identity(_ result: BenchResult) -> [Table.Cell] {
  [.text(result.key.model), .integer(result.key.threads), .integer(result.key.batch)]
}

/// A measurement's recipe, and what the headings mean.
func stepNotes(_ results: [BenchResult]) -> [String] {
  let recipes = Set(results.compactMap(\.key.mode.recipe)).sorted()
  return recipes.map { "step: forwards, backwards, optimiser; \($0)" } + [
    "memory: MiB; lean: state, outputs of convolutions and inputs of blocks"
  ]
}
