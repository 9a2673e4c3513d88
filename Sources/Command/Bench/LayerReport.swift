import CNNZoo

/// The time of each step of a program, with its lower bound on this machine.
package struct LayerTimes {
  /// One step, for the whole batch.
  package struct Layer {
    package let step: Program.Step
    package let seconds: Double
    /// Multiply-adds at the measured peak rate or bytes at the measured bandwidth, whichever is
    /// longer.
    package let boundSeconds: Double
    package let bound: MachineLimits.Bound
  }

  /// Slowest first.
  package let layers: [Layer]
  package let limits: MachineLimits

  package init(
    _ steps: [Program.Step], seconds: [Double], batch: Int, limits: MachineLimits
  ) {
    self.limits = limits
    layers = zip(steps, seconds)
      .map { step, seconds in
        let bound = limits.bound(step.arithmetic, bytes: step.bytes)
        return Layer(
          step: step, seconds: seconds, boundSeconds: Double(batch) * bound.seconds,
          bound: bound.by)
      }
      .sorted { $0.seconds > $1.seconds }
  }

  /// Total seconds of all steps.
  package var seconds: Double { layers.reduce(0) { $0 + $1.seconds } }
  /// Total lower bound of all steps, in seconds.
  package var boundSeconds: Double { layers.reduce(0) { $0 + $1.boundSeconds } }
}

/// The table of `cnnzoo bench --layers`.
func layerTable(_ results: [BenchResult]) -> Table {
  Table(
    [
      .text("model").optional(0), .number("threads").optional(0), .number("batch").optional(0),
      .text("step").shortened, .text("strategy").shortened, .number("shape").optional(1),
      .number("ms"), .number("percent", heading: "%").optional(3), .number("GFLOP/s").optional(2),
      .number("GB/s").optional(1), .number("bound_ms").optional(1),
      .number("percent_of_bound", heading: "% of bound"), .text("bound_by"),
    ],
    rows: results.flatMap { result in
      guard case .layers(let times)? = result.parts else { return [[Table.Cell]]() }
      let total = LayerRow(
        name: "all steps", strategy: "", shape: "", seconds: times.seconds,
        boundSeconds: times.boundSeconds, bound: "",
        macs: times.layers.reduce(0) { $0 + $1.step.macs },
        bytes: times.layers.reduce(0) { $0 + $1.step.bytes })
      return (times.layers.map(LayerRow.init) + [total]).map { $0.cells(of: result, times) }
    })
}

/// The measured peaks behind the bounds.
func limitsNotes(_ results: [BenchResult]) -> [String] {
  let notes = results.compactMap { result -> String? in
    guard let limits = result.parts?.limits else { return nil }
    let bandwidths = limits.bandwidths.map {
      "\(NumberText.fixed($0.bytesPerSecond / 1e9, 0)) (\(NumberText.bytes($0.bytes)))"
    }
    let rates = Precision.allCases.compactMap { precision in
      limits.flopsByPrecision[precision].map { rate in
        NumberText.fixed(rate / 1e9, 0)
          + (limits.flopsByPrecision.count > 1 ? " (\(precision.rawValue))" : "")
      }
    }
    return "peaks with \(NumberText.count(result.key.threads, "thread")):"
      + " \(rates.joined(separator: ", ")) GFLOP/s,"
      + " GB/s read: \(bandwidths.joined(separator: ", "))"
  }
  return notes.enumerated().filter { !notes[..<$0].contains($1) }.map(\.element)
}

/// The steps as JSON.
func layersJSON(_ times: LayerTimes, batch: Int) -> JSON.Object {
  let layers: [JSON] = times.layers.map { layer in
    .object([
      "name": .string(layer.step.name), "strategy": .string(layer.step.strategy),
      "ms": .number(1000 * layer.seconds), "share": .number(ratio(layer.seconds, times.seconds)),
      "gflops": .number(rate(2 * layer.step.macs, layer.seconds, batch)),
      "gbytes_per_second": .number(rate(layer.step.bytes, layer.seconds, batch)),
      "multiply_adds": .integer(layer.step.multiplyAdds),
      "bound_ms": .number(1000 * layer.boundSeconds),
      "share_of_bound": .number(ratio(layer.boundSeconds, layer.seconds)),
      "bound_by": .string(layer.bound.rawValue),
    ])
  }
  return [
    "limits": .object(limitsJSON(times.limits)), "layers": .array(layers),
    "layers_ms": .number(1000 * times.seconds),
    "layers_bound_ms": .number(1000 * times.boundSeconds),
  ]
}

/// The measured peaks as JSON.
func limitsJSON(_ limits: MachineLimits) -> JSON.Object {
  [
    "gflops": .number(limits.flops / 1e9),
    "gflops_by_precision": .object(
      Precision.allCases.reduce(into: JSON.Object()) { object, precision in
        if let rate = limits.flopsByPrecision[precision] {
          object.append(precision.rawValue, .number(rate / 1e9))
        }
      }),
    "reads": .array(
      limits.bandwidths.map {
        .object([
          "bytes": .integer($0.bytes), "gbytes_per_second": .number($0.bytesPerSecond / 1e9),
        ])
      }),
  ]
}

extension BenchResult.Parts {
  /// The measured peaks, if there is something to compare with them.
  fileprivate var limits: MachineLimits? {
    switch self {
    case .layers(let times): times.limits
    case .step(let step): step.limits
    case .stream: nil
    }
  }
}

/// A table row: one step or the total.
private struct LayerRow {
  let name: String
  let strategy: String
  let shape: String
  let seconds: Double
  let boundSeconds: Double
  let bound: String
  let macs: Int
  let bytes: Int

  func cells(of result: BenchResult, _ times: LayerTimes) -> [Table.Cell] {
    [
      .text(result.key.model), .integer(result.key.threads), .integer(result.key.batch),
      .text(name),
      .text(strategy), .text(shape), .number(1000 * seconds, decimals: 4),
      .number(100 * ratio(seconds, times.seconds), decimals: 1),
      .number(rate(2 * macs, seconds, result.key.batch), decimals: 1),
      .number(rate(bytes, seconds, result.key.batch), decimals: 1),
      .number(1000 * boundSeconds, decimals: 4),
      .number(100 * ratio(boundSeconds, seconds), decimals: 1), .text(bound),
    ]
  }
}

extension LayerRow {
  init(_ layer: LayerTimes.Layer) {
    self.init(
      name: layer.step.name, strategy: layer.step.strategy, shape: "\(layer.step.shape)",
      seconds: layer.seconds, boundSeconds: layer.boundSeconds, bound: layer.bound.rawValue,
      macs: layer.step.macs, bytes: layer.step.bytes)
  }
}

private func ratio(_ part: Double, _ whole: Double) -> Double { whole > 0 ? part / whole : 0 }

/// Billions per second, given the count for one image.
private func rate(_ count: Int, _ seconds: Double, _ batch: Int) -> Double {
  seconds > 0 ? Double(count) * Double(batch) / seconds / 1e9 : 0
}
