/// What can go wrong with the cache of weights.
public enum CacheError: Error, Equatable, Sendable {
  /// The user has no home, and the environment names no folder.
  case noFolder
  /// The folder cannot be created.
  case cannotCreate(path: String, reason: String)
  /// The folder or a file in it cannot be read.
  case unreadable(path: String, reason: String)
  /// Nothing in the folder is called so.
  case absent(name: String, folder: String)
  /// A symbolic link leads out of the folder.
  case leadsOut(path: String)
  /// A name that no file of the cache can have.
  case badName(String)
  /// A file cannot be removed.
  case cannotRemove(path: String, reason: String)
  /// The publisher tells no hash of these weights, so that they could not be checked.
  case noHash(weights: String)
}

extension CacheError: CustomStringConvertible {
  /// One line: what is wrong, where, and what to do.
  public var description: String {
    switch self {
    case .noFolder:
      "there is no folder for weights: set CNNZOO_CACHE to one, or HOME"
    case .cannotCreate(let path, let reason):
      "\(path): the cache cannot be created: \(reason); CNNZOO_CACHE names another folder"
    case .unreadable(let path, let reason): "\(path): cannot be read: \(reason)"
    case .absent(let name, let folder):
      "\(name): no weights called so are in \(folder); see `cnnzoo list`"
    case .leadsOut(let path):
      "\(path): a link that leads out of the cache is not followed; `cnnzoo rm` removes it"
    case .badName(let name):
      "\"\(name)\" cannot be a file's name in the cache; letters, digits and ._-+ can be in it"
    case .cannotRemove(let path, let reason): "\(path): cannot be removed: \(reason)"
    case .noHash(let weights):
      "\(weights): its publisher tells no SHA-256, so that it could not be checked; give --sha256"
    }
  }
}
