import CNNZoo

// The tables and the JSON of `cnnzoo bench --train`.

/// The time of each stage, or with `byLayer` of each layer, slowest first.
func stepTable(_ results: [BenchResult], byLayer: Bool) -> Table {
  let place: [Table.Column] =
    byLayer
    ? [.text("layer").shortened, .text("stage").optional(3), .text("kernel").optional(2)]
    : [.text("stage"), .text("blocks")]
  func direction(_ name: String, _ importance: Int) -> [Table.Column] {
    [
      .number("\(name)_ms", heading: name),
      .number("\(name)_gflops", heading: "GFLOP/s").optional(importance),
      .number("\(name)_bound_ms", heading: "bound").optional(0),
      .number("\(name)_percent_of_bound", heading: "% of bound"),
      .text("\(name)_bound_by", heading: "by").optional(byLayer ? 1 : 0),
    ]
  }
  return Table(
    [.text("model").optional(1), .number("threads").optional(0), .number("batch").optional(0)]
      + place + [.text("output").optional(2), .number("ms"), .number("percent", heading: "%")]
      + direction("forward", 4) + direction("backward", 5),
    rows: results.flatMap { result in
      guard case .step(let step)? = result.parts else { return [[Table.Cell]]() }
      let rows =
        byLayer
        ? step.layers.sorted { $0.part.seconds > $1.part.seconds }.map(StepRow.init)
        : step.stages.map { StepRow($0, of: step) }
      return (rows + step.wholes.map(StepRow.init) + [StepRow(all: step)]).map { row in
        [
          .text(result.key.model), .integer(result.key.threads), .integer(result.key.batch),
          .text(row.name), .text(row.detail),
        ] + (byLayer ? [.text(row.kernel)] : []) + row.figures(of: step.seconds)
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
    (name, detail) = (layer.layer.name, stageName(layer.layer))
    (kernel, output) = (layer.layer.strategy, "\(layer.layer.shape)")
    (seconds, forward, backward) = (layer.part.seconds, layer.part.forward, layer.part.backward)
  }

  init(_ stage: StepBreakdown.Stage, of step: StepBreakdown) {
    let layers = step.layers[stage.layers].map(\.layer)
    (name, detail) = (stageName(layers[0]), blocks(layers))
    output = layers.last.map { "\($0.shape)" } ?? ""
    (seconds, forward, backward) = (stage.part.seconds, stage.part.forward, stage.part.backward)
  }

  init(_ whole: StepBreakdown.Whole) {
    (name, detail, seconds) = (whole.work.name, "", whole.seconds)
  }

  init(all step: StepBreakdown) {
    (name, detail, seconds) = ("whole step", "", step.seconds)
    (forward, backward) = (step.network.forward, step.network.backward)
  }

  func figures(of total: Double) -> [Table.Cell] {
    [
      .text(output), .number(1000 * seconds, decimals: 3),
      .number(total > 0 ? 100 * seconds / total : 0, decimals: 1),
    ] + Self.cells(forward) + Self.cells(backward)
  }

  private static func cells(_ direction: StepBreakdown.Direction?) -> [Table.Cell] {
    guard let direction else { return Array(repeating: .empty, count: 5) }
    return [
      .number(1000 * direction.seconds, decimals: 3),
      // Pools and gates have no multiply-accumulates that are counted.
      direction.macs > 0 ? .number(direction.operationsPerSecond / 1e9, decimals: 1) : .empty,
      .number(1000 * direction.boundSeconds, decimals: 3),
      direction.boundSeconds > 0 ? .number(100 * direction.shareOfBound, decimals: 1) : .empty,
      .text(direction.boundSeconds > 0 ? direction.bound?.rawValue ?? "" : ""),
    ]
  }
}

/// The time of each kind of work.
func workTable(_ results: [BenchResult]) -> Table {
  Table(
    [
      .text("model").optional(1), .number("threads").optional(0), .number("batch").optional(0),
      .text("work"), .text("direction"), .number("ms"), .number("percent", heading: "%"),
    ],
    rows: results.flatMap { result in
      guard case .step(let step)? = result.parts else { return [[Table.Cell]]() }
      return step.works.map { work, seconds in
        [
          .text(result.key.model), .integer(result.key.threads), .integer(result.key.batch),
          .text(work.name), .text(work.direction.name), .number(1000 * seconds, decimals: 3),
          .number(step.seconds > 0 ? 100 * seconds / step.seconds : 0, decimals: 1),
        ]
      }
    })
}

/// What a step holds in memory, in MiB.
func memoryTable(_ results: [BenchResult]) -> Table {
  let parts = TrainingMemory.parts.map {
    Table.Column.number($0.name + "_mib", heading: $0.heading)
  }
  return Table(
    [.text("model"), .number("threads").optional(0), .number("batch").optional(1)] + parts
      + [
        .number("total_mib", heading: "total"), .number("lean_mib", heading: "lean"),
        .number("ratio_to_lean", heading: "ratio"),
      ],
    rows: results.compactMap { result in
      guard case .step(let step)? = result.parts else { return nil }
      let memory = step.memory
      func mebibytes(_ bytes: Int) -> Table.Cell {
        .number(Double(bytes) / 1_048_576, decimals: 1)
      }
      return [
        .text(result.key.model), .integer(result.key.threads), .integer(result.key.batch),
      ] + TrainingMemory.parts.map { mebibytes(memory[keyPath: $0.bytes]) }
        + [
          mebibytes(memory.total), mebibytes(memory.lean),
          .number(memory.ratioToLean, decimals: 2),
        ]
    })
}

/// A measurement's recipe, and what the headings mean.
func stepNotes(_ results: [BenchResult]) -> [String] {
  let recipes = Set(results.compactMap(\.key.mode.recipe)).sorted()
  return recipes.map { "step: forwards, backwards, optimiser; \($0)" } + [
    "memory: MiB; lean: state, outputs of convolutions and inputs of blocks"
  ]
}

/// The breakdown as JSON.
func stepJSON(_ step: StepBreakdown) -> JSON.Object {
  func works(_ works: [(work: TrainingWork, seconds: Double)]) -> JSON {
    .object(JSON.Object(works.map { ($0.work.key, .number(1000 * $0.seconds)) }))
  }
  return [
    "limits": .object(limitsJSON(step.limits)),
    "layers": .array(
      step.layers.map { layer in
        .object(
          [
            "name": .string(layer.layer.name), "stage": .string(stageName(layer.layer)),
            "block": .optional(layer.layer.block?.kindName),
            "role": .string(layer.layer.role.rawValue),
            "strategy": .string(layer.layer.strategy),
            "output_shape": .array(
              [layer.layer.shape.height, layer.layer.shape.width, layer.layer.shape.channels]
                .map(JSON.integer)),
            "macs": .integer(layer.layer.forward.macs),
          ] + partJSON(layer.part, of: step) + ["work_ms": works(layer.works)])
      }),
    "stages": .array(
      step.stages.map { stage in
        let layers = step.layers[stage.layers].map(\.layer)
        return .object(
          ["name": .string(stageName(layers[0])), "blocks": .string(blocks(layers))]
            + partJSON(stage.part, of: step))
      }),
    "work_ms": works(step.works), "layers_ms": .number(1000 * step.seconds),
    "layers_bound_ms": .number(1000 * step.boundSeconds),
  ]
}

private func partJSON(_ part: StepBreakdown.Part, of step: StepBreakdown) -> JSON.Object {
  func direction(_ name: String, _ direction: StepBreakdown.Direction) -> JSON.Object {
    var members: JSON.Object = [
      "\(name)_ms": .number(1000 * direction.seconds),
      "\(name)_gflops": .number(direction.operationsPerSecond / 1e9),
      "\(name)_bound_ms": .number(1000 * direction.boundSeconds),
      "\(name)_share_of_bound": .number(direction.shareOfBound),
    ]
    if let bound = direction.bound { members.append("\(name)_bound_by", .string(bound.rawValue)) }
    return members
  }
  return [
    "ms": .number(1000 * part.seconds),
    "share": .number(step.seconds > 0 ? part.seconds / step.seconds : 0),
  ] + direction("forward", part.forward) + (part.backward.map { direction("backward", $0) } ?? [:])
}

func memoryJSON(_ memory: TrainingMemory) -> JSON.Object {
  JSON.Object(
    TrainingMemory.parts.map { ("\($0.name)_bytes", .integer(memory[keyPath: $0.bytes])) }) + [
      "total_bytes": .integer(memory.total), "lean_bytes": .integer(memory.lean),
      "ratio_to_lean": .number(memory.ratioToLean),
    ]
}

// MARK: Names

/// `stem`, `stage 1` … or `head`.
func stageName(_ layer: TrainingLayer) -> String {
  if let stage = layer.block?.stage { return "stage \(stage + 1)" }
  return layer.role == .stem ? "stem" : "head"
}

/// The blocks of a stage, as `4 × Fused-MBConv`.
private func blocks(_ layers: [TrainingLayer]) -> String {
  let blocks = layers.compactMap(\.block)
  let kinds = blocks.map(\.kindName).reduce(into: [String]()) { kinds, kind in
    if !kinds.contains(kind) { kinds.append(kind) }
  }
  return kinds.map { kind in
    let numbers = Set(blocks.filter { $0.kindName == kind }.map(\.number))
    return "\(numbers.count) × \(kind)"
  }.joined(separator: ", ")
}

extension Block {
  /// The papers' name.
  fileprivate var kindName: String {
    switch kind {
    case .single, .fused: "Fused-MBConv"
    case .separable, .inverted: "MBConv"
    }
  }
}

extension TrainingWork {
  /// The name in tables.
  var name: String {
    switch self {
    case .product: "convolutions"
    case .normalization: "batch norm, activations"
    case .recomputation: "recomputation"
    case .normalizationGradient: "batch norm, activations"
    case .weightGradient: "weights"
    case .inputGradient: "inputs"
    case .packing: "packing"
    case .loss: "loss"
    case .update: "optimiser, average"
    }
  }

  /// The key in JSON.
  var key: String {
    switch self {
    case .product: "forward_convolutions"
    case .normalization: "forward_normalization"
    case .recomputation: "backward_recomputation"
    case .normalizationGradient: "backward_normalization"
    case .weightGradient: "backward_weights"
    case .inputGradient: "backward_inputs"
    case .packing: "packing"
    case .loss: "loss"
    case .update: "update"
    }
  }
}

extension TrainingWork.Direction {
  fileprivate var name: String {
    switch self {
    case .forward: "forward"
    case .backward: "backward"
    case .whole: ""
    }
  }
}

extension TrainingMemory {
  /// The parts of the total.
  static var parts: [(name: String, heading: String, bytes: KeyPath<TrainingMemory, Int>)] {
    [
      ("parameters", "parameters", \.parameters), ("gradients", "gradients", \.gradients),
      ("optimizer", "optimiser", \.optimizer), ("average", "average", \.average),
      ("kept_maps", "kept maps", \.keptMaps), ("passing_maps", "other maps", \.passingMaps),
      ("packed_weights", "packed", \.packedWeights), ("scratch", "scratch", \.scratch),
    ]
  }

  /// The total's ratio to the lean schedule's.
  var ratioToLean: Double { lean > 0 ? Double(total) / Double(lean) : 0 }
}
