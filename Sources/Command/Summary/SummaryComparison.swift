import CNNZoo

/// The report of `cnnzoo summary` on several networks: a row per figure, a column per network, and
/// the ratio of each further network to the first.
func summaryComparison(_ networks: [NetworkCosts], withStages: Bool) -> Report {
  let figures = [
    [
      Figure("input", networks) { .text("\($0.graph.inputShape)") },
      Figure("classes", networks) { .text("\($0.graph.classCount)") },
    ],
    staged("parameters", networks, whole: \.graph.parameterCount, part: \.parameters),
    staged("MACs", networks, whole: \.graph.macs, part: \.macs),
    [
      Figure("weights as f32", networks) { .bytes(4 * $0.storedCount) },
      Figure("weights packed", networks) { .bytes($0.program.packedBytes) },
      Figure("activations", networks) { .bytes($0.program.arenaBytes) },
      Figure("activations unshared", networks) { .bytes($0.separateBytes) },
    ],
  ].flatMap(\.self).filter { withStages || !$0.isPart }
  let branches = SummaryTree.branches(depths: figures.map { $0.isPart ? 2 : 1 })
  let names = networks.map(\.graph.name)
  return Report(
    document: ["models": .array(networks.map { .object($0.json + ratios($0, to: networks[0])) })],
    records: networks.map { $0.json + ratios($0, to: networks[0]) },
    table: Table(
      [.text("figure")] + names.map { .number($0) }
        + names.dropFirst().map { .number("\($0)/\(names[0])", heading: "ratio") },
      rows: zip(figures, branches).map { figure, branch in
        [.shown(branch + figure.label, plain: figure.name)]
          + figure.values.map(\.cell) + figure.ratios
      }),
    notes: (withStages
      ? [
        "1/8: the stage whose feature map has 1/8 of the input's height and width; head: all that follows"
      ] : []) + [
        "ratio: to \(names[0])",
        "activations: for one image; unshared: without memory reuse and fusion",
      ])
}

/// A total and, below it, each stage's share; empty for stages that a network lacks.
private func staged(
  _ name: String, _ networks: [NetworkCosts], whole: KeyPath<NetworkCosts, Int>,
  part: KeyPath<NetworkStage, Int>
) -> [Figure] {
  let reductions = Set(networks.flatMap { $0.stages.map { $0.reduction ?? .max } }).sorted()
  return [Figure(name, networks) { .count($0[keyPath: whole], of: nil) }]
    + reductions.map { reduction in
      let label = reduction == .max ? "head" : "1/\(reduction)"
      return Figure(name, part: label, networks) { network in
        let stages = network.stages.filter { ($0.reduction ?? .max) == reduction }
        return stages.isEmpty
          ? .none
          : .count(
            stages.reduce(0) { $0 + $1[keyPath: part] }, of: network[keyPath: whole])
      }
    }
}

private func ratios(_ network: NetworkCosts, to first: NetworkCosts) -> JSON.Object {
  let figures: [(String, KeyPath<NetworkCosts, Int>)] = [
    ("parameters", \.graph.parameterCount), ("macs", \.graph.macs),
    ("packed_bytes", \.program.packedBytes), ("activation_bytes", \.program.arenaBytes),
  ]
  return [
    "ratios": .object(
      JSON.Object(
        figures.map { name, figure in
          (name, .number(Double(network[keyPath: figure]) / Double(first[keyPath: figure])))
        }))
  ]
}

/// A row of the comparison.
private struct Figure {
  enum Value {
    case text(String)
    case bytes(Int)
    /// With its share of the whole, if it is one part of it.
    case count(Int, of: Int?)
    case none
  }

  let name: String
  let label: String
  let isPart: Bool
  let values: [Value]

  init(
    _ name: String, part: String? = nil, _ networks: [NetworkCosts], value: (NetworkCosts) -> Value
  ) {
    self.name = part.map { "\(name) \($0)" } ?? name
    label = part ?? name
    isPart = part != nil
    values = networks.map(value)
  }

  /// Each value after the first, divided by the first.
  var ratios: [Table.Cell] {
    values.dropFirst().map { value in
      guard let number = value.number, let first = values[0].number, first > 0 else {
        return .empty
      }
      return .number(Double(number) / Double(first), decimals: 3)
    }
  }
}

extension Figure.Value {
  var number: Int? {
    switch self {
    case .bytes(let value), .count(let value, _): value
    case .text, .none: nil
    }
  }

  var cell: Table.Cell {
    switch self {
    case .text(let text): return .text(text)
    case .none: return .empty
    case .bytes(let value): return .shown(NumberText.bytes(value), plain: "\(value)")
    case .count(let value, nil): return .integer(value)
    case .count(let value, let whole?):
      let percent = NumberText.fixed(100 * share(value, of: whole), 1)
      let padding = String(repeating: " ", count: max(0, 5 - percent.count))
      return .shown(
        "\(NumberText.grouped(value)) \(padding)\(percent) %", plain: "\(value)")
    }
  }
}
