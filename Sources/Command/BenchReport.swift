import CNNZoo

/// The report of `cnnzoo bench`.
func benchReport(_ results: [BenchResult], environment: EnvironmentFacts) -> Report {
  let layered = results.filter { $0.layers != nil }
  let facts: JSON.Object = ["environment": .object(environment.json)]
  return Report(
    document: ["results": .array(results.map { .object(json($0, withSamples: true)) })] + facts,
    records: results.map { json($0, withSamples: false) } + [facts],
    table: layered.isEmpty ? timeTable(results) : layerTable(layered),
    notes: (layered.isEmpty ? [] : timeTable(results).text.split(separator: "\n").map(String.init))
      + layered.map(limitsNote)
      + environment.lines.map { "\($0): \($1)" }
      + ["input: random tensor, decoding not included"]
      + (environment.warning.map { ["warning: \($0)"] } ?? []))
}

private func timeTable(_ results: [BenchResult]) -> Table {
  let times = ["min_ms", "p50_ms", "p90_ms", "p95_ms", "p99_ms", "mean_ms", "sd_ms", "cold_ms"]
  return Table(
    [
      .text("model"), .text("input"), .text("backend"), .number("threads"), .number("batch"),
      .number("n"),
    ] + times.map { .number($0) } + [.number("images_per_second"), .number("peak_rss_mib")],
    rows: results.map { result in
      [
        .text(result.model), .text("\(result.input)"), .text(result.backend.rawValue),
        .integer(result.threads), .integer(result.batch), .integer(result.seconds.samples.count),
      ]
        + milliseconds(result).map { .number($0.value, decimals: 3) }
        + [
          .number(result.imagesPerSecond, decimals: 2),
          .number(Double(result.peakResidentBytes) / 1_048_576, decimals: 1),
        ]
    })
}

private func milliseconds(_ result: BenchResult) -> [(name: String, value: Double)] {
  let seconds = result.seconds
  return [
    ("min_ms", seconds.minimum), ("p50_ms", seconds.percentile(50)),
    ("p90_ms", seconds.percentile(90)), ("p95_ms", seconds.percentile(95)),
    ("p99_ms", seconds.percentile(99)), ("mean_ms", seconds.mean),
    ("sd_ms", seconds.standardDeviation), ("cold_ms", result.coldSeconds),
  ].map { ($0, 1000 * $1) }
}

private func json(_ result: BenchResult, withSamples: Bool) -> JSON.Object {
  var members: JSON.Object = [
    "model": .string(result.model), "threads": .integer(result.threads),
    "batch": .integer(result.batch), "backend": .string(result.backend.rawValue),
    "input_shape": .array([
      .integer(result.input.height), .integer(result.input.width), .integer(3),
    ]),
    "n": .integer(result.seconds.samples.count),
  ]
  for time in milliseconds(result) { members.append(time.name, .number(time.value)) }
  members.append("images_per_second", .number(result.imagesPerSecond))
  members.append("peak_rss_bytes", .integer(result.peakResidentBytes))
  guard withSamples else { return members }
  members.append("samples_ms", .array(result.seconds.samples.map { .number(1000 * $0) }))
  if let layers = result.layers { members = members + layersJSON(layers, batch: result.batch) }
  return members
}
