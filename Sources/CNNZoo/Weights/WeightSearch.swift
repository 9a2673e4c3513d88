import Glibc

/// Finds the weight file of a model where none was given.
public struct WeightSearch: Sendable {
  /// The folders that are looked into, in this order.
  public let folders: [String]
  /// The one of them whose links must not lead out of it.
  private let cache: String?

  /// A search of the given folders and then, where there is one, of a cache.
  public init(folders: [String], cache: String? = nil) {
    self.folders = folders + [cache].compactMap(\.self)
    self.cache = cache
  }

  /// The usual search: `weights` beside the package that the executable was built in, then the
  /// user's cache.
  public static func standard(
    executable: String? = executablePath(), user: UserFolders = UserFolders()
  ) -> WeightSearch {
    let package = executable.flatMap(packageFolder(of:)).map { "\($0)/weights" }
    return WeightSearch(folders: [package].compactMap(\.self), cache: user.cache)
  }

  /// The file that holds weights of `model`: `NAME.safetensors` or `NAME.pth`, where the name is the
  /// model's, or that of its weights at their publisher.
  ///
  /// - Throws: `ClassifierError.weightsNotFound`, which says how to get them.
  public func weights(of model: Model) throws(ClassifierError) -> String {
    for folder in folders {
      for name in [model.name] + model.published.map(\.fileName) {
        for ending in ["safetensors", "pth"] {
          let path = "\(folder)/\(name).\(ending)"
          if isFile(path), folder != cache || WeightCache.contains(path, in: folder) {
            return path
          }
        }
      }
    }
    throw .weightsNotFound(
      model: model.name, folders: folders,
      advice: model.adviceOnWeights(target: folders.first ?? "."))
  }

  /// The real path of the running executable.
  public static func executablePath() -> String? {
    guard let path = realpath("/proc/self/exe", nil) else { return nil }
    defer { free(path) }
    return String(cString: path)
  }

  /// The nearest folder above `path` that holds a Swift package.
  private static func packageFolder(of path: String) -> String? {
    var folder = path[...]
    while let slash = folder.lastIndex(of: "/") {
      folder = folder[..<slash]
      if isFile("\(folder)/Package.swift") { return String(folder) }
    }
    return nil
  }
}

/// Whether there is something other than a folder under this path.
private func isFile(_ path: String) -> Bool {
  var status = stat()
  return stat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFDIR
}

extension Model {
  /// What to do to have weights of this model, where a file could also lie in the folder `target`.
  func adviceOnWeights(target: String) -> String {
    let own = """
      or convert a file that you have,
        cnnzoo convert FILE \(target)/\(name).safetensors --model \(name)
      or name one with --weights
      """
    guard let weights = published.first(where: { $0.sha256 != nil }) else {
      return String(own.dropFirst("or ".count))
    }
    return "to fetch them (\(weights.origin)),\n  cnnzoo pull \(pullName(of: weights))\n" + own
  }

  /// The shortest name under which `pull` gets one of the published weights.
  private func pullName(of weights: PublishedWeights) -> String {
    weights == (try? ModelCatalog.model(named: name))?.published.first ? name : weights.name
  }
}
