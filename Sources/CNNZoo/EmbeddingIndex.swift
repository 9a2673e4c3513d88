/// Embeddings of image files with what they were computed from, to be searched and updated without
/// decoding an image again.
///
/// ```swift
/// let index = try EmbeddingIndex(contentsOf: "photos.npz")
/// try index.requireMatch(of: embedder, path: "photos.npz")
/// ```
public struct EmbeddingIndex: Sendable {
  /// An image file as it was when its embedding was computed.
  public struct File: Hashable, Sendable {
    /// The path's bytes, which need not be UTF-8.
    let bytes: [UInt8]
    /// Bytes of the file; −1 for an image that was not a file, such as standard input.
    public let byteCount: Int
    /// The time of its last modification, in nanoseconds since 1970.
    public let modified: Int

    /// The path as it was given, with U+FFFD for bytes that are not UTF-8.
    public var path: String { String(decoding: bytes, as: UTF8.self) }
  }

  /// What the embeddings depend on.
  public let origin: Origin
  /// The number of values in an embedding.
  public let dimension: Int
  /// The images, in the order of the embeddings.
  public private(set) var files: [File] = []
  /// The embeddings, [count, dimension]; a row of NaN for an image that failed.
  public private(set) var values: [Float] = []

  /// An empty index.
  init(origin: Origin, dimension: Int) {
    self.origin = origin
    self.dimension = dimension
  }

  /// An index of `values`, [files.count, dimension].
  init(origin: Origin, dimension: Int, files: [File], values: [Float]) {
    precondition(values.count == files.count * dimension)
    self.init(origin: origin, dimension: dimension)
    self.files = files
    self.values = values
  }

  /// The number of images.
  public var count: Int { files.count }

  /// The embedding of image `index`; `nil` if the image failed.
  public func embedding(_ index: Int) -> [Float]? {
    let row = row(index)
    return row[row.startIndex].isNaN ? nil : Array(row)
  }

  /// Whether image `index` failed.
  func isFailure(_ index: Int) -> Bool { values[index * dimension].isNaN }

  /// The values of image `index`.
  func row(_ index: Int) -> ArraySlice<Float> {
    values[index * dimension..<(index + 1) * dimension]
  }

  /// Adds an image; `nil` for one that failed.
  mutating func append(_ file: File, _ embedding: (some Collection<Float>)?) {
    precondition((embedding?.count ?? dimension) == dimension)
    files.append(file)
    if let embedding {
      values.append(contentsOf: embedding)
    } else {
      values.append(contentsOf: repeatElement(.nan, count: dimension))
    }
  }

  /// Requires that the embeddings can be compared with those of `embedder`.
  ///
  /// - Parameters:
  ///   - path: The index's file, for the error.
  ///   - origin: The embedder's origin, if it is already known: computing it reads the weights.
  ///   - ignoredFields: Fields that may differ; by default whether embeddings are normalized, which
  ///     does not change the angle between them.
  /// - Throws: `EmbeddingIndexError`, and what `Origin(of:)` throws.
  public func requireMatch(
    of embedder: Embedder, path: String, origin: Origin? = nil,
    ignoring ignoredFields: Set<Origin.Field> = [.normalized]
  ) throws {
    if let difference = try self.origin.difference(
      from: origin ?? Origin(of: embedder), ignoring: ignoredFields)
    {
      throw EmbeddingIndexError.otherOrigin(path: path, difference: difference)
    }
    guard dimension == embedder.dimension else {
      throw EmbeddingIndexError.malformed(
        path: path, reason: "embeddings of \(dimension) values instead of \(embedder.dimension)")
    }
  }
}

/// Why an index cannot be used.
public enum EmbeddingIndexError: Error, Equatable, Sendable {
  /// The file is not an index, or damaged.
  case malformed(path: String, reason: String)
  /// Its embeddings come from another network, other weights or other preprocessing.
  case otherOrigin(path: String, difference: String)
}

extension EmbeddingIndexError: CustomStringConvertible {
  /// One line: what is wrong and what to do.
  public var description: String {
    switch self {
    case .malformed(let path, let reason):
      "\(path): \(reason); write an index with `cnnzoo embed --output FILE.npz`"
    case .otherOrigin(let path, let difference):
      "\(path): computed with \(difference); use the same, or write a new index with `cnnzoo embed`"
        + " without --update"
    }
  }
}
