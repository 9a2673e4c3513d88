import CNNZoo

/// What two measurements must share to be comparable.
package struct BenchKey: Hashable, Sendable {
  /// What is measured.
  package enum Mode: Hashable, Sendable {
    case inference
    /// A training step by a recipe, such as `rmsprop, average, batch statistics`.
    case train(recipe: String)
    /// Images from files, decoded and resized.
    case stream(StreamImages)
  }

  /// The images of a stream.
  package struct StreamImages: Hashable, Sendable {
    package let count: Int
    /// The bytes of all files, which tell one set of images from another.
    package let bytes: Int
    /// `exact` or `fast`.
    package let decode: String

    package init(count: Int, bytes: Int, decode: String) {
      (self.count, self.bytes, self.decode) = (count, bytes, decode)
    }
  }

  package let model: String
  package let mode: Mode
  /// Height, width and channels.
  package let input: [Int]
  /// MACs for one image; distinguishes variants of a network that share a name.
  package let macs: Int
  package let backend: String
  package let precision: String
  package let threads: Int
  package let batch: Int

  package init(
    model: String, mode: Mode = .inference, input: [Int], macs: Int, backend: String,
    precision: String, threads: Int, batch: Int
  ) {
    self.model = model
    self.mode = mode
    self.input = input
    self.macs = macs
    self.backend = backend
    self.precision = precision
    self.threads = threads
    self.batch = batch
  }
}

extension BenchKey {
  var json: JSON.Object {
    var members: JSON.Object = ["model": .string(model), "mode": .string(mode.name)]
    if let recipe = mode.recipe { members.append("recipe", .string(recipe)) }
    if let images = mode.images {
      members.append("images", .integer(images.count))
      members.append("image_bytes", .integer(images.bytes))
      members.append("decode", .string(images.decode))
    }
    return members
      + [
        "threads": .integer(threads), "batch": .integer(batch),
        "backend": .string(backend), "precision": .string(precision),
        "input_shape": .array(input.map(JSON.integer)),
        "macs": .integer(macs),
      ]
  }
}

extension BenchKey.Mode {
  /// The name in reports.
  var name: String {
    switch self {
    case .inference: "inference"
    case .train: "train"
    case .stream: "stream"
    }
  }

  /// The recipe of a training step.
  var recipe: String? {
    switch self {
    case .inference, .stream: nil
    case .train(let recipe): recipe
    }
  }

  /// The images of a stream.
  var images: BenchKey.StreamImages? {
    switch self {
    case .inference, .train: nil
    case .stream(let images): images
    }
  }
}

extension BenchKey: CustomStringConvertible {
  /// For example `effnetv2-s 384x384x3 simd f32, 2 threads, batch 8`; names read from files can be long.
  package var description: String {
    let shape = input.map { "\($0)" }.joined(separator: "x")
    let recipe =
      mode.recipe.map { " train (\($0.prefix(120)))" }
      ?? mode.images.map { " stream (\($0.count) images, \($0.decode.prefix(20)))" } ?? ""
    return
      "\(model.prefix(60)) \(shape)\(recipe) \(backend.prefix(20)) \(precision.prefix(20)), \(threadsAndBatch)"
  }

  /// The images that a run works on.
  var imagesPerRun: Int { mode.images?.count ?? batch }

  /// For example `2 threads, batch 8`.
  var threadsAndBatch: String { "\(NumberText.count(threads, "thread")), batch \(batch)" }
}
