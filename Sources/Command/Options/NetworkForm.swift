import ArgumentParser
import CNNZoo

/// The extent of an input: `384`, or `HEIGHTxWIDTH`.
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

/// Which form of a network is meant, where it has several.
struct NetworkForm: ParsableArguments {
  @Option(help: "Factor on every width of a MobileNetV3.")
  var widthMultiplier: Double?

  @Flag(help: "Halve the width of a MobileNetV3's last stage.")
  var reducedTail = false

  @Option(help: "Number of classes.")
  var classes: Int?

  /// Puts what was asked for into `configuration`.
  func apply(to configuration: inout ModelConfiguration) {
    configuration.widthMultiplier = widthMultiplier ?? configuration.widthMultiplier
    configuration.reducedTail = reducedTail || configuration.reducedTail
    configuration.classes = classes ?? configuration.classes
  }
}

extension ModelConfiguration {
  /// Takes the sides of `size`, where there is one.
  mutating func resize(to size: InputSize?) {
    inputHeight = size?.height ?? inputHeight
    inputWidth = size?.width ?? inputWidth
  }
}
