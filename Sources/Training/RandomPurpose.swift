import Host

/// What a random number in training is for.
///
/// It is part of the number's key, so a case keeps its value for ever.
package enum RandomPurpose: Int {
  /// Which images are for validation.
  case division = 0
  /// The order of the images in an epoch.
  case order = 1
  /// How an image is cropped and mirrored.
  case augmentation = 2
}

extension RandomKey {
  /// The key for a purpose below this one.
  package subscript(purpose: RandomPurpose) -> RandomKey { self[purpose.rawValue] }
}
