import CNNZoo

/// The report of `cnnzoo bench`.
func benchReport(_ results: [BenchResult], environment: EnvironmentFacts) -> Report {
  let layered = results.filter { !$0.layers.isEmpty }
  let facts: JSON.Object = ["environment": .object(environment.json)]
  return Report(
    document: ["results": .array(results.map { .object(json($0, withSamples: true)) })] + facts,
    records: results.map { json($0, withSamples: false) } + [facts],
    table: layered.isEmpty ? timeTable(results) : layerTable(layered),
    notes: (layered.isEmpty ? [] : timeTable(results).text.split(separator: "\n").map(String.init))
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
  if !result.layers.isEmpty {
    members.append("layers", .array(result.layers.map { .object(layer($0, of: result)) }))
  }
  return members
}

private func layer(
  _ layer: (step: ExecutionPlan.Step, seconds: Double), of result: BenchResult
) -> JSON.Object {
  [
    "name": .string(layer.step.name), "strategy": .string(layer.step.strategy),
    "ms": .number(1000 * layer.seconds), "share": .number(share(layer.seconds, of: result)),
    "gflops": .number(rate(2 * layer.step.macs, layer.seconds, result)),
    "gbytes_per_second": .number(rate(layer.step.bytes, layer.seconds, result)),
  ]
}

private func layerTable(_ results: [BenchResult]) -> Table {
  Table(
    [
      .text("model"), .number("threads"), .number("batch"), .text("step"), .text("strategy"),
      .number("shape"), .number("ms"), .number("percent"), .number("GFLOP/s"), .number("GB/s"),
    ],
    rows: results.flatMap { result in
      result.layers.map { step, seconds in
        [
          .text(result.model), .integer(result.threads), .integer(result.batch),
          .text(step.name), .text(step.strategy), .text("\(step.shape)"),
          .number(1000 * seconds, decimals: 4),
          .number(100 * share(seconds, of: result), decimals: 1),
          .number(rate(2 * step.macs, seconds, result), decimals: 1),
          .number(rate(step.bytes, seconds, result), decimals: 1),
        ]
      }
    })
}

/// The part of all steps' time that `seconds` is.
private func share(_ seconds: Double, of result: BenchResult) -> Double {
  let sum = result.layers.reduce(0) { $0 + $1.seconds }
  return sum > 0 ? seconds / sum : 0
}

/// 10⁹ of something per second, where one image takes `count` of it.
private func rate(_ count: Int, _ seconds: Double, _ result: BenchResult) -> Double {
  seconds > 0 ? Double(count * result.batch) / seconds / 1e9 : 0
}
