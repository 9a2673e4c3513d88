/// Why the weights to use, or how to use them, cannot be determined.
public enum PretrainedError: Error, Equatable, Sendable {
  /// None of the folders contains weights of the model; `advice` says how to get them.
  case weightsNotFound(model: String, folders: [String], advice: String)
  /// No weights of any model are installed.
  case nothingInstalled(folders: [String])
  /// Neither the file's metadata nor its tensors identify a network.
  ///
  /// `details` lists what differs from the closest one.
  case unidentified(path: String, candidates: [String], closest: String, details: String)
  /// The file contains only averages of weights, which are not wanted.
  case onlyAverages(path: String, place: String)
  /// The weights end before the classifier.
  case noClassifier(path: String, model: String)
  /// The file is for another model.
  case otherModel(path: String, expected: String, found: String)
  /// The file's metadata, or the `config.json` next to it, is invalid.
  case metadata(path: String, reason: String)
  /// The requested preprocessing is invalid.
  case preprocessing(reason: String)
}

extension PretrainedError: CustomStringConvertible {
  /// What is wrong and what to do; several lines if weights are missing, otherwise one.
  public var description: String {
    switch self {
    case .weightsNotFound(let model, let folders, let advice):
      "no weights for \(model) in \(folders.joined(separator: ", "))\n\(advice)"
    case .nothingInstalled(let folders):
      "no weights in \(folders.joined(separator: ", "))\n"
        + "to download some:\n  cnnzoo pull effnetv2-s\nor pass a file with --weights"
    case .unidentified(let path, let candidates, let closest, let details):
      candidates.isEmpty
        ? "\(path): not the weights of a known network (closest match: \(closest)); pass --model"
          + (details.isEmpty ? "" : "\n\(details)")
        : "\(path): fits several networks (\(candidates.joined(separator: ", "))); pass --model"
    case .onlyAverages(let path, let place):
      "\(path): contains only averaged weights (\(place)); omit --no-ema to use them"
    case .noClassifier(let path, let model):
      "\(path): weights of \(model) without a classifier, which give features but no classes; use"
        + " `embed` or `similar`, or `train` to add a classifier for your classes"
    case .otherModel(let path, let expected, let found):
      "\(path): contains weights of \(found), not \(expected); select that model"
    case .metadata(let path, let reason): "\(path): invalid metadata: \(reason)"
    case .preprocessing(let reason): reason
    }
  }
}

/// Errors of the weight cache.
public enum CacheError: Error, Equatable, Sendable {
  /// The user has no home directory, and the environment specifies no folder.
  case noFolder
  /// The folder cannot be created.
  case cannotCreate(path: String, reason: String)
  /// The folder or a file in it cannot be read.
  case unreadable(path: String, reason: String)
  /// The folder has no file with this name.
  case absent(name: String, folder: String)
  /// A symbolic link leads out of the folder.
  case leadsOut(path: String)
  /// No file in the cache can have this name.
  case badName(String)
  /// A file cannot be removed.
  case cannotRemove(path: String, reason: String)
  /// The publisher provides no hash of these weights, so they cannot be verified.
  case noHash(weights: String)
}

extension CacheError: CustomStringConvertible {
  /// One line: what is wrong, where, and what to do.
  public var description: String {
    switch self {
    case .noFolder: "no folder for weights: set CNNZOO_CACHE or HOME"
    case .cannotCreate(let path, let reason):
      "\(path): cannot create the cache: \(reason); set CNNZOO_CACHE to use another folder"
    case .unreadable(let path, let reason): "\(path): cannot be read: \(reason)"
    case .absent(let name, let folder):
      "\(name): no weights of that name in \(folder); see `cnnzoo list`"
    case .leadsOut(let path):
      "\(path): refusing to follow a link that leads out of the cache; `cnnzoo rm` removes it"
    case .badName(let name):
      "\"\(name)\" is not a valid name for a file in the cache; use letters, digits and ._-+"
    case .cannotRemove(let path, let reason): "\(path): cannot be removed: \(reason)"
    case .noHash(let weights):
      "\(weights): the publisher provides no SHA-256 to verify the download; pass --sha256"
    }
  }
}
