import Glibc
import ModelZoo

/// Finds a model's weight file when none is given.
public struct WeightSearch: Sendable {
  /// The folders to search, in order.
  public let folders: [String]
  /// The name of the model to use if the caller gives none: the value of `CNNZOO_MODEL`.
  public let defaultModel: String?
  /// The folder that links must not lead out of.
  private let cache: String?

  /// A search of `folders`, then of `cache`, then of `system`.
  public init(
    folders: [String], cache: String? = nil, system: String? = nil, defaultModel: String? = nil
  ) {
    self.folders = folders + [cache, system].compactMap(\.self)
    self.cache = cache
    self.defaultModel = defaultModel
  }

  /// The standard search.
  ///
  /// It covers `weights` in the package that the executable was built in, the user's cache, and the
  /// folder of weights installed with the executable, such as `/usr/share/cnnzoo`.
  public static func standard(
    executable: String? = executablePath(), user: UserFolders = UserFolders()
  ) -> WeightSearch {
    let package = executable.flatMap(packageFolder(of:)).map { "\($0)/weights" }
    return WeightSearch(
      folders: [package].compactMap(\.self), cache: user.cache,
      system: executable.flatMap(installedFolder(of:)) ?? "/usr/share/cnnzoo",
      defaultModel: user.defaultModel)
  }

  /// The file with weights of `model`.
  ///
  /// It is called `NAME.safetensors` or `NAME.pth`, where `NAME` is the name of the model or of its
  /// published file.
  ///
  /// - Throws: `PretrainedError.weightsNotFound`, which says how to get the weights.
  public func weights(of model: Model) throws(PretrainedError) -> String {
    for folder in folders {
      if let path = candidates(of: model, in: folder).first(where: isUsable) { return path }
    }
    throw .weightsNotFound(
      model: model.name, folders: folders,
      advice: model.adviceOnWeights(target: folders.first ?? "."))
  }

  /// The paths that weights of `model` can have in a folder, in order of preference.
  func candidates(of model: Model, in folder: String) -> [String] {
    ([model.name] + model.published.map(\.fileName)).flatMap { name in
      ["safetensors", "pth"].map { "\(folder)/\(name).\($0)" }
    }
  }

  /// Whether there is a file at this path, not counting links that lead out of the cache.
  func isUsable(_ path: String) -> Bool {
    guard isFile(path) else { return false }
    guard let cache, path.hasPrefix(cache + "/") else { return true }
    return WeightCache.contains(path, in: cache)
  }

  /// The real path of the running executable.
  public static func executablePath() -> String? {
    guard let path = realpath("/proc/self/exe", nil) else { return nil }
    defer { free(path) }
    return String(cString: path)
  }

  /// The nearest folder above `path` that contains a Swift package.
  private static func packageFolder(of path: String) -> String? {
    var folder = path[...]
    while let slash = folder.lastIndex(of: "/") {
      folder = folder[..<slash]
      if isFile("\(folder)/Package.swift") { return String(folder) }
    }
    return nil
  }
}

extension WeightSearch {
  /// `share/cnnzoo` next to the executable's `bin` folder.
  private static func installedFolder(of executable: String) -> String? {
    let parts = executable.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count >= 3, parts[parts.count - 2] == "bin" else { return nil }
    return (parts.dropLast(2) + ["share", "cnnzoo"]).joined(separator: "/")
  }
}

/// Whether there is something other than a folder at this path.
private func isFile(_ path: String) -> Bool {
  var status = stat()
  return stat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFDIR
}

extension Model {
  /// How to get weights of this model; `target` is the folder for a converted file.
  func adviceOnWeights(target: String) -> String {
    let own = """
      or convert your own file:
        cnnzoo convert FILE \(target)/\(name).safetensors --model \(name)
      or pass one with --weights
      """
    guard let weights = published.first(where: { $0.sha256 != nil }) else {
      return String(own.dropFirst("or ".count))
    }
    return "to download them (\(weights.origin)):\n  cnnzoo pull \(pullName(of: weights))\n" + own
  }

  /// The shortest name that `pull` accepts for one of the published sets.
  private func pullName(of weights: PublishedWeights) -> String {
    weights == (try? ModelCatalog.model(named: name))?.published.first ? name : weights.name
  }
}

/// The user's folders and choices, according to the environment.
public struct UserFolders: Sendable {
  /// Returns the value of an environment variable; `nil` if it is unset.
  public typealias Environment = (String) -> String?

  /// The folder of cached weights; `nil` if the user has no home directory.
  public let cache: String?
  /// The value of `CNNZOO_MODEL`, the model to use if none is given.
  public let defaultModel: String?

  /// Reads the environment.
  ///
  /// The cache is `CNNZOO_CACHE`, else `cnnzoo` in `XDG_CACHE_HOME`, else `.cache/cnnzoo` in the
  /// home directory, which comes from the password database if `HOME` is unset. Empty values count
  /// as unset, and so does a relative `XDG_CACHE_HOME`, as its specification requires
  /// (https://specifications.freedesktop.org/basedir-spec/).
  public init(environment: Environment = UserFolders.variable) {
    func value(_ name: String) -> String? {
      environment(name).flatMap { $0.isEmpty ? nil : $0 }
    }
    defaultModel = value("CNNZOO_MODEL")
    if let own = value("CNNZOO_CACHE") {
      cache = own
    } else if let base = value("XDG_CACHE_HOME"), base.hasPrefix("/") {
      cache = "\(base)/cnnzoo"
    } else {
      cache = (value("HOME") ?? Self.homeInPasswordDatabase()).map { "\($0)/.cache/cnnzoo" }
    }
  }

  /// A variable of this process's environment.
  public static func variable(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }

  private static func homeInPasswordDatabase() -> String? {
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16 << 10) { buffer in
      guard let base = buffer.baseAddress,
        getpwuid_r(getuid(), &entry, base, buffer.count, &found) == 0,
        found != nil, let home = entry.pw_dir, home.pointee != 0
      else { return nil }
      return String(cString: home)
    }
  }
}
