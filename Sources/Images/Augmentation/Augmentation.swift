/// How a training image varies from epoch to epoch.
public struct Augmentation: Hashable, Sendable {
  /// The smallest share of the image's area in a random crop; `nil` for the crop of inference.
  public let minimumArea: Double?
  /// Whether every other image, at random, is mirrored.
  public let flips: Bool
  /// Random operations on each image; `nil` for none.
  public var randAugment: RandAugment?
  /// The probability of erasing a rectangle, from 0 to 1.
  public var erasingProbability = 0.0
  /// The α of mixup, at least 0; 0 for no mixup.
  public var mixupAlpha = 0.0
  /// The α of CutMix, at least 0; 0 for no CutMix.
  ///
  /// With mixup, each is applied to one half of the batch.
  public var cutMixAlpha = 0.0

  /// - Parameters:
  ///   - minimumArea: The smallest share of the image's area in a random crop, above 0 and at most
  ///     1; `nil` for the crop of inference.
  ///   - flips: Whether every other image, at random, is mirrored.
  public init(minimumArea: Double?, flips: Bool) {
    precondition(minimumArea.map { $0 > 0 && $0 <= 1 } ?? true)
    (self.minimumArea, self.flips) = (minimumArea, flips)
  }

  /// No variation: the preprocessing of inference, at the training size.
  public static let none = Augmentation(minimumArea: nil, flips: false)

  /// A random rectangle, stretched to a square and mirrored at random.
  ///
  /// Its aspect ratio is from 3:4 to 4:3.
  ///
  /// - Parameter minimumArea: The smallest share of the image's area, above 0 and at most 1.
  public static func cropAndFlip(minimumArea: Double = 0.35) -> Augmentation {
    Augmentation(minimumArea: minimumArea, flips: true)
  }
}
