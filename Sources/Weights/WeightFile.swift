/// A file of named tensors, mapped and validated.
///
/// safetensors files and PyTorch files (`torch.save` of a state dict) are distinguished by their
/// first bytes. Opening a file reads only the description of the tensors; a `TensorView` reads the
/// elements from disk on demand.
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
  }

  /// The format, detected from the first bytes.
  public let format: Format

  /// The tensors, in the file's order.
  public let tensors: [TensorView]

  /// The file's metadata; empty for PyTorch files.
  public let metadata: [String: String]

  /// The prefix that wrappers such as `DataParallel` add to every name; see `TensorNames`.
  public let wrapperPrefix: String

  private let file: MappedFile
  private let positions: [String: Int]

  /// Maps the file and validates its description of the tensors.
  ///
  /// - Throws: `WeightsError`, naming the location and the problem.
  public init(path: String, limits: WeightLimits = WeightLimits()) throws(WeightsError) {
    file = try MappedFile(path: path)
    guard file.count > 0 else { throw .malformed(path: path, reason: "the file is empty") }
    let tensors: [TensorView]
    if SafetensorsFile.begins(file) {
      let contents = try SafetensorsFile(file, limits: limits)
      format = .safetensors
      tensors = contents.tensors
      metadata = contents.metadata
    } else if ZipArchive.begins(file) {
      format = .torchArchive
      tensors = try TorchFile.archive(file, limits: limits)
      metadata = [:]
    } else if TorchFile.beginsAsLegacy(file) {
      format = .torchLegacy
      tensors = try TorchFile.legacy(file, limits: limits)
      metadata = [:]
    } else {
      throw .malformed(
        path: path, reason: "neither a safetensors file nor a torch.save file")
    }
    self.tensors = tensors
    wrapperPrefix = TensorNames.wrapperPrefix(of: tensors.map(\.name))
    positions = Dictionary(
      zip(tensors.map(\.name), tensors.indices), uniquingKeysWith: { first, _ in first })
  }

  /// The path given to `init`.
  public var path: String { file.path }

  /// The size of the file in bytes.
  public var byteCount: Int { file.count }

  /// The names of the tensors, in the order of `tensors`.
  public var names: [String] { tensors.map(\.name) }

  /// The tensor with exactly this name.
  public subscript(name: String) -> TensorView? { positions[name].map { tensors[$0] } }

  /// Checks that the file has not changed since it was opened.
  ///
  /// Reading past the end of a truncated file kills the process. Call this before reading elements,
  /// and again afterwards before trusting them.
  ///
  /// - Throws: `WeightsError.changed` if the file's size or modification time differs.
  public func verifyUnchanged() throws(WeightsError) { try file.verifyUnchanged() }

  /// Allows the operating system to drop a tensor's pages.
  ///
  /// Call this once the elements have been packed elsewhere. The tensor stays readable, at the cost
  /// of mapping its pages again.
  public func discardPages(of tensor: TensorView) {
    precondition(tensor.file === file, "the tensor belongs to another file")
    file.discardPages(of: tensor.storage)
  }
}

/// Prefixes that wrappers add to parameter names.
public enum TensorNames {
  /// The prefixes of data-parallel training, compilation and training frameworks.
  private static let wrappers = ["module.", "model.", "_orig_mod."]

  /// The longest sequence of wrapper prefixes shared by all of `names`; empty if there is none.
  ///
  ///     TensorNames.wrapperPrefix(of: ["module.model.fc.weight", "module.model.fc.bias"])
  ///     // "module.model."
  public static func wrapperPrefix(of names: [String]) -> String {
    var prefix = ""
    guard !names.isEmpty else { return prefix }
    while let wrapper = wrappers.first(where: { next in
      names.allSatisfy { $0.utf8.starts(with: (prefix + next).utf8) }
    }) {
      prefix += wrapper
    }
    return prefix
  }

  /// `names` without their shared prefix.
  public static func stripped(_ names: [String]) -> [String] {
    let prefix = wrapperPrefix(of: names)
    return names.map { String($0.utf8.dropFirst(prefix.utf8.count)) ?? $0 }
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
