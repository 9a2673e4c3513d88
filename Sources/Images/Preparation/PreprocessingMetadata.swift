/// Why preprocessing could not be read or applied.
public enum PreprocessingError: Error, Equatable, Hashable, Sendable {
  /// This key is missing, although other preprocessing keys are present.
  case missingKey(String)
  /// The key has the prefix of preprocessing keys, but is unknown.
  case unknownKey(String)
  /// The value of a key is invalid.
  case invalidValue(key: String, value: String, expected: String)
  /// The output buffer has the wrong number of values.
  case wrongBufferSize(expected: Int, found: Int)
}

extension PreprocessingError: CustomStringConvertible {
  /// One line: where, what is wrong and what was expected.
  public var description: String {
    switch self {
    case .missingKey(let key):
      return "metadata key \(key) is missing from the preprocessing; add it"
    case .unknownKey(let key):
      return "metadata key \(key) is unknown; the preprocessing keys are "
        + Preprocessing.MetadataKey.allCases.map(\.rawValue).joined(separator: ", ")
    case .invalidValue(let key, let value, let expected):
      return "metadata key \(key) is \"\(value.prefix(60))\"; expected \(expected)"
    case .wrongBufferSize(let expected, let found):
      return "the output buffer has \(found) values; the preprocessing writes \(expected)"
    }
  }
}

extension Preprocessing {
  /// The prefix of all preprocessing keys.
  private static let prefix = "preprocessing."

  enum MetadataKey: String, CaseIterable {
    case resize = "preprocessing.resize"
    case crop = "preprocessing.crop"
    case interpolation = "preprocessing.interpolation"
    case mean = "preprocessing.mean"
    case standardDeviation = "preprocessing.standard_deviation"
    /// May be missing, because older files did not have this key.
    case fit = "preprocessing.fit"
  }

  /// The preprocessing as text for a weight file's `__metadata__`.
  ///
  /// ``init(metadata:)`` reads it back unchanged.
  public var metadata: [String: String] {
    func list(_ values: SIMD3<Float>) -> String { "\(values.x),\(values.y),\(values.z)" }
    var entries: [String: String] = [:]
    for key in MetadataKey.allCases {
      entries[key.rawValue] =
        switch key {
        case .resize: String(resize)
        case .crop: String(crop)
        case .interpolation: interpolation.rawValue
        case .mean: list(mean)
        case .standardDeviation: list(standardDeviation)
        case .fit: fit == .shortSide ? nil : fit.rawValue
        }
    }
    return entries
  }

  /// Reads the preprocessing from a weight file's `__metadata__`.
  ///
  /// Only keys that begin with `preprocessing.` are read.
  ///
  /// - Returns: `nil` if there is no such key.
  /// - Throws: ``PreprocessingError`` if a key is missing, unknown or has an invalid value.
  public init?(metadata: [String: String]) throws(PreprocessingError) {
    let keys = metadata.keys.filter { $0.hasPrefix(Self.prefix) }.sorted()
    if keys.isEmpty { return nil }
    for key in keys where MetadataKey(rawValue: key) == nil { throw .unknownKey(key) }

    func read<Value>(
      _ key: MetadataKey, expected: String, _ parse: (String) -> Value?
    ) throws(PreprocessingError) -> Value {
      guard let text = metadata[key.rawValue] else { throw .missingKey(key.rawValue) }
      guard let value = parse(text) else {
        throw .invalidValue(key: key.rawValue, value: text, expected: expected)
      }
      return value
    }
    func side(_ key: MetadataKey, within range: ClosedRange<Int>) throws(PreprocessingError) -> Int
    {
      let expected = "a whole number within \(range.lowerBound)...\(range.upperBound)"
      return try read(key, expected: expected) { Self.side($0, within: range) }
    }
    let filters = Interpolation.allCases.map(\.rawValue).joined(separator: " or ")
    let fits = Fit.allCases.map(\.rawValue).joined(separator: " or ")
    self.init(
      resize: try side(.resize, within: Self.resizes),
      crop: try side(.crop, within: Self.crops),
      interpolation: try read(.interpolation, expected: filters) { Interpolation(rawValue: $0) },
      mean: try read(.mean, expected: "three finite numbers, separated by commas") {
        Self.channels($0) { $0.isFinite }
      },
      standardDeviation: try read(
        .standardDeviation, expected: "three positive finite numbers, separated by commas"
      ) {
        Self.channels($0) { $0.isFinite && $0 > 0 }
      },
      fit: metadata[MetadataKey.fit.rawValue] == nil
        ? .shortSide : try read(.fit, expected: fits) { Fit(rawValue: $0) })
  }

  private static func side(_ text: String, within range: ClosedRange<Int>) -> Int? {
    guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
      let value = Int(text), range.contains(value)
    else { return nil }
    return value
  }

  /// Three numbers that all satisfy a condition.
  ///
  /// Only plain decimal numbers are accepted: no spaces, hexadecimal digits, or names such as
  /// `inf`.
  private static func channels(
    _ text: String, where isValid: (Float) -> Bool
  ) -> SIMD3<Float>? {
    guard text.utf8.allSatisfy({ "0123456789.,+-eE".utf8.contains($0) }) else { return nil }
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    let values = parts.compactMap { Float($0) }
    guard parts.count == 3, values.count == 3, values.allSatisfy(isValid) else { return nil }
    return SIMD3(values)
  }
}
