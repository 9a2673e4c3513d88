import ArgumentParser
import CNNZoo

/// What an input may ask of this process at most: `--limit NAME=VALUE`.
struct LimitOptions: ParsableArguments {
  @Option(
    name: .customLong("limit"),
    help: ArgumentHelp(
      "Change what an input may ask at most; can be repeated.",
      discussion: LimitSetting.help, valueName: "name=value"))
  var settings: [LimitSetting] = []

  /// The limits of pictures.
  var decoding: DecodingLimits {
    settings.reduce(into: .standard) { limits, setting in
      if case .decoding(let path) = setting.place { limits[keyPath: path] = setting.value }
    }
  }

  /// The limits of weight files and arrays.
  var weights: WeightLimits {
    settings.reduce(into: WeightLimits()) { limits, setting in
      if case .weights(let path) = setting.place { limits[keyPath: path] = setting.value }
    }
  }
}

/// One limit and its new value.
struct LimitSetting: ExpressibleByArgument {
  enum Place {
    case decoding(WritableKeyPath<DecodingLimits, Int>)
    case weights(WritableKeyPath<WeightLimits, Int>)
  }

  let place: Place
  let value: Int

  /// Far above any machine, and low enough that sums and products of limits can be represented.
  private static let greatest = 1 << 40

  private nonisolated(unsafe) static let places: KeyValuePairs<String, Place> = [
    "pixels": .decoding(\.pixels),
    "pixels-warning": .decoding(\.pixelsWithoutWarning),
    "picture-bytes": .decoding(\.fileBytes),
    "picture-memory": .decoding(\.memoryBytes),
    "side": .decoding(\.side),
    "jpeg-scans": .decoding(\.jpegScans),
    "jpeg-visits": .decoding(\.jpegVisitedSamples),
    "png-chunk-bytes": .decoding(\.pngAncillaryChunkBytes),
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

  /// Reads `pixels=400000000`; bytes and other counts may end in K, M or G, which are powers of 1024.
  init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let place = Self.places.first(where: { $0.key == parts[0] })?.value
    else { return nil }
    let shifts: [Character: Int] = ["K": 10, "M": 20, "G": 30]
    let shift = parts[1].last.flatMap { shifts[$0] }
    let digits = shift == nil ? parts[1] : parts[1].dropLast()
    guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && $0.isNumber }),
      let number = Int(digits), number > 0, number <= Self.greatest >> (shift ?? 0)
    else { return nil }
    self.place = place
    value = number << (shift ?? 0)
  }

  static var help: String {
    let names = places.map { name, place in
      let value =
        switch place {
        case .decoding(let path): DecodingLimits.standard[keyPath: path]
        case .weights(let path): WeightLimits()[keyPath: path]
        }
      return "\(name) (\(shown(value)))"
    }
    return "NAME is one of \(names.joined(separator: ", ")); VALUE may end in K, M or G."
  }

  private static func shown(_ value: Int) -> String {
    for (suffix, shift) in [("G", 30), ("M", 20), ("K", 10)]
    where value >= 1 << shift && value % (1 << shift) == 0 {
      return "\(value >> shift)\(suffix)"
    }
    return "\(value)"
  }
}
