import Download

extension EmbeddingIndex {
  /// What embeddings depend on besides the image.
  ///
  /// Embeddings of different origins cannot be compared.
  public struct Origin: Equatable, Sendable {
    /// A member of the index's metadata.
    public enum Field: String, CaseIterable, Sendable {
      /// The network's name.
      case model
      /// SHA-256 of the weight file.
      case weights = "weights_sha256"
      /// The layer whose output is the embedding.
      case layer
      /// Size, crop, filter, fit, mean, std and padding.
      case preprocessing
      /// The type in which the network computes.
      case precision
      /// `true` if embeddings have unit length.
      case normalized
    }

    private var values: [Field: String]

    /// The origin of an embedder's output; reads the weight file to hash it.
    ///
    /// - Throws: `DownloadError` if libcrypto is missing or the file cannot be read.
    public init(of embedder: Embedder) throws {
      let network = embedder.network
      values = [
        .model: network.model.name,
        .weights: try network.weightsHash(),
        .layer: embedder.options.layer.rawValue,
        .preprocessing: network.info.preprocessing.summary(padding: network.info.padding),
        .precision: embedder.precision.rawValue,
        .normalized: "\(embedder.options.normalizes)",
      ]
    }

    /// The origin that the metadata of a file record; `path` is for the error.
    init(metadata: [String: String], path: String) throws(EmbeddingIndexError) {
      values = [:]
      for field in Field.allCases {
        guard let value = metadata[field.rawValue] else {
          throw .malformed(path: path, reason: "it does not record \(field.rawValue)")
        }
        values[field] = value
      }
    }

    /// The members of a file's metadata.
    var metadata: [String: String] {
      Dictionary(uniqueKeysWithValues: values.map { ($0.rawValue, $1) })
    }

    /// The value of a field.
    public subscript(field: Field) -> String { values[field] ?? "" }

    /// The fields that differ, such as `layer pooled instead of hidden`; `nil` if there are none.
    func difference(from other: Origin, ignoring ignored: Set<Field> = []) -> String? {
      let differences = Field.allCases.filter { !ignored.contains($0) && self[$0] != other[$0] }
        .map { field in
          // Twelve digits tell hashes apart.
          let length = field == .weights ? 12 : Int.max
          return "\(field.name) \(self[field].prefix(length)) instead of"
            + " \(other[field].prefix(length))"
        }
      // Everything about another network differs.
      let shown = self[.model] == other[.model] ? differences : Array(differences.prefix(1))
      return shown.isEmpty ? nil : shown.joined(separator: ", ")
    }
  }
}

extension EmbeddingIndex.Origin.Field {
  /// The name in messages.
  fileprivate var name: String { self == .weights ? "weights of SHA-256" : rawValue }
}

extension Preprocessing {
  /// All of it in one line, such as `256 224 bicubic shortSide 0.5,0.5,0.5 0.5,0.5,0.5 same`.
  fileprivate func summary(padding: Padding) -> String {
    func channels(_ values: SIMD3<Float>) -> String { "\(values.x),\(values.y),\(values.z)" }
    return "\(resize) \(crop) \(interpolation) \(fit) \(channels(mean))"
      + " \(channels(standardDeviation)) \(padding)"
  }
}
