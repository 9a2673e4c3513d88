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
  /// Which inputs of the classifier are zeroed.
  case dropout = 3
  /// Which blocks leave an image out.
  case stochasticDepth = 4
  /// What training from scratch starts with.
  case initialization = 5
  /// What the network drops for an image: the key above those of dropout and stochastic depth.
  case regularization = 6
  /// How an image is combined with another one of its batch.
  case mixing = 7
  /// Which images of each class an epoch has, in balanced sampling.
  case balance = 8
}

extension RandomKey {
  /// The key for a purpose below this one.
  package subscript(purpose: RandomPurpose) -> RandomKey { self[purpose.rawValue] }
}
