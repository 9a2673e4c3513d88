import CNNZoo

/// The figures of every measurement.
func timeTable(_ results: [BenchResult]) -> Table {
  let times = results.first?.milliseconds.map(\.name) ?? []
  let hasRatios = results.contains { $0.ratioToFirst != nil }
  return Table(
    [
      .text("model"), .text("input"), .text("backend"), .number("threads"), .number("batch"),
      .number("n"),
    ] + times.map { .number($0) }
      + [
        .number("round_spread_%", heading: "spread %"),
        .number("images_per_second", heading: "images/s"),
        .number("peak_rss_mib", heading: "RSS MiB"),
      ] + (hasRatios ? [.number("ratio_to_first", heading: "ratio")] : []),
    rows: results.map { result in
      [
        .text(result.key.model), .text("\(result.input)"), .text(result.key.backend),
        .integer(result.key.threads), .integer(result.key.batch),
        .integer(result.seconds.samples.count),
      ]
        + result.milliseconds.map { .number($0.value, decimals: 3) }
        + [
          .number(100 * result.rounds.spread, decimals: 1),
          .number(result.imagesPerSecond, decimals: 2),
          .number(Double(result.peakResidentBytes) / 1_048_576, decimals: 1),
        ]
        + (hasRatios ? [result.ratioToFirst.map { .number($0, decimals: 3) } ?? .empty] : [])
    })
}

/// Every measurement beside the earlier one.
func comparisonTable(_ results: [BenchResult], earlier: EarlierBench) -> Table {
  Table(
    [
      .text("model"), .text("input"), .text("backend"), .number("threads"), .number("batch"),
      .number("p50_ms"), .number("earlier_p50_ms"), .number("ratio"), .number("ratio_low"),
      .number("ratio_high"), .text("verdict"),
    ],
    rows: results.map { result in
      let comparison = result.comparison
      return [
        .text(result.key.model), .text("\(result.input)"), .text(result.key.backend),
        .integer(result.key.threads), .integer(result.key.batch),
        .number(1000 * result.seconds.percentile(50), decimals: 3),
        .optional(comparison.map { 1000 * $0.earlierMedian }, decimals: 3),
        .optional(comparison?.ratio.ratio, decimals: 3),
        .optional(comparison?.ratio.interval?.lowerBound, decimals: 3),
        .optional(comparison?.ratio.interval?.upperBound, decimals: 3),
        .text(comparison?.verdict.rawValue ?? "not measured then"),
      ]
    })
}

extension Table.Cell {
  fileprivate static func optional(_ value: Double?, decimals: Int) -> Table.Cell {
    value.map { .number($0, decimals: decimals) } ?? .empty
  }
}

extension BenchResult {
  /// The times in the order of the columns.
  var milliseconds: [(name: String, value: Double)] {
    [
      ("min_ms", seconds.minimum), ("p50_ms", seconds.percentile(50)),
      ("p90_ms", seconds.percentile(90)), ("p95_ms", seconds.percentile(95)),
      ("p99_ms", seconds.percentile(99)), ("mean_ms", seconds.mean),
      ("sd_ms", seconds.standardDeviation), ("cold_ms", coldSeconds),
    ].map { ($0, 1000 * $1) }
  }
}

extension BenchComparison {
  var json: JSON.Object {
    [
      "earlier_p50_ms": .number(1000 * earlierMedian), "ratio": .number(ratio.ratio),
      "ratio_low": ratio.interval.map { .number($0.lowerBound) } ?? .null,
      "ratio_high": ratio.interval.map { .number($0.upperBound) } ?? .null,
      "verdict": .string(verdict.rawValue),
    ]
  }
}
