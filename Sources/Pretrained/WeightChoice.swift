import GraphIR
import Inference
import ModelZoo
import Weights

/// A model and its weight file, chosen from the caller's arguments, the file's contents and the
/// installed weights.
public struct WeightChoice: Sendable {
  /// The network.
  public let model: Model
  /// The mapped file.
  public let file: WeightFile
  /// The reason for the choice, in one sentence, if neither the caller nor the file determines it.
  public let warning: String?
}

extension WeightSearch {
  /// Chooses a model and its weights.
  ///
  /// With `path` alone, the file decides: its metadata, the `config.json` next to it, its name if
  /// it is a published one, or else the only model whose tensors have the same names and shapes.
  /// With neither, `CNNZOO_MODEL` decides, or else the most accurate weights installed.
  ///
  /// - Parameters:
  ///   - model: The network, if the caller knows it.
  ///   - path: The weight file, if the caller knows it.
  /// - Throws: `PretrainedError`, `WeightsError`, `ModelError.unknown` for an unknown `CNNZOO_MODEL`.
  public func choose(
    _ model: Model? = nil, weights path: String? = nil, limits: WeightLimits = WeightLimits()
  ) throws -> WeightChoice {
    if let path {
      let file = try WeightFile(path: path, limits: limits)
      if let model { return WeightChoice(model: model, file: file, warning: nil) }
      return try identify(file)
    }
    if let model = try model ?? defaultModel.map(ModelCatalog.model) {
      let file = try WeightFile(path: weights(of: model), limits: limits)
      return WeightChoice(model: model, file: file, warning: nil)
    }
    guard let best = installed().max(by: { $0.rank < $1.rank }) else {
      throw PretrainedError.nothingInstalled(folders: folders)
    }
    let accuracy = best.published?.accuracy.map { ", top-1 \($0.top1) %" } ?? ""
    return WeightChoice(
      model: best.model, file: try WeightFile(path: best.path, limits: limits),
      warning:
        "using \(best.published?.name ?? best.model.name)\(accuracy), the most accurate weights"
        + " installed; use --model or CNNZOO_MODEL to select others")
  }

  /// The model that a file contains weights of.
  private func identify(_ file: WeightFile) throws(PretrainedError) -> WeightChoice {
    if let model = try WeightInfo.statedModel(of: file) {
      return WeightChoice(model: model, file: file, warning: nil)
    }
    let sets = file.networkSets
    var matches: [(model: Model, match: ParameterMatch)] = []
    for model in ModelCatalog.models {
      for set in sets {
        if let match = ParameterMatch(set, as: model) { matches.append((model, match)) }
      }
    }
    let fitting = matches.filter { $0.match.mismatch.isEmpty }
    // A missing head is assumed only if no network fits with one.
    let complete = fitting.filter { $0.match.missingHead == nil }
    let candidates = ModelCatalog.models.filter { model in
      (complete.isEmpty ? fitting : complete).contains { $0.model.name == model.name }
    }
    if let name = defaultModel, let model = try? ModelCatalog.model(named: name),
      candidates.contains(where: { $0.name == model.name })
    {
      return WeightChoice(model: model, file: file, warning: nil)
    }
    guard let model = candidates.first, candidates.count == 1 else {
      let closest = matches.min { $0.match.differences < $1.match.differences }
      let details = closest.map { closest in
        let explained = MismatchDiagnosis(
          closest.match, of: closest.model, closest.model.defaultConfiguration
        ).explained
        return candidates.isEmpty ? "\(explained)" : ""
      }
      throw .unidentified(
        path: file.path, candidates: candidates.map(\.name),
        closest: closest?.model.name ?? "", details: details ?? "")
    }
    return WeightChoice(
      model: model, file: file,
      warning: "\(file.path) does not name its network; its tensors fit \(model.name)")
  }
}

extension WeightInfo {
  /// The model that a file's metadata, its name, or the `config.json` next to it specifies.
  ///
  /// `nil` if none of them does.
  ///
  /// - Throws: `PretrainedError.metadata` for a model that is not in the catalogue.
  static func statedModel(of file: WeightFile) throws(PretrainedError) -> Model? {
    if let name = file.metadata[Key.model.rawValue] {
      guard let model = try? ModelCatalog.model(named: name) else {
        throw .metadata(
          path: file.path, reason: "model is \"\(name.prefix(60))\", an unknown network")
      }
      return model
    }
    let names = possibleNames(of: file.path)
    for model in ModelCatalog.models {
      let set = model.published.first { names.contains($0.name) || names.contains($0.fileName) }
      let name = set?.name ?? ([model.name] + model.aliases).first { names.contains($0) }
      if let name { return try? ModelCatalog.model(named: name) }
    }
    guard ParameterNaming.detect(in: file.networkSets[0].names) == .timm,
      let hub = try HubConfiguration(beside: file.path)
    else { return nil }
    return [hub.setName, hub.architecture].lazy.compactMap { $0 }
      .compactMap { try? ModelCatalog.model(named: $0) }.first
  }
}

// MARK: - What is installed

extension WeightSearch {
  /// A weight file found by the search.
  struct Installed {
    let model: Model
    let path: String
    /// The published set in the file, if known.
    let published: PublishedWeights?

    /// Orders by published accuracy, then ImageNet's classes before others, then input size.
    var rank: (Double, Int, Int) {
      let hasUsualClasses = published.map { $0.classes <= Labels.imageNet.count + 1 } ?? true
      return (published?.accuracy?.top1 ?? 0, hasUsualClasses ? 1 : 0, model.evaluationSize)
    }
  }

  /// All weight files in the folders, in search order.
  func installed() -> [Installed] {
    folders.flatMap { folder in
      ModelCatalog.models.flatMap { model in
        candidates(of: model, in: folder).filter(isUsable).map { path in
          installed(model, path)
        }
      }
    }
  }

  /// Determines the published set in a file from its name or metadata.
  private func installed(_ model: Model, _ path: String) -> Installed {
    let name = path.split(separator: "/").last ?? ""
    var published = model.published.first { name.hasPrefix("\($0.fileName).") }
    if published == nil, let file = try? WeightFile(path: path) {
      let source = file.metadata[WeightInfo.Key.source.rawValue]
      published = model.published.first { $0.origin == source }
    }
    let chosen = published.flatMap { try? ModelCatalog.model(named: $0.name) }
    return Installed(model: chosen ?? model, path: path, published: published)
  }
}
