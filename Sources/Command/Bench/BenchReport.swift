import CNNZoo

/// What `cnnzoo bench` found, in every form of output.
package struct BenchReport {
  private static let input = "random tensor, decoding not included"

  package let environment: EnvironmentFacts
  package var results: [BenchResult] = []
  private var earlier: EarlierBench?

  package init(environment: EnvironmentFacts) {
    self.environment = environment
  }

  /// Sets each result beside the one of the same work in an earlier report, where there is one.
  package mutating func compare(with earlier: EarlierBench) {
    self.earlier = earlier
    for index in results.indices {
      results[index].comparison = earlier.result(for: results[index].key).map {
        BenchComparison(results[index].rounds, earlier: $0)
      }
    }
  }

  /// Sentences about what would mislead a reader of the figures.
  package var warnings: [String] {
    let cautions = results.map { result in
      BenchCaution(name: "\(result.key.model), \(result.key.threadsAndBatch)", result.seconds)
    }
    var warnings = cautions.compactMap(\.warning)
    for (index, result) in results.enumerated() {
      for other in results.indices[..<index]
      where results[other].key.sharesSetting(with: result.key) {
        if let warning = cautions[index].warning(against: cautions[other]) {
          warnings.append(warning)
        }
      }
    }
    if let earlier {
      warnings += differences(from: earlier).map {
        "\(earlier.path) is of another environment: \($0)"
      }
    }
    return warnings + (environment.warning.map { [$0] } ?? [])
  }

  private func differences(from earlier: EarlierBench) -> [String] {
    environmentDifferences(
      now: environment.comparable, earlier: earlier.environment,
      usesBLAS: results.contains { $0.key.backend == Backend.blas.rawValue })
  }

  /// The results to be written.
  package var formatted: Report {
    let layered = results.filter { $0.layers != nil }
    let times = timeTable(results)
    let comparison = earlier.map { comparisonTable(results, earlier: $0) }
    return Report(
      document: ["results": .array(results.map { .object(json($0, withSamples: true)) })] + facts
        + ["warnings": .array(warnings.map(JSON.string))],
      records: results.map { json($0, withSamples: false) } + [facts]
        + warnings.map { ["warning": .string($0)] },
      table: layered.isEmpty ? comparison ?? times : layerTable(layered),
      notes: layered.map(limitsNote) + environment.lines.map { "\($0): \($1)" }
        + ["input: \(Self.input)"]
        + (earlier.map { ["compared with: \($0.path), cnnzoo \($0.environment["version"] ?? "?")"] }
          ?? [])
        + warnings.map { "warning: \($0)" },
      textTables: (layered.isEmpty ? [] : [layerTable(layered)]) + [times]
        + (comparison.map { [$0] } ?? []))
  }

  private var facts: JSON.Object {
    var facts: JSON.Object = [
      "environment": .object(environment.json), "input": .string(Self.input),
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
    guard withSamples else { return members }
    members.append("round_p50_ms", .array(result.rounds.medians.map { .number(1000 * $0) }))
    members.append("samples_ms", .array(result.seconds.samples.map { .number(1000 * $0) }))
    if let layers = result.layers {
      members = members + layersJSON(layers, batch: result.key.batch)
    }
    return members
  }
}
