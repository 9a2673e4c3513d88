import Download
import Glibc

/// The folder of weights that were pulled.
///
/// It is flat: `NAME.safetensors` beside its record `NAME.safetensors.sha256`, which `sha256sum -c`
/// reads too. Names that begin with a dot are downloads under way and what is left of them.
public struct WeightCache: Sendable {
  /// Where it lies; it need not exist.
  public let folder: String

  /// A file of the cache.
  public struct Entry: Equatable, Sendable {
    /// Its name in the folder.
    public let name: String
    /// Where it lies.
    public let path: String
    /// Its size in bytes.
    public let byteCount: Int
  }

  /// The cache in a folder.
  public init(folder: String) {
    self.folder = folder
  }

  /// The user's cache.
  ///
  /// - Throws: `CacheError.noFolder`.
  public static func standard(user: UserFolders = UserFolders()) throws(CacheError) -> WeightCache {
    guard let folder = user.cache else { throw .noFolder }
    return WeightCache(folder: folder)
  }

  /// All files, by name; links that lead out are not among them.
  ///
  /// - Throws: `CacheError.unreadable`; a folder that does not exist is empty.
  public func entries() throws(CacheError) -> [Entry] {
    var status = stat()
    guard stat(folder, &status) == 0 else {
      if errno == ENOENT { return [] }
      throw .unreadable(path: folder, reason: String(cString: strerror(errno)))
    }
    guard status.st_mode & S_IFMT == S_IFDIR, access(folder, R_OK | X_OK) == 0 else {
      let isFolder = status.st_mode & S_IFMT == S_IFDIR
      let reason = isFolder ? String(cString: strerror(errno)) : "is not a folder"
      throw .unreadable(path: folder, reason: reason)
    }
    return FolderNames.all(in: folder).compactMap { name in
      name.hasSuffix(CacheRecord.ending) ? nil : try? entry(named: name)
    }
  }

  /// The file called `name`.
  ///
  /// - Throws: `CacheError.absent`, `.leadsOut`, `.badName`.
  public func entry(named name: String) throws(CacheError) -> Entry {
    let path = try path(of: name)
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw .absent(name: name, folder: folder)
    }
    guard Self.contains(path, in: folder) else { throw .leadsOut(path: path) }
    return Entry(name: name, path: path, byteCount: Int(status.st_size))
  }

  /// The files meant by `name`: that of this name, or all weights of the model called so.
  ///
  /// - Throws: `CacheError.absent`, `.leadsOut`, `.badName`.
  public func entries(called name: String) throws(CacheError) -> [Entry] {
    do {
      return [try entry(named: name)]
    } catch {
      guard let model = try? ModelCatalog.model(named: name) else { throw error }
      let lowercased = name.lowercased()
      let set = model.published.first { $0.name.lowercased() == lowercased }
      let names = set.map { [$0.fileName] } ?? [model.name] + model.published.map(\.fileName)
      let found = names.flatMap { ["\($0).safetensors", "\($0).pth"] }
        .compactMap { try? entry(named: $0) }
      guard !found.isEmpty else { throw .absent(name: name, folder: folder) }
      return found
    }
  }

  /// Removes a file or a link, not what it leads to, and its record.
  ///
  /// - Throws: `CacheError.absent`, `.cannotRemove`, `.badName`.
  public func remove(named name: String) throws(CacheError) {
    let path = try path(of: name)
    guard unlink(path) == 0 else {
      if errno == ENOENT { throw .absent(name: name, folder: folder) }
      throw .cannotRemove(path: path, reason: String(cString: strerror(errno)))
    }
    unlink(path + CacheRecord.ending)
    synchronizeFolder(folder)
  }

  /// Creates the folder, and those above it, where they are missing.
  ///
  /// - Throws: `CacheError.cannotCreate`.
  func create() throws(CacheError) {
    var failure: Int32 = 0
    for end in folder.utf8.indices.dropFirst() + [folder.utf8.endIndex]
    where end == folder.utf8.endIndex || folder.utf8[end] == UInt8(ascii: "/") {
      // A folder above need not be one that can be written to.
      failure = mkdir(String(folder[..<end]), 0o777) == 0 ? 0 : errno
    }
    var status = stat()
    if stat(folder, &status) == 0 {
      if status.st_mode & S_IFMT == S_IFDIR { return }
      failure = ENOTDIR
    } else if failure == 0 || failure == EEXIST {
      failure = errno
    }
    throw .cannotCreate(path: folder, reason: String(cString: strerror(failure)))
  }

  /// Removes what processes that were killed have left of weights: from an hour on, or a week where
  /// a download can still go on from it.
  func sweep() {
    let now = time(nil)
    for name in FolderNames.all(in: folder) {
      let age: Int
      switch name {
      case _ where name.hasPrefix(Self.temporaryPrefix): age = 60 * 60
      case _ where name.hasPrefix(".") && name.hasSuffix(".part"): age = 7 * 24 * 60 * 60
      default: continue
      }
      let path = "\(folder)/\(name)"
      var status = stat()
      guard lstat(path, &status) == 0, status.st_mtim.tv_sec < now - age else { continue }
      TemporaryFolder.remove(path)
    }
  }

  /// How the names of files begin that are of use to the process only that made them; files that
  /// `SafetensorsWriter` has not finished are called so too.
  static let temporaryPrefix = ".cnnzoo-"

  /// A name for such a file.
  func temporaryPath() -> String {
    "\(folder)/\(Self.temporaryPrefix)\(String(UInt64.random(in: .min ... .max), radix: 16)).tmp"
  }

  /// `name` with other characters than a file's name in the cache can have replaced.
  static func plainName(_ name: String) -> String {
    let plain = String(
      String.UnicodeScalarView(
        name.unicodeScalars.map { scalar in
          scalar.isASCII && isPlain(UInt8(scalar.value)) ? scalar : "_"
        }))
    return plain.first.map { "-.".contains($0) } ?? true ? "file" + plain : plain
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
      || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "._-+".utf8.contains(byte)
  }

  /// Where a file called `name` lies.
  ///
  /// - Throws: `CacheError.badName`: a name stays in the folder, shows in listings, and is no record.
  func path(of name: String) throws(CacheError) -> String {
    guard name.utf8.allSatisfy(Self.isPlain), (1...200).contains(name.utf8.count),
      !name.hasPrefix("."),
      !name.hasPrefix("-"), !name.hasSuffix(CacheRecord.ending)
    else { throw .badName(name) }
    return "\(folder)/\(name)"
  }

  /// Whether a path, after all links in it, is in a folder, after all links in that.
  static func contains(_ path: String, in folder: String) -> Bool {
    guard let path = realPath(path), let folder = realPath(folder) else { return false }
    return path.hasPrefix(folder.hasSuffix("/") ? folder : folder + "/")
  }

  private static func realPath(_ path: String) -> String? {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
  }
}
