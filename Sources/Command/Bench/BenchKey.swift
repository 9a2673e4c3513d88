import CNNZoo

/// What two measurements must share to be comparable.
package struct BenchKey: Hashable, Sendable {
  /// What is measured.
  package enum Mode: Hashable, Sendable {
    case inference
    /// A training step by a recipe, such as `rmsprop, average, batch statistics`.
    case train(recipe: String)
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
    }
  }

  /// The recipe of a training step.
  var recipe: String? {
    switch self {
    case .inference: nil
    case .train(let recipe): recipe
    }
  }
}

extension BenchKey: CustomStringConvertible {
  /// For example `effnetv2-s 384x384x3 simd f32, 2 threads, batch 8`; names read from files can be long.
  package var description: String {
    let shape = input.map { "\($0)" }.joined(separator: "x")
    let recipe = mode.recipe.map { " train (\($0.prefix(120)))" } ?? ""
    return
      "\(model.prefix(60)) \(shape)\(recipe) \(backend.prefix(20)) \(precision.prefix(20)), \(threadsAndBatch)"
  }

  /// For example `2 threads, batch 8`.
  var threadsAndBatch: String { "\(NumberText.count(threads, "thread")), batch \(batch)" }
}
