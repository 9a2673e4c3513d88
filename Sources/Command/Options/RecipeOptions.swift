import ArgumentParser
import CNNZoo

extension Padding: ExpressibleByArgument {}
extension Interpolation: ExpressibleByArgument {}
extension Preprocessing.Fit: ExpressibleByArgument {}
extension Backend: ExpressibleByArgument {}

/// Three numbers, one for each of red, green and blue.
struct Channels: ExpressibleByArgument {
  let values: SIMD3<Float>

  /// Reads `R,G,B`, or one number for all three.
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

/// The recipe's flags: each overrides what the weights say.
struct RecipeOptions: ParsableArguments {
  @Option(help: "Length of the short side after the resize, in pixels.")
  var resize: Int?

  @Option(help: "Side of the square cut from the middle, in pixels.")
  var crop: Int?

  @Option(help: "Filter of the resize.")
  var interpolation: Interpolation?

  @Option(help: "Whether the resize keeps the proportions.")
  var fit: Preprocessing.Fit?

  @Option(
    help: ArgumentHelp(
      "Subtracted from the channels, in units of 0…1.", valueName: "r,g,b"))
  var mean: Channels?

  @Option(
    help: ArgumentHelp("Divides the channels, in the same units.", valueName: "r,g,b"))
  var std: Channels?

  @Option(help: "The padding rule that the weights were trained under.")
  var padding: Padding?

  /// The flags as the library takes them.
  var overrides: RecipeOverrides {
    var overrides = RecipeOverrides()
    overrides.resize = resize
    overrides.crop = crop
    overrides.interpolation = interpolation
    overrides.fit = fit
    overrides.mean = mean?.values
    overrides.standardDeviation = std?.values
    overrides.padding = padding
    return overrides
  }
}
