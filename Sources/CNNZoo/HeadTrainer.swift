import InstructionSets
import Training
import Operators

/// Fits a classifier for your own classes to a few images.
///
/// ```swift
/// let trainer = try HeadTrainer(model: "effnet-lite0", classes: ["cat", "dog"])
/// try trainer.add(ImageInputs(paths: ["pets/cats"]), class: 0)
/// try trainer.add(ImageInputs(paths: ["pets/dogs"]), class: 1)
/// try trainer.train().write(to: "pets.safetensors")
/// ```
///
/// Only the network's last linear layer changes. It is fitted in closed form, by ridge regression on
/// the layer's input: see `TrainedHead`.
public final class HeadTrainer {
  /// The classes' names.
  public let labels: Labels
  /// Computes the vectors that `add(_:class:)` takes.
  public let embedder: Embedder
  private var vectors: [[Float]] = []
  private var fingerprints: [ImageFingerprint?] = []
  private var classes: [Int] = []

  /// Prepares a network.
  ///
  /// - Parameters:
  ///   - network: The network whose features are used.
  ///   - names: The classes, at least two.
  ///   - options: `layer` and `normalizes` are ignored, because the classifier determines them. If the
  ///     weights end before a hidden layer, that layer gets random values.
  /// - Throws: `HeadTrainingError` for names that cannot be labels; `LAPACKEError` and
  ///   `OpenBLASError` if the libraries cannot be loaded; errors of `Embedder`.
  public init(
    _ network: LoadedNetwork, classes names: [String], options: Embedder.Options = .init()
  ) throws {
    labels = Labels(try HeadTrainingError.checked(names), source: "the classes' names")
    try Self.requireLibraries()
    var options = options
    options.layer = network.head.hidden == nil ? .pooled : .hidden
    options.normalizes = false
    options.decoding.fingerprints = true
    embedder = try Embedder(features: network, options: options)
  }

  /// Throws `OpenBLASError` or `LAPACKEError` if a library for solving equations cannot be loaded.
  public static func requireLibraries() throws {
    _ = try MatrixProducts()
    try CholeskyFactor.requireLibrary()
  }

  /// Loads weights by the name of their model, their path, or both, as `Classifier` does.
  ///
  /// - Throws: Errors of the other initialiser and `LoadedNetwork`, and `PretrainedError` if there
  ///   are no weights.
  public convenience init(
    model name: String? = nil, weights path: String? = nil, classes: [String],
    options: Embedder.Options = .init()
  ) throws {
    let network = try LoadedNetwork(
      name.map(ModelCatalog.model), weights: path, limits: options.limits,
      usesEMA: options.usesEMA, overrides: options.preprocessing)
    try self.init(network, classes: classes, options: options)
  }

  /// Adds an image of a class.
  ///
  /// - Throws: Errors of `Embedder.embed(_:)`.
  public func add(_ image: Image, class index: Int) throws {
    add(try embedder.embed(image), fingerprint: ImageFingerprint(image), class: index)
  }

  /// Adds a stream of images of a class; the next ones are decoded while the network computes.
  ///
  /// - Parameter receive: Called with the embedding of each image, in order. An image that cannot
  ///   be read or decoded is not added, but does not affect the others.
  /// - Throws: Errors of `receive` and the source.
  public func add(
    _ images: some ImageSource, class index: Int,
    receive: (ImageResult<[Float]>) throws -> Void = { _ in }
  ) throws {
    try embedder.embed(images) { answer in
      try receive(answer)
      if case .success(let vector) = answer.result {
        add(vector, fingerprint: answer.fingerprint, class: index)
      }
    }
  }

  /// Adds a vector of `embedder` as an example of a class.
  ///
  /// - Parameter fingerprint: Describes the image's pixels; without it, duplicates are not
  ///   recognised.
  public func add(_ vector: [Float], fingerprint: ImageFingerprint? = nil, class index: Int) {
    precondition(vector.count == embedder.dimension && labels.names.indices.contains(index))
    vectors.append(vector)
    fingerprints.append(fingerprint)
    classes.append(index)
  }

  /// Fits a head to all images added so far.
  ///
  /// Copies of an image are held out together: see `TrainedHead.duplicates`.
  ///
  /// - Throws: `HeadTrainingError` if a class has too few different images, or all images give the same
  ///   features.
  public func train() throws -> TrainedHead {
    let duplicates = try duplicates()
    try checkClasses(duplicates)
    do {
      return TrainedHead(
        network: embedder.network, precision: embedder.precision, labels: labels,
        head: try ClosedFormHead(
          vectors: vectors, labels: classes, classes: labels.count,
          groups: duplicates.map(\.images)),
        classes: classes, duplicates: duplicates)
    } catch is ClosedFormHeadError {
      throw HeadTrainingError.allAlike
    }
  }

  private func duplicates() throws(ProcessorError) -> [DuplicateFinder.Group] {
    try DuplicateFinder.groups(
      of: zip(vectors, fingerprints), dimension: embedder.dimension,
      threads: embedder.options.threads)
  }

  /// Throws unless each class has two images that are not copies of each other.
  private func checkClasses(_ duplicates: [DuplicateFinder.Group]) throws(HeadTrainingError) {
    var original = Array(classes.indices)
    for group in duplicates {
      for image in group.images { original[image] = group.images[0] }
    }
    var different = [Set<Int>](repeating: [], count: labels.count)
    for (image, index) in classes.enumerated() { different[index].insert(original[image]) }
    for (name, images) in zip(labels.names, different) where images.count < 2 {
      throw .fewImages(class: name, count: images.count)
    }
  }
}

/// Why a head cannot be trained.
public enum HeadTrainingError: Error, Equatable, Sendable {
  /// Fewer than two classes.
  case fewClasses(count: Int)
  /// A class has fewer than two different images, so none can be held out.
  case fewImages(class: String, count: Int)
  /// A name that cannot be a label.
  case badName(name: String, reason: String)
  /// All images give the same features.
  case allAlike

  /// The names; throws if there are too few, or one cannot be a label.
  static func checked(_ names: [String]) throws(HeadTrainingError) -> [String] {
    guard names.count > 1 else { throw .fewClasses(count: names.count) }
    var seen: Set<String> = []
    for name in names {
      // Labels are stored and printed one per line.
      let isPlain = name.unicodeScalars.allSatisfy { scalar in
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: false
        default: scalar != "\u{FFFD}"
        }
      }
      guard isPlain else {
        throw .badName(name: name, reason: "it has control characters or bytes that are not UTF-8")
      }
      guard name.contains(where: { !$0.isWhitespace }) else {
        throw .badName(name: name, reason: "it contains no visible characters")
      }
      guard seen.insert(name).inserted else {
        throw .badName(name: name, reason: "it looks the same as another class")
      }
    }
    return names
  }
}

extension HeadTrainingError: CustomStringConvertible {
  /// One line: what is wrong and what to do.
  public var description: String {
    switch self {
    case .fewClasses(let count):
      "\(count) \(count == 1 ? "class" : "classes"); provide at least two, each with its own images"
    case .fewImages(let name, let count):
      "class \"\(name)\" has \(count) usable \(count == 1 ? "image" : "images"), not counting"
        + " copies; every class needs at least two"
    case .badName(let name, let reason):
      "\"\(name)\" cannot be a class name: \(reason); rename it"
    case .allAlike: "all images have the same features, so the classes cannot be distinguished"
    }
  }
}
