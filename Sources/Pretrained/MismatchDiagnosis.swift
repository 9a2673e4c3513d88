import GraphIR
import Inference
import ModelZoo
import Weights

/// Why the tensors of a file do not fit a network.
struct MismatchDiagnosis {
  private let match: ParameterMatch
  private let model: Model
  private let configuration: ModelConfiguration

  /// - Parameter configuration: The variant that the tensors were compared with.
  init(_ match: ParameterMatch, of model: Model, _ configuration: ModelConfiguration) {
    (self.match, self.model, self.configuration) = (match, model, configuration)
  }

  /// The mismatch with its likely cause.
  var explained: ParameterMismatch {
    var mismatch = match.mismatch
    mismatch.cause = cause
    return mismatch
  }

  private var mismatch: ParameterMismatch { match.mismatch }

  private var cause: String? {
    quantisation ?? classCount ?? otherNetwork ?? lostPrefix ?? otherHead ?? unrelated
  }

  /// Elements that are integers.
  private var quantisation: String? {
    guard !mismatch.retyped.isEmpty else { return nil }
    return
      "the weights are quantised (\(mismatch.retyped[0].found.rawValue)); use the float model's"
      + " weights, from before quantisation. To compute in 8 bits, use --precision int8"
  }

  /// Only the classifier has another shape.
  private var classCount: String? {
    let naming = ParameterNaming.detect(in: match.set.names)
    let classifier = match.set.prefix + model.classifierName(in: naming) + "."
    guard let found = mismatch.reshaped.first(where: { $0.name.hasPrefix(classifier) }),
      mismatch.count == mismatch.reshaped.count,
      mismatch.reshaped.allSatisfy({ $0.name.hasPrefix(classifier) }),
      let classes = found.found.first
    else { return nil }
    return
      "the file has \(classes) classes, not \(configuration.classes); pass --classes \(classes),"
      + " or leave the number to the file"
  }

  /// The network, or its variant, whose tensors these are.
  private var otherNetwork: String? {
    for other in ModelCatalog.models {
      for (options, change) in Self.variants(of: other) {
        guard let found = ParameterMatch(match.set, as: other, change), found.mismatch.isEmpty
        else {
          continue
        }
        let name = other.name == model.name ? "" : "--model \(other.name)"
        let advice = [name, options].filter { !$0.isEmpty }.joined(separator: " ")
        guard !advice.isEmpty else { continue }
        return "the tensors are those of \(other.name)"
          + (options.isEmpty ? "" : ", as a variant") + "; pass \(advice)"
      }
    }
    return nil
  }

  /// Usual variants of MobileNetV3, with the options that select them.
  private static func variants(
    of model: Model
  ) -> [(options: String, change: (inout ModelConfiguration) -> Void)] {
    var variants: [(String, (inout ModelConfiguration) -> Void)] = [("", { _ in })]
    guard model.family == .mobileNetV3 else { return variants }
    for multiplier in [1, 0.25, 0.35, 0.5, 0.75, 1.25, 1.5, 2] {
      for reduced in [false, true] where multiplier != 1 || reduced {
        let options = [
          multiplier == 1 ? nil : "--width-multiplier \(multiplier)",
          reduced ? "--reduced-tail" : nil,
        ]
        variants.append(
          (
            options.compactMap(\.self).joined(separator: " "),
            { ($0.widthMultiplier, $0.reducedTail) = (multiplier, reduced) }
          ))
      }
    }
    return variants
  }

  /// The names begin later than the network's, as those of a part of it do.
  private var lostPrefix: String? {
    guard let graph = try? model.graph(configuration) else { return nil }
    let names = Set(match.set.names)
    // Without the stem, the naming is unknown.
    for naming in ParameterNaming.allCases {
      let expected = model.fileNames(of: graph, in: naming).values
      for prefix in Set(expected.compactMap { $0.split(separator: ".").first }).sorted() {
        let inside = expected.filter { $0.hasPrefix("\(prefix).") }
        let found = inside.count { names.contains(String($0.dropFirst(prefix.count + 1))) }
        guard found > 4, found > inside.count * 3 / 4 else { continue }
        return
          "the names lack the prefix \"\(prefix).\": only a part of the network was saved; save"
          + " the state dict of the whole network"
      }
    }
    return nil
  }

  /// Everything up to the head fits, and something else follows.
  private var otherHead: String? {
    let body = mismatch.reshaped.isEmpty && mismatch.missing.isEmpty
    guard body, match.missingHead != nil, let other = mismatch.superfluous.first else { return nil }
    return "the network's classifier is missing, and the file has another head (\(other.name));"
      + " without it, the weights work with embed, similar and train"
  }

  /// Nothing fits.
  private var unrelated: String? {
    // Some names, such as `bn1.weight`, are everywhere.
    guard match.tensors.count < mismatch.missing.count / 10 else { return nil }
    let names = match.set.file.names.prefix(3).joined(separator: ", ")
    return "another architecture: the file's names (\(names), …) are not the network's"
  }
}

extension ParameterMatch {
  /// Compares a set of tensors with a network as the file describes it; `nil` if the description is
  /// invalid.
  init?(
    _ set: TensorSet, as model: Model, _ change: (inout ModelConfiguration) -> Void = { _ in }
  ) {
    guard let info = try? WeightInfo(of: set, as: model) else { return nil }
    var configuration = info.configuration
    change(&configuration)
    guard let graph = try? model.graph(configuration) else { return nil }
    self.init(set, graph: graph, names: model.fileNames(of: graph, in: info.naming))
  }
}
