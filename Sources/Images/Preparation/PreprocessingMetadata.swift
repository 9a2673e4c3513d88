/// Why a recipe could not be read or applied.
public enum PreprocessingError: Error, Equatable, Hashable, Sendable {
  /// Some keys of a recipe are there, this one is not.
  case missingKey(String)
  /// The key begins as those of a recipe do, but none is called so.
  case unknownKey(String)
  /// The text under a key is not what a recipe holds there.
  case invalidValue(key: String, value: String, expected: String)
  /// The output buffer has another number of values than the recipe makes.
  case wrongBufferSize(expected: Int, found: Int)
}

extension PreprocessingError: CustomStringConvertible {
  /// One line: where, what is wrong and what was expected.
  public var description: String {
    switch self {
    case .missingKey(let key):
      return "metadata key \(key) is missing from the preprocessing recipe; add it"
    case .unknownKey(let key):
      return "metadata key \(key) is unknown; a recipe has the keys "
        + Preprocessing.MetadataKey.allCases.map(\.rawValue).joined(separator: ", ")
    case .invalidValue(let key, let value, let expected):
      return "metadata key \(key) is \"\(value.prefix(60))\"; expected \(expected)"
    case .wrongBufferSize(let expected, let found):
      return "the output has \(found) values where the recipe makes \(expected)"
    }
  }
}

extension Preprocessing {
  /// What all keys of a recipe begin with.
  private static let prefix = "preprocessing."

  enum MetadataKey: String, CaseIterable {
    case resize = "preprocessing.resize"
    case crop = "preprocessing.crop"
    case interpolation = "preprocessing.interpolation"
    case mean = "preprocessing.mean"
    case standardDeviation = "preprocessing.standard_deviation"
    /// May be missing: recipes had no choice before they had this key.
    case fit = "preprocessing.fit"
  }

  /// The recipe as text for a weight file's `__metadata__`; ``init(metadata:)`` reads it back to
  /// an equal recipe.
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

  /// Reads a recipe from a weight file's `__metadata__`: the keys that begin with `preprocessing.`;
  /// others are ignored.
  ///
  /// - Returns: `nil` if there is no such key.
  /// - Throws: ``PreprocessingError`` where a key is missing, unknown or holds something else.
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
      mean: try read(.mean, expected: "three finite numbers with commas") {
        Self.channels($0) { $0.isFinite }
      },
      standardDeviation: try read(
        .standardDeviation, expected: "three positive finite numbers with commas"
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

  /// Three numbers that are all as required.
  ///
  /// Only plain decimal digits: no blanks, hexadecimal digits, or names such as `inf`.
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
