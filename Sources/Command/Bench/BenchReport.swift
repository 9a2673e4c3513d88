import CNNZoo

/// The results of `cnnzoo bench` in every output format.
package struct BenchReport {
  private var input: String {
    isStream ? "images from files" : "random tensor, without image decoding"
  }

  private var isStream: Bool { results.contains { $0.key.mode.images != nil } }

  package let environment: EnvironmentInfo
  package var results: [BenchResult] = []
  /// Whether the table for programs is that of the layers.
  private let showsLayers: Bool
  private var earlier: EarlierBench?

  package init(environment: EnvironmentInfo, showsLayers: Bool = false) {
    self.environment = environment
    self.showsLayers = showsLayers
  }

  /// Compares each result with the earlier one of the same work, if any.
  package mutating func compare(with earlier: EarlierBench) {
    self.earlier = earlier
    for index in results.indices {
      results[index].comparison = earlier.result(for: results[index].key).map {
        BenchComparison(results[index].rounds, earlier: $0)
      }
    }
  }

  /// Warnings about misleading figures.
  package var warnings: [String] {
    var warnings = results.compactMap { result in
      result.seconds.warning(for: "\(result.key.model), \(result.key.threadsAndBatch)")
    }
    if let earlier {
      warnings += differences(from: earlier).map {
        "\(earlier.path) was measured in a different environment: \($0)"
      }
    }
    // The environment's warning is about OpenBLAS.
    return warnings + (usesBLAS ? environment.warning.map { [$0] } ?? [] : [])
  }

  private func differences(from earlier: EarlierBench) -> [String] {
    environmentDifferences(
      now: environment.comparable, earlier: earlier.environment,
      usesBLAS: usesBLAS)
  }

  private var usesBLAS: Bool { results.contains { $0.key.backend == Backend.blas.rawValue } }

  /// The report to write.
  package var formatted: Report {
    let times = timeTable(results)
    let comparison = earlier.map { comparisonTable(results, earlier: $0) }
    let isTraining = results.contains { $0.key.mode.recipe != nil }
    let layers = isTraining ? stepTable(results, byLayer: showsLayers) : layerTable(results)
    return Report(
      document: ["results": .array(results.map { .object(json($0, withSamples: true)) })] + facts
        + ["warnings": .array(warnings.map(JSON.string))],
      records: results.map { json($0, withSamples: false) } + [facts]
        + warnings.map { ["warning": .string($0)] },
      table: showsLayers ? layers : comparison ?? times,
      notes: (isTraining ? stepNotes(results) : []) + (isStream ? streamNotes(results) : [])
        + limitsNotes(results)
        + environment.lines.map { "\($0): \($1)" }
        + ["input: \(input)"]
        + (earlier.map { ["compared with: \($0.path), cnnzoo \($0.environment["version"] ?? "?")"] }
          ?? [])
        + warnings.map { "warning: \($0)" },
      textTables: (isTraining
        ? [layers, workTable(results), memoryTable(results)] : showsLayers ? [layers] : [])
        + (isStream ? [streamTable(results)] : [])
        + [times] + (comparison.map { [$0] } ?? []))
  }

  private var facts: JSON.Object {
    var facts: JSON.Object = [
      "environment": .object(environment.json), "input": .string(input),
    ]
    if let earlier {
      facts.append(
        "compared_with",
        .object([
          "file": .string(earlier.path), "version": .optional(earlier.environment["version"]),
          "environment_differences": .array(differences(from: earlier).map(JSON.string)),
        ]))
    }
    return facts
  }

  private func json(_ result: BenchResult, withSamples: Bool) -> JSON.Object {
    var members = result.key.json + ["n": .integer(result.seconds.samples.count)]
    for time in result.milliseconds { members.append(time.name, .number(time.value)) }
    members.append("round_spread", .number(result.rounds.spread))
    members.append("images_per_second", .number(result.imagesPerSecond))
    members.append("peak_rss_bytes", .integer(result.peakResidentBytes))
    if let ratio = result.ratioToFirst { members.append("ratio_to_first", .number(ratio)) }
    if let comparison = result.comparison {
      members.append("comparison", .object(comparison.json))
    }
    if case .step(let step)? = result.parts {
      members.append("memory", .object(memoryJSON(step.memory)))
    }
    guard withSamples else { return members }
    members.append("round_p50_ms", .array(result.rounds.medians.map { .number(1000 * $0) }))
    members.append("samples_ms", .array(result.seconds.samples.map { .number(1000 * $0) }))
    switch result.parts {
    case .layers(let layers): return members + layersJSON(layers, batch: result.key.batch)
    case .step(let step): return members + stepJSON(step)
    case .stream(let shares): return members + streamJSON(shares, threads: result.key.threads)
    case nil: return members
    }
  }
}

/// The figures of all measurements.
func timeTable(_ results: [BenchResult]) -> Table {
  let times = results.first?.milliseconds.map(\.name) ?? []
  let hasRatios = results.contains { $0.ratioToFirst != nil }
  let isTraining = results.contains { $0.key.mode.recipe != nil }
  return Table(
    (isTraining ? [.text("mode").optional(1), .text("recipe").optional(0)] : []) + [
      .text("model"), .text("input").optional(3), .text("backend").optional(3),
      .text("precision").optional(3),
      .number("threads"), .number("batch"), .number("n").optional(4),
    ]
      + times.map {
        ["min_ms", "p50_ms", "p99_ms"].contains($0) ? .number($0) : .number($0).optional(1)
      }
      + [
        .number("round_spread_%", heading: "spread %").optional(5),
        .number("images_per_second", heading: "images/s"),
        .number("peak_rss_mib", heading: "RSS MiB").optional(2),
      ] + (hasRatios ? [.number("ratio_to_first", heading: "ratio")] : []),
    rows: results.map { result in
      (isTraining
        ? [.text(result.key.mode.name), .text(result.key.mode.recipe ?? "")] : []) + [
          .text(result.key.model), .text("\(result.input)"), .text(result.key.backend),
          .text(result.key.precision),
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

/// Each measurement next to the earlier one.
func comparisonTable(_ results: [BenchResult], earlier: EarlierBench) -> Table {
  Table(
    [
      .text("model"), .text("input").optional(0), .text("backend").optional(0),
      .text("precision").optional(0),
      .number("threads").optional(1), .number("batch").optional(1), .number("p50_ms"),
      .number("earlier_p50_ms", heading: "earlier"), .number("ratio"),
      .number("ratio_low", heading: "low"), .number("ratio_high", heading: "high"),
      .text("verdict"),
    ],
    rows: results.map { result in
      let comparison = result.comparison
      return [
        .text(result.key.model), .text("\(result.input)"), .text(result.key.backend),
        .text(result.key.precision),
        .integer(result.key.threads), .integer(result.key.batch),
        .number(1000 * result.seconds.percentile(50), decimals: 3),
        .optional(comparison.map { 1000 * $0.earlierMedian }, decimals: 3),
        .optional(comparison?.ratio.ratio, decimals: 3),
        .optional(comparison?.ratio.interval?.lowerBound, decimals: 3),
        .optional(comparison?.ratio.interval?.upperBound, decimals: 3),
        .text(comparison?.verdict.rawValue ?? "not in the earlier report"),
      ]
    })
}

extension Table.Cell {
  fileprivate static func optional(_ value: Double?, decimals: Int) -> Table.Cell {
    value.map { .number($0, decimals: decimals) } ?? .empty
  }
}

extension BenchResult {
  /// The times in column order.
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
