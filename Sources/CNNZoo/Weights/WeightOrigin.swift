/// Which build of a network, and which published set if any, the weights in a file belong to.
///
/// The numbers do not tell. What does, in this order: the file's name, a `config.json` beside a file
/// of timm's, and the names of its tensors with what the user asked for.
struct WeightOrigin {
  /// The build whose padding and epsilon the weights expect.
  let implementation: Implementation
  /// The set whose recipe they are taken to expect; `nil` where the model has none.
  let recipe: PublishedWeights?
  /// The published set that they are; `nil` where the file's name does not say so. (A fine-tuned
  /// network's `config.json` may still name the set that it began from.)
  let published: PublishedWeights?
  /// The configuration beside the file, where it is about these weights.
  let hub: HubConfiguration?

  /// Finds the origin of weights of `model` in the file at `path`.
  ///
  /// - Throws: `ClassifierError.otherModel` where the configuration beside them names another
  ///   network, `.metadata` where it is damaged.
  init(
    path: String, metadata: [String: String], model: Model, naming: ParameterNaming
  ) throws(ClassifierError) {
    // A file that says itself what it is needs no neighbour, and may lie beside any.
    let isSelfDescribed = metadata[WeightFacts.Key.model.rawValue] != nil
    let hub = naming == .timm && !isSelfDescribed ? try HubConfiguration(beside: path) : nil
    if let hub {
      let found = (try? ModelCatalog.model(named: hub.architecture))?.name ?? hub.architecture
      guard found == model.name else {
        throw .otherModel(path: hub.path, expected: model.name, found: found)
      }
    }
    let names = Self.possibleNames(of: path)
    let told = model.published.first { names.contains($0.name) || names.contains($0.fileName) }
    let build =
      told?.implementation
      ?? model.implementations.first { names.contains($0.name) || $0.name == hub?.architecture }
      ?? model.implementations.first { $0.naming == naming } ?? model.implementations[0]
    self.hub = hub
    published = told
    implementation = build
    recipe =
      told ?? model.published.first { $0.name == hub?.setName }
      ?? model.published.first { $0.implementation == build }
      ?? model.published.first { $0.implementation.naming == naming } ?? model.published.first
  }

  /// What precedes a dot in the file's name, for every dot: names of sets have dots themselves.
  private static func possibleNames(of path: String) -> Set<String> {
    let name = path.split(separator: "/").last ?? ""
    return Set(name.indices.filter { name[$0] == "." }.map { String(name[..<$0]) } + [String(name)])
  }
}

extension HubConfiguration {
  /// timm's name of the set of weights.
  fileprivate var setName: String? { tag.map { "\(architecture).\($0)" } }
}
