import GraphIR

/// What a caller chooses about a network: everything else is the architecture.
public struct ModelConfiguration: Hashable, Sendable {
  /// Rows of the input image.
  public var inputHeight: Int
  /// Positions in a row of the input image.
  public var inputWidth: Int
  /// Outputs of the classifier.
  public var classes: Int
  /// The padding rule that the weights were trained under.
  public var padding: Padding
  /// What every batch norm adds to the variance: 1e-3 in the three families' originals, 1e-5 in
  /// timm's own training.
  public var epsilon: Double
  /// Factor on every width of a MobileNetV3 (section 6.1 of its paper); others ignore nothing:
  /// the catalogue refuses values other than 1 for them.
  public var widthMultiplier: Double
  /// Whether MobileNetV3's last stage is half as wide, as for detection and segmentation.
  public var reducedTail: Bool

  /// A configuration for square images of side `inputSize`.
  public init(
    inputSize: Int, classes: Int = 1000, padding: Padding = .symmetric,
    epsilon: Double = 1e-3, widthMultiplier: Double = 1, reducedTail: Bool = false
  ) {
    self.inputHeight = inputSize
    self.inputWidth = inputSize
    self.classes = classes
    self.padding = padding
    self.epsilon = epsilon
    self.widthMultiplier = widthMultiplier
    self.reducedTail = reducedTail
  }

  var inputShape: TensorShape {
    TensorShape(height: inputHeight, width: inputWidth, channels: 3)
  }
}
