import Images
import Training

/// The classifier that training from weights starts with: fitted in closed form to the features of the
/// training images.
struct TrainingHead {
  private let trainer: HeadTrainer
  /// The features and fingerprint of each image.
  private var features: [(vector: [Float], fingerprint: ImageFingerprint?)] = []

  /// Computes the features of all images.
  ///
  /// - Throws: Errors of `HeadTrainer` and `Embedder`, `TrainingDataError.lost`.
  init(
    _ network: LoadedNetwork, _ images: TrainingImages, _ options: Trainer.Options,
    receive: () throws -> Void
  ) throws {
    var embedding = Embedder.Options()
    embedding.threads = options.threads
    embedding.maximumBatch = 8
    embedding.decoding = options.decoding
    trainer = try HeadTrainer(network, classes: images.labels.names, options: embedding)
    var found: [(vector: [Float], fingerprint: ImageFingerprint?)] = []
    try trainer.embedder.embed(ImageInputs(images.images.map(\.input))) { answer in
      found.append((try answer.result.get(), answer.fingerprint))
      try receive()
    }
    features = found
  }

  /// Groups of images that are copies of each other.
  ///
  /// - Throws: `ProcessorError`.
  func duplicates(threads: Int) throws -> [DuplicateFinder.Group] {
    try DuplicateFinder.groups(
      of: features.lazy.map { ($0.vector, $0.fingerprint) },
      dimension: trainer.embedder.dimension, threads: threads)
  }

  /// Fits a head to the images for training.
  ///
  /// - Throws: `HeadTrainingError`.
  func fit(_ images: TrainingImages) throws -> TrainedHead {
    for index in images.training {
      trainer.add(
        features[index].vector, fingerprint: features[index].fingerprint,
        class: images.images[index].classIndex)
    }
    return try trainer.train()
  }
}
