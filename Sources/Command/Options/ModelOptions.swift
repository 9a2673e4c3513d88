import ArgumentParser
import CNNZoo
import Host

/// An input size: `384` or `HEIGHTxWIDTH`.
struct InputSize: ExpressibleByArgument {
  let height: Int
  let width: Int

  init?(argument: String) {
    let sides = argument.lowercased().split(separator: "x", omittingEmptySubsequences: false)
      .map { Int($0) }
    switch (sides.count, sides.first ?? nil) {
    case (1, let side?): (height, width) = (side, side)
    case (2, let side?):
      guard let other = sides[1] else { return nil }
      (height, width) = (side, other)
    default: return nil
    }
    guard height > 0, width > 0 else { return nil }
  }
}

/// How to read weight files.
struct WeightOptions: ParsableArguments {
  @Flag(help: "Ignore averaged weights (EMA) in training checkpoints.")
  var noEma = false
}

extension LoadedNetwork {
  /// Which weights are in use, for reports, if a training checkpoint gave a choice.
  var facts: JSON.Object { tensors.usesEMA.map { ["ema": .bool($0)] } ?? [:] }

  /// What training adds to the weights.
  var trainingWarnings: [String] {
    hasHiddenLayer
      ? [] : ["\(file.path) ends before the hidden layer, which starts from random values"]
  }
}

/// Selects the widths of a network.
struct WidthOptions: ParsableArguments {
  @Option(help: "Width multiplier (MobileNetV3 only).")
  var widthMultiplier: Double?

  @Flag(help: "Halve the width of the last stage (MobileNetV3 only).")
  var reducedTail = false

  /// Applies the options to `configuration`.
  func apply(to configuration: inout ModelConfiguration) {
    configuration.widthMultiplier = widthMultiplier ?? configuration.widthMultiplier
    configuration.reducedTail = reducedTail || configuration.reducedTail
  }
}

/// Selects a variant of a network.
struct VariantOptions: ParsableArguments {
  @OptionGroup var widths: WidthOptions

  @Option(help: "Number of classes.")
  var classes: Int?

  /// Applies the options to `configuration`.
  func apply(to configuration: inout ModelConfiguration) {
    widths.apply(to: &configuration)
    configuration.classes = classes ?? configuration.classes
  }
}

/// Selects a variant of a network to measure; there are no weights for some of them.
struct MeasuredVariantOptions: ParsableArguments {
  @OptionGroup var variant: VariantOptions

  @Option(help: "Leading stages with Fused-MBConv, the others with MBConv (EfficientNetV2 only).")
  var fusedStages: Int?

  /// Applies the options to `configuration`.
  func apply(to configuration: inout ModelConfiguration) {
    variant.apply(to: &configuration)
    configuration.fusedStages = fusedStages ?? configuration.fusedStages
  }
}

extension ModelConfiguration {
  /// Sets the input size unless `size` is `nil`.
  mutating func resize(to size: InputSize?) {
    inputHeight = size?.height ?? inputHeight
    inputWidth = size?.width ?? inputWidth
  }
}

extension Padding: ExpressibleByArgument {}
extension Interpolation: ExpressibleByArgument {}
extension Preprocessing.Fit: ExpressibleByArgument {}

/// Three numbers: red, green and blue.
struct Channels: ExpressibleByArgument {
  let values: SIMD3<Float>

  /// Parses `R,G,B`, or one number for all three.
  init?(argument: String) {
    let numbers = argument.split(separator: ",", omittingEmptySubsequences: false).map {
      Float($0)
    }
    switch (numbers.count, numbers.first ?? nil) {
    case (1, let value?): values = SIMD3(repeating: value)
    case (3, _):
      guard let r = numbers[0], let g = numbers[1], let b = numbers[2] else { return nil }
      values = SIMD3(r, g, b)
    default: return nil
    }
  }
}

/// Preprocessing options; each overrides the metadata of the weights.
struct PreprocessingOptions: ParsableArguments {
  @Option(help: "Length of the shorter side after resizing, in pixels.")
  var resize: Int?

  @Option(help: "Side of the centre crop, in pixels.")
  var crop: Int?

  @Option(help: "Resize filter.")
  var interpolation: Interpolation?

  @Option(help: "Resize the shorter side, or squash to a square.")
  var fit: Preprocessing.Fit?

  @Option(
    help: ArgumentHelp(
      "Channel means to subtract, on a scale of 0 to 1.", valueName: "r,g,b"))
  var mean: Channels?

  @Option(
    help: ArgumentHelp(
      "Channel standard deviations to divide by, on the same scale.", valueName: "r,g,b"))
  var std: Channels?

  @Option(help: "Padding rule used in training.")
  var padding: Padding?

  func validate() throws {
    if let fault = overrides.scaleFault { throw ValidationError("--\(fault).") }
  }

  /// The names of the options that were given.
  var names: [String] {
    [
      ("--resize", resize != nil), ("--crop", crop != nil),
      ("--interpolation", interpolation != nil), ("--fit", fit != nil), ("--mean", mean != nil),
      ("--std", std != nil), ("--padding", padding != nil),
    ].filter(\.1).map(\.0)
  }

  /// The options for the library.
  var overrides: PreprocessingOverrides {
    var overrides = PreprocessingOverrides()
    overrides.resize = resize
    overrides.crop = crop
    overrides.interpolation = interpolation
    overrides.fit = fit
    overrides.mean = mean?.values
    overrides.std = std?.values
    overrides.padding = padding
    return overrides
  }
}

/// Shell completions for arguments other than files and fixed words.
extension CompletionKind {
  /// Canonical network names; aliases work too but would clutter the list.
  static var networks: CompletionKind { .list(ModelCatalog.models.map(\.name)) }

  /// Networks and their published weights.
  static var publishedWeights: CompletionKind {
    .list(ModelCatalog.models.flatMap { [$0.name] + $0.published.map(\.name) })
  }

  /// Networks and the files currently in the cache.
  static var networksAndCachedFiles: CompletionKind {
    .custom { _, _, _ in
      let files = (try? WeightCache.standard().entries().map(\.name)) ?? []
      return ModelCatalog.models.map(\.name) + files
    }
  }
}
