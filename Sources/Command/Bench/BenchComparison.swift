import CNNZoo

/// A measurement compared with an earlier one of the same work.
package struct BenchComparison: Equatable, Sendable {
  /// The conclusion that the data supports.
  package enum Verdict: String, Sendable {
    case faster
    case slower
    /// The difference is no larger than that between rounds of a single run.
    case noise = "within noise"
    case tooFewRounds = "too few rounds"
    /// In one of the two runs the median was far above the minimum, a sign of other load.
    case busy = "machine busy"
  }

  /// Seconds.
  package let earlierMedian: Double
  package let earlierRoundMedians: [Double]
  /// This run's time relative to the earlier one's, based on the round medians.
  package let ratio: RatioInterval
  package let verdict: Verdict

  package init(_ now: RoundStatistics, earlier: EarlierBench.Result) {
    earlierMedian = earlier.median
    earlierRoundMedians = earlier.roundMedians
    ratio = RatioInterval(now.medians, to: earlier.roundMedians)
    verdict = Self.verdict(
      ratio.interval, minimumRatio: now.all.minimum / earlier.minimum,
      isBusy: now.all.showsBusyMachine
        || SampleStatistics.showsBusyMachine(median: earlier.median, earlier.minimum))
  }

  /// A difference counts only if medians and minima agree.
  ///
  /// Other load can shift the medians of a whole run, but rarely its minimum.
  private static func verdict(
    _ interval: ClosedRange<Double>?, minimumRatio: Double, isBusy: Bool
  ) -> Verdict {
    guard let interval else { return .tooFewRounds }
    if isBusy { return .busy }
    if interval.upperBound < 1, minimumRatio < 1 { return .faster }
    if interval.lowerBound > 1, minimumRatio > 1 { return .slower }
    return .noise
  }
}

/// Differences between two environments that make their times incomparable.
package func environmentDifferences(
  now: [String: String], earlier: [String: String], usesBLAS: Bool
) -> [String] {
  let facts = ["processor", "instruction_set", "threads_allowed"]
  return (facts + (usesBLAS ? ["openblas_core"] : [])).compactMap { fact in
    guard now[fact] != earlier[fact] else { return nil }
    let name = fact.replacing("_", with: " ")
    return "\(name) is \(now[fact] ?? "unknown"), was \(earlier[fact]?.prefix(80) ?? "unknown")"
  }
}

/// The JSON report of an earlier `bench`; untrusted like any other input file.
package struct EarlierBench: Sendable {
  /// One measurement, in seconds.
  package struct Result: Sendable {
    package let key: BenchKey
    package let median: Double
    package let minimum: Double
    package let roundMedians: [Double]
  }

  package let path: String
  package let results: [Result]
  /// The properties of the earlier environment, as text.
  package let environment: [String: String]

  /// Bounds the cost of searching for a match.
  private static let mostResults = 10_000
  /// More rounds than `bench` allows.
  private static let mostRounds = 1000

  /// - Throws: `EarlierBenchError`.
  package init(contentsOf path: String) throws(EarlierBenchError) {
    let document = try Self.document(path)
    func fail(_ reason: String) -> EarlierBenchError { .malformed(path: path, reason: reason) }
    guard document["schema"]?.number == 1 else { throw fail("\"schema\": 1 is missing") }
    guard let results = document["results"]?.elements, !results.isEmpty else {
      throw fail("no results")
    }
    guard results.count <= Self.mostResults else {
      throw fail("\(results.count) results exceed the limit of \(Self.mostResults)")
    }
    guard case .object(let facts)? = document["environment"] else {
      throw fail("no environment")
    }
    self.path = path
    environment = facts.compactMapValues { value in
      value.text ?? value.wholeNumber.map { "\($0)" }
    }
    var read: [Result] = []
    for (index, value) in results.enumerated() {
      do {
        read.append(try Self.result(value))
      } catch {
        throw fail("result \(index + 1) of \(results.count): \(error.reason)")
      }
    }
    self.results = read
  }

  /// The first measurement of the same work.
  package func result(for key: BenchKey) -> Result? { results.first { $0.key == key } }

  private static func document(_ path: String) throws(EarlierBenchError) -> JSONValue {
    do throws(WeightsError) {
      return try JSONValue(contentsOf: path)
    } catch {
      switch error {
      case .unreadable(_, let reason): throw .unreadable(path: path, reason: reason)
      case .malformed(_, let reason): throw .malformed(path: path, reason: reason)
      default: throw .malformed(path: path, reason: "\(error)")
      }
    }
  }

  /// Why one entry is not a measurement.
  private struct Flaw: Error {
    let reason: String
  }

  private static func result(_ value: JSONValue) throws(Flaw) -> Result {
    func text(_ name: String) throws(Flaw) -> String {
      guard let text = value[name]?.text else { throw Flaw(reason: "no text \"\(name)\"") }
      return text
    }
    func count(_ name: String) throws(Flaw) -> Int {
      guard let count = value[name]?.wholeNumber, count > 0 else {
        throw Flaw(reason: "\"\(name)\" is not a count")
      }
      return count
    }
    func seconds(_ value: JSONValue?, _ name: String) throws(Flaw) -> Double {
      guard let milliseconds = value?.number, milliseconds > 0, milliseconds < 1e12 else {
        throw Flaw(reason: "\"\(name)\" is not a time")
      }
      return milliseconds / 1000
    }
    /// Earlier versions measured inference only, and did not say so.
    func mode() throws(Flaw) -> BenchKey.Mode {
      switch value["mode"]?.text {
      case nil where value["mode"] == nil: return .inference
      case BenchKey.Mode.inference.name: return .inference
      case "train": return .train(recipe: try text("recipe"))
      case "stream":
        return .stream(
          BenchKey.StreamImages(
            count: try count("images"), bytes: try count("image_bytes"), decode: try text("decode"))
        )
      default: throw Flaw(reason: "\"mode\" is not \"inference\", \"train\" or \"stream\"")
      }
    }
    guard let input = value["input_shape"]?.elements?.map(\.wholeNumber), input.count == 3 else {
      throw Flaw(reason: "\"input_shape\" is not three counts")
    }
    let rounds = value["round_p50_ms"]?.elements ?? []
    guard 1...mostRounds ~= rounds.count else {
      throw Flaw(reason: "\"round_p50_ms\" is not a list of 1 to \(mostRounds) times")
    }
    var medians: [Double] = []
    for round in rounds { medians.append(try seconds(round, "round_p50_ms")) }
    return Result(
      key: BenchKey(
        model: try text("model"), mode: try mode(), input: input.map { $0 ?? 0 },
        macs: try count("macs"),
        backend: try text("backend"),
        precision: value["precision"] == nil ? Precision.f32.rawValue : try text("precision"),
        threads: try count("threads"), batch: try count("batch")),
      median: try seconds(value["p50_ms"], "p50_ms"),
      minimum: try seconds(value["min_ms"], "min_ms"), roundMedians: medians)
  }
}

extension JSONValue {
  /// The number if it is an integer that `Double` represents exactly.
  fileprivate var wholeNumber: Int? {
    number.flatMap { $0.magnitude < 0x1p53 ? Int(exactly: $0) : nil }
  }
}

/// Why an earlier report is unusable.
package enum EarlierBenchError: Error, Equatable {
  /// The file is missing or cannot be read.
  case unreadable(path: String, reason: String)
  /// The file is damaged or not a report of `bench`.
  case malformed(path: String, reason: String)
  /// The report contains none of the requested measurements.
  case nothingInCommon(path: String, has: [BenchKey])
}

extension EarlierBenchError: StatusCarrying {
  var status: ExitStatus {
    switch self {
    case .unreadable: .missingInput
    case .malformed, .nothingInCommon: .badData
    }
  }
}

extension EarlierBenchError: CustomStringConvertible {
  /// One line: the file, the problem and the remedy.
  package var description: String {
    switch self {
    case .unreadable(let path, let reason): return "\(path): cannot be read: \(reason)"
    case .malformed(let path, let reason):
      return "\(path): not a bench report: \(reason);"
        + " create one with cnnzoo bench … --format json > FILE"
    case .nothingInCommon(let path, let has):
      let listed = has.prefix(4).map(\.description).joined(separator: "; ")
      return "\(path): no measurement in common with this run; it contains \(listed)"
        + (has.count > 4 ? " and \(has.count - 4) more" : "")
    }
  }
}
