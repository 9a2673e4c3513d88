import Weights

/// Converts a weight file into a self-describing safetensors file.
///
/// The tensors keep their names and order, without the prefix of a wrapper, and without what a training
/// checkpoint contains beside them; the new file's `__metadata__` contains the model, the
/// preprocessing and everything else that is known.
public struct Conversion: Sendable {
  /// The network and its weights.
  public let network: LoadedNetwork
  /// The new file's metadata.
  public let metadata: [String: String]
  /// The element type to write; `nil` keeps the stored types.
  public let elementType: ElementType?

  /// Information about the weights from the user, besides their preprocessing.
  public struct Provenance: Sendable {
    /// The class names.
    public var labels: Labels?
    /// What turns logits into probabilities.
    public var activation: OutputActivation?
    /// Where the weights came from.
    public var source: String?
    /// Their licence.
    public var license: String?

    /// No information.
    public init() {}
  }

  /// Prepares the conversion of a loaded network's weights.
  ///
  /// - Parameter elementType: `.f32`, `.f16`, `.bf16`, or `nil` for the stored types.
  /// - Throws: `LabelsError.wrongCount`.
  public init(
    of network: LoadedNetwork, as elementType: ElementType? = nil,
    provenance: Provenance = Provenance()
  ) throws(LabelsError) {
    var info = network.info
    info.labels = provenance.labels ?? info.labels
    info.activation = provenance.activation ?? info.activation
    info.source = provenance.source ?? info.source
    info.license = provenance.license ?? info.license
    if network.hasClassifier { try info.labels?.check(classes: network.configuration.classes) }
    self.network = network
    self.elementType = elementType
    metadata = network.file.metadata.merging(info.metadata) { $1 }
  }

  /// Writes the file, atomically.
  ///
  /// - Throws: `InferenceError.badParameter` for values that weights cannot have, `WeightsError`,
  ///   `FileError`.
  public func write(to path: String) throws {
    try network.verifyValues()
    var writer = SafetensorsWriter(metadata: metadata)
    for (name, tensor) in network.namedTensors {
      writer.append(tensor, name: name, as: elementType)
    }
    try network.file.verifyUnchanged()
    try writer.write(to: path)
  }
}
