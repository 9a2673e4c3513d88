import ArgumentParser
import CNNZoo

/// A count of threads or images.
struct Count: CustomStringConvertible {
  let value: Int

  /// The upper bound; anything larger is certainly a mistake.
  private static let range = 1...1024

  init(_ value: Int) {
    self.value = value
  }

  static func parse(_ argument: String) throws -> Count {
    guard let count = Int(argument), range.contains(count) else {
      throw ValidationError("expected a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return Count(count)
  }

  var description: String { "\(value)" }
}

/// Comma-separated counts of threads or images: `1,2,8`.
struct CountList: CustomStringConvertible {
  let values: [Int]

  init(_ values: [Int]) {
    self.values = values
  }

  static func parse(_ argument: String) throws -> CountList {
    CountList(
      try argument.split(separator: ",", omittingEmptySubsequences: false)
        .map { part throws in try Count.parse(String(part)).value })
  }

  var description: String { values.map { "\($0)" }.joined(separator: ",") }
}

/// Limits thread counts to the available processors; more threads would only slow each other down.
enum AvailableThreads {
  private nonisolated(unsafe) static var hasWarned = false

  static var count: Int { HostInfo.allowedThreads }

  /// `requested`, or, with a warning, the number of available processors if that is lower.
  static func capped(_ requested: Count) -> Int { capped([requested.value])[0] }

  /// The same for several counts, without duplicates.
  static func capped(_ requested: [Int]) -> [Int] {
    if let most = requested.max(), most > count, !hasWarned {
      hasWarned = true
      Diagnostics.warn(
        "--threads \(most) exceeds the \(NumberText.count(count, "available processor"));"
          + " using \(count)")
    }
    return requested.map { min($0, count) }
      .reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
  }
}
