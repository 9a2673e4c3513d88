import Host

/// An index as a file: an `.npz` archive or a safetensors file.
extension EmbeddingIndex {
  private static let embeddings = "embeddings"
  /// In safetensors: `SIZE TIME PATH` of each image, NUL-terminated.
  private static let fileList = "files"

  /// Bytes of a safetensors header: the metadata repeat all paths.
  private static let headerLimit = 256 << 20

  /// Reads an `.npz` or safetensors file.
  ///
  /// - Throws: `EmbeddingIndexError.malformed`, `WeightsError`.
  public init(contentsOf path: String) throws {
    do {
      if NPZFile.begins(path) {
        try self.init(npz: NPZFile(path: path), path: path)
      } else {
        var limits = WeightLimits()
        limits.headerBytes = Self.headerLimit
        try self.init(safetensors: WeightFile(path: path, limits: limits))
      }
    } catch WeightsError.malformed(_, let reason), WeightsError.unsupported(_, let reason) {
      throw EmbeddingIndexError.malformed(path: path, reason: reason)
    }
  }

  private init(npz: NPZFile, path: String) throws {
    let metadata = try npz.strings("origin").map { line in
      let parts = String(decoding: line, as: UTF8.self)
        .split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      return (parts[0], parts.count == 2 ? parts[1] : "")
    }
    let origin = try Origin(
      metadata: Dictionary(metadata, uniquingKeysWith: { $1 }), path: path)
    let array = try npz.array(Self.embeddings)
    let (paths, sizes, times) = (
      try npz.strings("paths"), try npz.integers("sizes"), try npz.integers("modified")
    )
    guard paths.count == sizes.count, paths.count == times.count else {
      throw EmbeddingIndexError.malformed(
        path: path,
        reason: "\(paths.count) paths, \(sizes.count) sizes and \(times.count) modification times")
    }
    let files = paths.indices.map {
      File(bytes: paths[$0], byteCount: sizes[$0], modified: times[$0])
    }
    try self.init(
      origin, shape: array.shape, values: array.values, files: files, path: path)
  }

  private init(safetensors file: WeightFile) throws {
    guard let tensor = file[Self.embeddings], tensor.elementType == .f32,
      let list = file[Self.fileList], list.elementType == .u8, list.shape.count == 1
    else {
      throw EmbeddingIndexError.malformed(
        path: file.path, reason: "not an index: it lacks the tensors embeddings and files")
    }
    let origin = try Origin(metadata: file.metadata, path: file.path)
    let files = try list.withUnsafeBytes { bytes in
      try bytes.split(separator: 0).map { record in
        guard let file = File(record: record) else {
          throw EmbeddingIndexError.malformed(path: file.path, reason: "a damaged list of files")
        }
        return file
      }
    }
    try self.init(
      origin, shape: tensor.shape, values: tensor.floats(), files: files, path: file.path)
    try file.verifyUnchanged()
  }

  /// Checks what a file contains.
  private init(
    _ origin: Origin, shape: [Int], values: [Float], files: [File], path: String
  ) throws(EmbeddingIndexError) {
    guard shape.count == 2, shape[1] > 0, files.count == shape[0] else {
      throw .malformed(
        path: path,
        reason: "embeddings of shape \(shape) for \(files.count)"
          + " \(files.count == 1 ? "image" : "images")")
    }
    self.init(origin: origin, dimension: shape[1], files: files, values: values)
    for image in 0..<count {
      let row = row(image)
      guard row.allSatisfy(\.isFinite) || row.allSatisfy(\.isNaN) else {
        throw .malformed(
          path: path,
          reason: "the embedding of \(files[image].path) has values that are not finite numbers")
      }
    }
  }

  /// The index as an `.npz` archive: `embeddings`, `paths`, `sizes`, `modified` and `origin`.
  public var npz: NPZWriter {
    var writer = NPZWriter()
    writer.append(Self.embeddings, shape: [count, dimension], values: values)
    writer.append("paths", strings: files.map(\.bytes))
    writer.append("sizes", integers: files.map(\.byteCount))
    writer.append("modified", integers: files.map(\.modified))
    writer.append(
      "origin", strings: origin.metadata.map { "\($0)=\($1)" }.sorted().map { Array($0.utf8) })
    return writer
  }

  /// The index as a safetensors file: `embeddings`, `files`, and in the metadata the origin and
  /// `paths`, a JSON array.
  public var safetensors: SafetensorsWriter {
    let list = files.flatMap(\.record)
    let paths = "\(JSON.array(files.map { .string($0.path) }))"
    var writer = SafetensorsWriter(metadata: origin.metadata.merging(["paths": paths]) { $1 })
    writer.append(name: Self.embeddings, shape: [count, dimension], values: values)
    writer.append(name: Self.fileList, elementType: .u8, shape: [list.count]) { buffer in
      buffer.copyBytes(from: list)
    }
    return writer
  }
}

extension EmbeddingIndex.File {
  /// `SIZE TIME PATH`, NUL-terminated.
  fileprivate var record: [UInt8] { Array("\(byteCount) \(modified) ".utf8) + bytes + [0] }

  /// Parses a record without its NUL.
  fileprivate init?(record: Slice<UnsafeRawBufferPointer>) {
    let parts = record.split(
      separator: UInt8(ascii: " "), maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, let size = Int(String(decoding: parts[0], as: UTF8.self)),
      let time = Int(String(decoding: parts[1], as: UTF8.self))
    else { return nil }
    self.init(bytes: Array(parts[2]), byteCount: size, modified: time)
  }
}
