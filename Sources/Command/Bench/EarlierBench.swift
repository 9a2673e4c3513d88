import CNNZoo

/// A report of `bench` in JSON that an earlier run left: a file like any other, and not trusted.
package struct EarlierBench: Sendable {
  /// One of its measurements, in seconds.
  package struct Result: Sendable {
    package let key: BenchKey
    package let median: Double
    package let minimum: Double
    package let roundMedians: [Double]
  }

  package let path: String
  package let results: [Result]
  /// The facts of its environment, as text.
  package let environment: [String: String]

  /// More is not looked through for a match.
  private static let mostResults = 10_000
  /// More rounds than `bench` makes.
  private static let mostRounds = 1000

  /// - Throws: `EarlierBenchError`.
  package init(contentsOf path: String) throws(EarlierBenchError) {
    let document = try Self.document(path)
    func fail(_ reason: String) -> EarlierBenchError { .malformed(path: path, reason: reason) }
    guard document["schema"]?.number == 1 else { throw fail("it has no \"schema\": 1") }
    guard let results = document["results"]?.elements, !results.isEmpty else {
      throw fail("it has no results")
    }
    guard results.count <= Self.mostResults else {
      throw fail("it has \(results.count) results, more than \(Self.mostResults)")
    }
    guard case .object(let facts)? = document["environment"] else {
      throw fail("it has no environment")
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

  /// The first of its measurements of the same work.
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

  /// Why one measurement is none.
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
        model: try text("model"), input: input.map { $0 ?? 0 }, macs: try count("macs"),
        backend: try text("backend"), threads: try count("threads"), batch: try count("batch")),
      median: try seconds(value["p50_ms"], "p50_ms"),
      minimum: try seconds(value["min_ms"], "min_ms"), roundMedians: medians)
  }
}

extension JSONValue {
  /// The number, where it is a whole one that a `Double` holds exactly.
  fileprivate var wholeNumber: Int? {
    number.flatMap { $0.magnitude < 0x1p53 ? Int(exactly: $0) : nil }
  }
}

/// Why an earlier report cannot be compared with.
package enum EarlierBenchError: Error, Equatable {
  /// The file is missing or cannot be read.
  case unreadable(path: String, reason: String)
  /// The file is not a report of `bench`, or is a damaged one.
  case malformed(path: String, reason: String)
  /// The report has none of the measurements that were asked for.
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
  /// One line: the file, what is wrong and what to do.
  package var description: String {
    switch self {
    case .unreadable(let path, let reason): return "\(path): cannot be read: \(reason)"
    case .malformed(let path, let reason):
      return "\(path): not a report to compare with: \(reason);"
        + " make one with cnnzoo bench … --format json > FILE"
    case .nothingInCommon(let path, let has):
      let listed = has.prefix(4).map(\.description).joined(separator: "; ")
      return "\(path): measured nothing of this run, but \(listed)"
        + (has.count > 4 ? " and \(has.count - 4) more" : "")
    }
  }
}
