import ArgumentParser

/// Comma-separated counts of threads or images: `1,2,8`.
struct CountList: ExpressibleByArgument {
  let values: [Int]

  /// A larger count of threads or images can only be a mistake.
  static let range = 1...1024

  init(_ values: [Int]) {
    self.values = values
  }

  init?(argument: String) {
    let values = argument.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
    guard !values.isEmpty, values.allSatisfy({ $0.map(Self.range.contains) ?? false }) else {
      return nil
    }
    self.values = values.compactMap(\.self)
  }

  var defaultValueDescription: String {
    values.map { "\($0)" }.joined(separator: ",")
  }
}

/// A count of threads or images.
struct Count: ExpressibleByArgument {
  let value: Int

  init(_ value: Int) {
    self.value = value
  }

  init?(argument: String) {
    guard let value = Int(argument), CountList.range.contains(value) else { return nil }
    self.value = value
  }

  var defaultValueDescription: String { "\(value)" }
}
