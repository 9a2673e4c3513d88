/// Turns a file of weights into a safetensors file that says what it holds.
///
/// The tensors keep their names and their order; the new file's `__metadata__` carries the model,
/// the recipe, and what else is known.
public struct Conversion: Sendable {
  /// The network, its weights and what will be written about them.
  public let network: LoadedNetwork
  /// The metadata of the file to be written.
  public let metadata: [String: String]
  /// How the numbers are to be stored; `nil` keeps them as they are.
  public let elementType: ElementType?

  /// What a user knows about the weights besides their recipe.
  public struct Provenance: Sendable {
    /// The classes' names.
    public var labels: Labels?
    /// Where the weights came from.
    public var source: String?
    /// Their licence.
    public var license: String?

    /// Nothing is known.
    public init() {}
  }

  /// Prepares the conversion of a network's weights; a network that was loaded has been checked.
  ///
  /// - Parameter elementType: `.f32`, `.f16`, `.bf16`, or `nil` for the stored types.
  /// - Throws: `LabelsError.wrongCount`.
  public init(
    of network: LoadedNetwork, as elementType: ElementType? = nil,
    provenance: Provenance = Provenance()
  ) throws(LabelsError) {
    var facts = network.facts
    facts.labels = provenance.labels ?? facts.labels
    facts.source = provenance.source ?? facts.source
    facts.license = provenance.license ?? facts.license
    try facts.labels?.check(classes: network.configuration.classes)
    self.network = network
    self.elementType = elementType
    metadata = network.file.metadata.merging(facts.metadata(for: network.model)) { $1 }
  }

  /// Writes the file, complete or not at all.
  ///
  /// - Throws: `InferenceError.badParameter` for values that no weights have, `WeightsError`.
  public func write(to path: String) throws {
    try network.verifyValues()
    var writer = SafetensorsWriter(metadata: metadata)
    for tensor in network.file.tensors { writer.append(tensor, as: elementType) }
    try network.file.verifyUnchanged()
    try writer.write(to: path)
  }
}
