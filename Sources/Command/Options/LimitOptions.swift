import ArgumentParser
import CNNZoo

/// Limits on the cost of an input: `--limit NAME=VALUE`.
struct LimitOptions: ParsableArguments {
  @Option(
    name: .customLong("limit"),
    help: ArgumentHelp(
      "Override an input limit; can be repeated.",
      discussion: LimitSetting.help, valueName: "name=value"),
    transform: LimitSetting.init)
  var settings: [LimitSetting] = []

  /// The limits on images.
  var decoding: DecodingLimits {
    settings.reduce(into: .standard) { limits, setting in
      if case .decoding(let path) = setting.target { limits[keyPath: path] = setting.value }
    }
  }

  /// The limits on weight files and arrays.
  var weights: WeightLimits {
    settings.reduce(into: WeightLimits()) { limits, setting in
      if case .weights(let path) = setting.target { limits[keyPath: path] = setting.value }
    }
  }
}

/// One limit and its new value.
struct LimitSetting {
  enum Target {
    case decoding(WritableKeyPath<DecodingLimits, Int>)
    case weights(WritableKeyPath<WeightLimits, Int>)
  }

  let target: Target
  let value: Int

  /// Larger than any machine needs, yet small enough that sums and products cannot overflow.
  private static let maximum = 1 << 40

  private nonisolated(unsafe) static let targets: KeyValuePairs<String, Target> = [
    "pixels": .decoding(\.pixels),
    "pixels-warning": .decoding(\.pixelsWithoutWarning),
    "image-bytes": .decoding(\.fileBytes),
    "image-memory": .decoding(\.memoryBytes),
    "side": .decoding(\.side),
    "jpeg-scans": .decoding(\.jpegScans),
    "jpeg-visits": .decoding(\.jpegVisitedSamples),
    "png-chunk-bytes": .decoding(\.pngAncillaryChunkBytes),
    "image-seconds": .decoding(\.seconds),
    "header-bytes": .weights(\.headerBytes),
    "tensors": .weights(\.tensors),
    "rank": .weights(\.rank),
    "archive-entries": .weights(\.archiveEntries),
    "pickle-bytes": .weights(\.pickleBytes),
    "pickle-stack": .weights(\.pickleStack),
    "pickle-memo": .weights(\.pickleMemo),
    "pickle-objects": .weights(\.pickleObjects),
    "pickle-depth": .weights(\.pickleDepth),
  ]

  /// Parses `pixels=400000000`; the value may end in K, M or G, which are powers of 1024.
  init(_ argument: String) throws {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard let target = Self.targets.first(where: { $0.key == parts[0] })?.value else {
      let names = Self.targets.map(\.key).joined(separator: ", ")
      throw ValidationError("unknown limit \(parts[0]); the limits are \(names)")
    }
    guard parts.count == 2, let value = Self.value(parts[1]) else {
      throw ValidationError(
        "expected a positive number such as \(parts[0])=1000, with an optional K, M or G")
    }
    self.target = target
    self.value = value
  }

  private static func value(_ text: Substring) -> Int? {
    let shifts: [Character: Int] = ["K": 10, "M": 20, "G": 30]
    let shift = text.last.flatMap { shifts[$0] }
    let digits = shift == nil ? text : text.dropLast()
    guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && $0.isNumber }),
      let number = Int(digits), number > 0, number <= maximum >> (shift ?? 0)
    else { return nil }
    return number << (shift ?? 0)
  }

  static var help: String {
    let names = targets.map { name, target in
      let value =
        switch target {
        case .decoding(let path): DecodingLimits.standard[keyPath: path]
        case .weights(let path): WeightLimits()[keyPath: path]
        }
      return "\(name) (\(shown(value)))"
    }
    return "Names and defaults: \(names.joined(separator: ", ")). Values may end in K, M or G."
  }

  private static func shown(_ value: Int) -> String {
    for (suffix, shift) in [("G", 30), ("M", 20), ("K", 10)]
    where value >= 1 << shift && value % (1 << shift) == 0 {
      return "\(value >> shift)\(suffix)"
    }
    return "\(value)"
  }
}
