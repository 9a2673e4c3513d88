/// How images must be given to a network: what its weights were trained with.
public struct Recipe: Sendable, Equatable {
  /// From photo to normalised input.
  public var preprocessing: Preprocessing
  /// The convolutions' padding rule.
  public var padding: Padding

  /// A recipe of the two parts.
  public init(preprocessing: Preprocessing, padding: Padding) {
    self.preprocessing = preprocessing
    self.padding = padding
  }
}

/// Parts of a recipe that a user wants otherwise than the weights say.
public struct RecipeOverrides: Sendable, Equatable {
  /// Length of the short side after the resize, in pixels.
  public var resize: Int?
  /// Side of the square cut from the middle, in pixels.
  public var crop: Int?
  /// The filter of the resize.
  public var interpolation: Interpolation?
  /// What becomes of the long side in the resize.
  public var fit: Preprocessing.Fit?
  /// Subtracted from each channel (R, G, B), in units of the pixel scale 0…1.
  public var mean: SIMD3<Float>?
  /// Divides each channel (R, G, B), in the same units.
  public var standardDeviation: SIMD3<Float>?
  /// The convolutions' padding rule.
  public var padding: Padding?

  /// No override; set the ones that are wanted.
  public init() {}

  /// `recipe` with these parts in place of its own.
  ///
  /// - Throws: `ClassifierError.recipe` where a side is not within `Preprocessing.resizes` or `crops`,
  ///   or a mean or deviation is not finite, or a deviation is not positive.
  public func applied(to recipe: Recipe) throws(ClassifierError) -> Recipe {
    let old = recipe.preprocessing
    for (name, side, sides) in [
      ("resize", resize ?? old.resize, Preprocessing.resizes),
      ("crop", crop ?? old.crop, Preprocessing.crops),
    ] where !sides.contains(side) {
      throw .recipe(
        reason: "a \(name) of \(side) pixels; it must be from 1 to \(sides.upperBound)")
    }
    let mean = mean ?? old.mean
    let deviation = standardDeviation ?? old.standardDeviation
    for channel in 0..<3 {
      guard mean[channel].isFinite else {
        throw .recipe(reason: "a mean of \(mean[channel]); it must be a finite number")
      }
      guard deviation[channel].isFinite, deviation[channel] > 0 else {
        throw .recipe(
          reason: "a standard deviation of \(deviation[channel]);"
            + " it must be a finite number above zero")
      }
    }
    return Recipe(
      preprocessing: Preprocessing(
        resize: resize ?? old.resize, crop: crop ?? old.crop,
        interpolation: interpolation ?? old.interpolation, mean: mean,
        standardDeviation: deviation, fit: fit ?? old.fit),
      padding: padding ?? recipe.padding)
  }
}
