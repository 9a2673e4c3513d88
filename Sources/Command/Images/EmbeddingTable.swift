import ArgumentParser
import CNNZoo

/// The forms in which vectors are written.
enum EmbeddingFormat: String, CaseIterable, ExpressibleByArgument {
  /// A record for each image.
  case jsonl
  /// NumPy's array file.
  case npy
  /// A tensor, with the images' paths in the metadata.
  case safetensors

  /// The format whose name `path` ends with, if any.
  init?(endOf path: String) {
    guard let match = Self.allCases.first(where: { path.hasSuffix(".\($0.rawValue)") }) else {
      return nil
    }
    self = match
  }
}

/// Vectors of images, to be written as a whole or line by line.
struct EmbeddingTable {
  private let model: String
  private let layer: Embedder.Layer
  private let dimension: Int
  private let isNormalized: Bool
  private let policy: FailurePolicy
  private var rows: [(name: String, outcome: NetworkRunner<[Float]>.Outcome)] = []

  init(_ embedder: Embedder, policy: FailurePolicy) {
    model = embedder.network.model.name
    layer = embedder.options.layer
    dimension = embedder.dimension
    isNormalized = embedder.options.normalizes
    self.policy = policy
  }

  /// Keeps what became of an image.
  mutating func append(_ name: String, _ outcome: NetworkRunner<[Float]>.Outcome) {
    rows.append((name, outcome))
  }

  /// The record for one image; `nil` where the policy has none for failures.
  func line(_ name: String, _ outcome: NetworkRunner<[Float]>.Outcome) -> String? {
    let members: JSON.Object
    switch outcome {
    case .success(let vector):
      members = [
        "model": .string(model), "layer": .string(layer.rawValue),
        "embedding": .array(vector.map(JSON.float)),
      ]
    case .failure(let failure):
      if policy == .skip || policy == .fail { return nil }
      members = [
        "error": .object(["code": .string(failure.code), "message": .string(failure.message)])
      ]
    }
    return "\(JSON.object(.schema + ["input": .string(name)] + members))\n"
  }

  /// Writes all of it to a file, complete or not at all, or to standard output.
  func write(to path: String?, as format: EmbeddingFormat) throws {
    switch format {
    case .jsonl:
      guard let path else {
        for (name, outcome) in rows {
          if let line = line(name, outcome) { try StandardOutput.write(line) }
        }
        return
      }
      let file = try AtomicFile(path: path)
      for (name, outcome) in rows {
        guard let line = line(name, outcome) else { continue }
        try Array(line.utf8).withUnsafeBytes { bytes throws in try file.write(bytes) }
      }
      try file.commit()
    case .npy:
      let array = NPYArray(shape: [shownRows.count, dimension], values: values)
      if let path { try array.write(to: path) } else { try StandardOutput.write(array.encoded) }
    case .safetensors:
      var writer = SafetensorsWriter(metadata: [
        "model": model, "layer": layer.rawValue, "normalized": "\(isNormalized)",
        "paths": "\(JSON.array(shownRows.map { .string($0.name) }))",
      ])
      writer.append(name: "embeddings", shape: [shownRows.count, dimension], values: values)
      if let path {
        try writer.write(to: path)
      } else {
        try StandardOutput.write(writer.encoded(named: "standard output"))
      }
    }
  }

  /// The images that have a row in an array.
  private var shownRows: [(name: String, outcome: NetworkRunner<[Float]>.Outcome)] {
    policy == .record
      ? rows
      : rows.filter { if case .success = $0.outcome { true } else { false } }
  }

  private var values: [Float] {
    let missing = [Float](repeating: .nan, count: dimension)
    return shownRows.flatMap { row in
      if case .success(let vector) = row.outcome { vector } else { missing }
    }
  }
}
