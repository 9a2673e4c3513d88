/// Why it cannot be decided which weights to use, or how.
public enum PretrainedError: Error, Equatable, Sendable {
  /// None of the folders has weights of the model; `advice` says how to get them.
  case weightsNotFound(model: String, folders: [String], advice: String)
  /// No weights of any model are installed.
  case nothingInstalled(folders: [String])
  /// The file does not say which network it holds, and its tensors do not tell either.
  case unidentified(path: String, candidates: [String], closest: String)
  /// The file says that it holds another model.
  case otherModel(path: String, expected: String, found: String)
  /// The file's metadata, or the `config.json` beside it, is invalid.
  case metadata(path: String, reason: String)
  /// The preprocessing asked for is impossible.
  case preprocessing(reason: String)
}

extension PretrainedError: CustomStringConvertible {
  /// What is wrong and what to do: several lines if weights are missing, otherwise one.
  public var description: String {
    switch self {
    case .weightsNotFound(let model, let folders, let advice):
      "no weights of \(model) in \(folders.joined(separator: ", "))\n\(advice)"
    case .nothingInstalled(let folders):
      "no weights in \(folders.joined(separator: ", "))\n"
        + "to download some,\n  cnnzoo pull effnetv2-s\nor pass a file with --weights"
    case .unidentified(let path, let candidates, let closest):
      candidates.isEmpty
        ? "\(path): not the weights of a known network (the closest is \(closest)); pass --model"
        : "\(path): fits several networks (\(candidates.joined(separator: ", "))); pass --model"
    case .otherModel(let path, let expected, let found):
      "\(path): the file holds \(found), not \(expected); select that model"
    case .metadata(let path, let reason): "\(path): invalid metadata: \(reason)"
    case .preprocessing(let reason): reason
    }
  }
}

/// What can go wrong with the cache of weights.
public enum CacheError: Error, Equatable, Sendable {
  /// The user has no home directory, and the environment names no folder.
  case noFolder
  /// The folder cannot be created.
  case cannotCreate(path: String, reason: String)
  /// The folder or a file in it cannot be read.
  case unreadable(path: String, reason: String)
  /// The folder has no file of this name.
  case absent(name: String, folder: String)
  /// A symbolic link leads out of the folder.
  case leadsOut(path: String)
  /// No file of the cache can have this name.
  case badName(String)
  /// A file cannot be removed.
  case cannotRemove(path: String, reason: String)
  /// The publisher gives no hash of these weights, so they could not be verified.
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
      "\(path): not following a link that leads out of the cache; `cnnzoo rm` removes it"
    case .badName(let name):
      "\"\(name)\" cannot name a file in the cache; use letters, digits and ._-+"
    case .cannotRemove(let path, let reason): "\(path): cannot be removed: \(reason)"
    case .noHash(let weights):
      "\(weights): its publisher gives no SHA-256, so it could not be verified; pass --sha256"
    }
  }
}
