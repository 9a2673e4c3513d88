/// Why a network with its weights could not be set up or did not answer.
public enum ClassifierError: Error, Equatable, Sendable {
  /// No weight file of the model lies in any of the folders; `advice` says how to get one.
  case weightsNotFound(model: String, folders: [String], advice: String)
  /// The weight file says that it belongs to another model.
  case otherModel(path: String, expected: String, found: String)
  /// The weight file's metadata hold something that cannot be.
  case metadata(path: String, reason: String)
  /// A recipe that cannot be was asked for.
  case recipe(reason: String)
  /// A logit is NaN or infinite: the weights or the input are damaged; `layer` is the first whose
  /// output is not finite, where it is known.
  case nonFiniteLogit(index: Int, layer: String? = nil)
}

extension ClassifierError: CustomStringConvertible {
  /// What is wrong and what to do; several lines where weights are missing, otherwise one.
  public var description: String {
    switch self {
    case .weightsNotFound(let model, let folders, let advice):
      "there are no weights of \(model) in \(folders.joined(separator: ", "))\n\(advice)"
    case .otherModel(let path, let expected, let found):
      "\(path): the file says that it holds \(found), not \(expected); ask for that model"
    case .metadata(let path, let reason):
      "\(path): the file's metadata are not valid: \(reason)"
    case .recipe(let reason): reason
    case .nonFiniteLogit(let index, let layer):
      "the logit of class \(index) is not a finite number"
        + (layer.map { ", nor is the output of \($0)" } ?? "")
        + "; the weights or the input are damaged"
    }
  }
}
