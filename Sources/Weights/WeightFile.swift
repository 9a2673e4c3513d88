/// A file of named tensors, mapped and validated.
///
/// safetensors files and PyTorch files (`torch.save` of a state dict) are told apart by their first
/// bytes. Opening reads the description of the tensors only; numbers are read from the disk when a
/// `TensorView` is asked for them.
///
/// ```swift
/// let file = try WeightFile(path: "efficientnet_v2_s.safetensors")
/// let stem = try file["features.0.0.weight"]?.floats()
/// ```
public final class WeightFile: Sendable {
  /// The formats that can be read.
  public enum Format: String, Sendable {
    /// A JSON header and raw numbers.
    case safetensors
    /// `torch.save` since PyTorch 1.6: a zip archive.
    case torchArchive = "pytorch-zip"
    /// `torch.save` before PyTorch 1.6: a sequence of pickles.
    case torchLegacy = "pytorch-legacy"
  }

  /// The format the file's first bytes show.
  public let format: Format

  /// The tensors in the order of the file's own list.
  public let tensors: [TensorView]

  /// What the file says about itself; empty for PyTorch files.
  public let metadata: [String: String]

  /// What precedes every name, left by wrappers such as `DataParallel`; see `TensorNames`.
  public let wrapperPrefix: String

  private let file: MappedFile
  private let positions: [String: Int]

  /// Maps the file and validates its description of the tensors.
  ///
  /// - Throws: `WeightsError`, naming the place and the fault.
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
        path: path, reason: "neither a safetensors file nor one that torch.save wrote")
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

  /// Checks that the file is still what was opened.
  ///
  /// The operating system stops a process that reads a mapped file past an end that has since moved.
  /// Call this before reading numbers, and once more after, to trust them.
  ///
  /// - Throws: `WeightsError.changed` where the file's size or modification time differs.
  public func verifyUnchanged() throws(WeightsError) { try file.verifyUnchanged() }

  /// Tells the operating system that a tensor's pages need not stay in memory.
  ///
  /// Worth calling once the numbers have been packed elsewhere. The tensor stays readable, at the
  /// cost of mapping its pages again.
  public func discardPages(of tensor: TensorView) {
    precondition(tensor.file === file, "the tensor belongs to another file")
    file.discardPages(of: tensor.storage)
  }
}
