/// A file of named tensors, mapped and validated.
///
/// safetensors files, PyTorch files (`torch.save` of a state dict or of a training checkpoint) and
/// indexes of several such files are distinguished by their first bytes. Opening a file reads only the
/// description of the tensors; a `TensorView` reads the elements from disk on demand.
///
/// ```swift
/// let file = try WeightFile(path: "efficientnet_v2_s.safetensors")
/// let stem = try file["features.0.0.weight"]?.floats()
/// ```
public final class WeightFile: Sendable {
  /// The formats that can be read.
  public enum Format: String, Sendable {
    /// A JSON header and raw data.
    case safetensors
    /// `torch.save` since PyTorch 1.6: a zip archive.
    case torchArchive = "pytorch-zip"
    /// `torch.save` before PyTorch 1.6: a sequence of pickles.
    case torchLegacy = "pytorch-legacy"
    /// A JSON index of several files.
    case index
  }

  /// The format, detected from the first bytes.
  public let format: Format

  /// The tensors that were saved together: one dictionary, or several in a training checkpoint.
  ///
  /// A checkpoint may contain the weights, their averages, and the state of the optimiser.
  public let dictionaries: [TensorDictionary]

  /// The file's metadata; empty for PyTorch files.
  public let metadata: [String: String]

  /// The path given to `init`.
  public let path: String

  /// The dictionary with the most tensors.
  let main: TensorDictionary

  /// The file, or the index and the files that it lists.
  private let files: [MappedFile]

  /// Maps the file and validates its description of the tensors.
  ///
  /// - Throws: `WeightsError`, naming the location and the problem.
  public init(path: String, limits: WeightLimits = WeightLimits()) throws(WeightsError) {
    let file = try MappedFile(path: path)
    guard file.count > 0 else { throw .malformed(path: path, reason: "the file is empty") }
    let contents: Contents
    if FileRecognition.isJSON(file) {
      contents = try Contents(index: file, limits: limits)
    } else {
      contents = try Contents(file, limits: limits)
    }
    self.path = path
    (format, files) = (contents.format, contents.files)
    (dictionaries, metadata) = (contents.dictionaries, contents.metadata)
    main = contents.main
  }

  /// The tensors, in the file's order; of several dictionaries those of the largest.
  public var tensors: [TensorView] { main.tensors }

  /// The names of the tensors, in the order of `tensors`.
  public var names: [String] { tensors.map(\.name) }

  /// The tensor with exactly this name among `tensors`.
  public subscript(name: String) -> TensorView? { main[name] }

  /// The size of the file in bytes, including the files that an index lists.
  public var byteCount: Int { files.reduce(0) { $0 + $1.count } }

  /// The paths of the files with the tensors: of one file, `path`.
  public var paths: [String] { files.map(\.path) }

  /// Checks that the file has not changed since it was opened.
  ///
  /// Reading past the end of a truncated file kills the process. Call this before reading elements,
  /// and again afterwards before trusting them.
  ///
  /// - Throws: `WeightsError.changed` if the file's size or modification time differs.
  public func verifyUnchanged() throws(WeightsError) {
    for file in files { try file.verifyUnchanged() }
  }

  /// Allows the operating system to drop a tensor's pages.
  ///
  /// Call this once the elements have been packed elsewhere. The tensor stays readable, at the cost
  /// of mapping its pages again.
  public func discardPages(of tensor: TensorView) {
    precondition(
      files.contains { $0 === tensor.file }, "the tensor belongs to another file")
    tensor.file.discardPages(of: tensor.storage)
  }
}

/// What a file describes, by its format.
private struct Contents {
  let format: WeightFile.Format
  let files: [MappedFile]
  let dictionaries: [TensorDictionary]
  let metadata: [String: String]

  /// The dictionary with the most tensors; of several, the first.
  var main: TensorDictionary {
    dictionaries.reduce(TensorDictionary(keys: [], tensors: [])) {
      $1.tensors.count > $0.tensors.count ? $1 : $0
    }
  }

  /// Reads one file that is not an index.
  init(_ file: MappedFile, limits: WeightLimits) throws(WeightsError) {
    files = [file]
    if SafetensorsFile.begins(file) {
      let contents = try SafetensorsFile(file, limits: limits)
      format = .safetensors
      dictionaries = [TensorDictionary(keys: [], tensors: contents.tensors)]
      metadata = contents.metadata
    } else if ZipArchive.begins(file) {
      format = .torchArchive
      dictionaries = try TorchFile.archive(file, limits: limits)
      metadata = [:]
    } else if TorchFile.beginsAsLegacy(file) {
      format = .torchLegacy
      dictionaries = try TorchFile.legacy(file, limits: limits)
      metadata = [:]
    } else {
      throw FileRecognition.error(for: file)
    }
  }

  /// Reads the files that an index lists.
  init(index file: MappedFile, limits: WeightLimits) throws(WeightsError) {
    let index = try ShardIndex(file, limits: limits)
    let folder = file.path.lastIndex(of: "/").map { String(file.path[...$0]) } ?? ""
    var files = [file]
    var tensors: [TensorView] = []
    var metadata: [String: String] = [:]
    for name in index.files {
      let shard = try Self.open(folder + name, index: file.path)
      let contents = try Contents(shard, limits: limits)
      files.append(shard)
      metadata.merge(contents.metadata) { first, _ in first }
      tensors += contents.main.tensors.filter { index.places[$0.name] == name }
    }
    if tensors.count != index.places.count {
      let found = Set(tensors.map(\.name))
      let missing = index.places.filter { !found.contains($0.key) }.min { $0.key < $1.key }
      let (tensor, shard) = missing ?? ("", "")
      throw .malformed(
        path: file.path, reason: "tensor \(tensor) is not in \(shard), unlike the index says")
    }
    format = .index
    self.files = files
    dictionaries = [TensorDictionary(keys: [], tensors: tensors)]
    self.metadata = metadata
  }

  private static func open(_ path: String, index: String) throws(WeightsError) -> MappedFile {
    do {
      return try MappedFile(path: path)
    } catch .unreadable(_, let reason) {
      throw .unreadable(
        path: path, reason: "\(reason); \(index) needs it, so download all of its files")
    }
  }
}

/// Limits on the contents of a weight file.
///
/// The defaults are far above any real network, yet low enough that a hostile file can neither
/// exhaust memory nor keep the reader busy.
public struct WeightLimits: Sendable, Equatable {
  /// Bytes of a safetensors header.
  public var headerBytes = 16 << 20

  /// Tensors in one file.
  public var tensors = 100_000

  /// Dimensions of one tensor.
  public var rank = 8

  /// Files inside a PyTorch zip archive.
  public var archiveEntries = 10_000

  /// Bytes of the pickle inside a PyTorch file.
  public var pickleBytes = 8 << 20

  /// Values on the pickle machine's stack.
  public var pickleStack = 100_000

  /// Values in the pickle machine's memo.
  public var pickleMemo = 1_000_000

  /// Collections a pickle may create plus the elements it may put into them.
  public var pickleObjects = 2_000_000

  /// Nesting depth of collections in a pickle.
  public var pickleDepth = 256

  /// The default limits.
  public init() {}
}
