import Download
import Glibc
import Host
import ModelZoo

/// The folder of pulled weights.
///
/// It is flat: `NAME.safetensors` next to its record `NAME.safetensors.sha256`, which `sha256sum
/// -c` can read too. Names with a leading dot are downloads in progress or aborted.
public struct WeightCache: Sendable {
  /// The path of the folder, which need not exist.
  public let folder: String

  /// A file in the cache.
  public struct Entry: Equatable, Sendable {
    /// The file's name in the folder.
    public let name: String
    /// The file's path.
    public let path: String
    /// The file's size in bytes.
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

  /// All files by name, except links that lead out of the cache.
  ///
  /// - Throws: `CacheError.unreadable`. A folder that does not exist is empty.
  public func entries() throws(CacheError) -> [Entry] {
    var status = stat()
    guard stat(folder, &status) == 0 else {
      if errno == ENOENT { return [] }
      throw .unreadable(path: folder, reason: systemMessage())
    }
    guard status.st_mode & S_IFMT == S_IFDIR, access(folder, R_OK | X_OK) == 0 else {
      let isFolder = status.st_mode & S_IFMT == S_IFDIR
      let reason = isFolder ? systemMessage() : "is not a folder"
      throw .unreadable(path: folder, reason: reason)
    }
    return FilePath.names(in: folder).compactMap { name in
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

  /// The files that `name` selects: the file of that name, or all weights of the model.
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

  /// Removes a file and its record; for a link, only the link itself.
  ///
  /// - Throws: `CacheError.absent`, `.cannotRemove`, `.badName`.
  public func remove(named name: String) throws(CacheError) {
    let path = try path(of: name)
    guard unlink(path) == 0 else {
      if errno == ENOENT { throw .absent(name: name, folder: folder) }
      throw .cannotRemove(path: path, reason: systemMessage())
    }
    unlink(path + CacheRecord.ending)
    Files.synchronize(directory: folder)
  }

  /// Creates the folder and any missing parents.
  ///
  /// - Throws: `CacheError.cannotCreate`.
  func create() throws(CacheError) {
    var failure: Int32 = 0
    for end in folder.utf8.indices.dropFirst() + [folder.utf8.endIndex]
    where end == folder.utf8.endIndex || folder.utf8[end] == UInt8(ascii: "/") {
      // Existing parents may be read-only.
      failure = mkdir(String(folder[..<end]), 0o777) == 0 ? 0 : errno
    }
    var status = stat()
    if stat(folder, &status) == 0 {
      if status.st_mode & S_IFMT == S_IFDIR { return }
      failure = ENOTDIR
    } else if failure == 0 || failure == EEXIST {
      failure = errno
    }
    throw .cannotCreate(path: folder, reason: systemMessage(failure))
  }

  /// Removes the files that killed processes left behind.
  ///
  /// They are kept for an hour, or for a week if the download can still be resumed.
  func sweep() {
    let now = time(nil)
    for name in FilePath.names(in: folder) {
      let age: Int
      switch name {
      case _ where name.hasPrefix(Self.temporaryPrefix): age = 60 * 60
      case _ where name.hasPrefix(".") && name.hasSuffix(".part"): age = 7 * 24 * 60 * 60
      default: continue
      }
      let path = "\(folder)/\(name)"
      var status = stat()
      guard lstat(path, &status) == 0, status.st_mtim.tv_sec < now - age else { continue }
      Files.removeTree(path)
    }
  }

  /// The prefix of temporary files, including those of `AtomicFile`.
  static let temporaryPrefix = ".cnnzoo-"

  /// A path for a temporary file.
  func temporaryPath() -> String {
    "\(folder)/\(Self.temporaryPrefix)\(String(UInt64.random(in: .min ... .max), radix: 16)).tmp"
  }

  /// `name` with invalid characters for a file in the cache replaced.
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

  /// The path of the file called `name`.
  ///
  /// - Throws: `CacheError.badName` for names of hidden files, records, or files outside the
  ///   folder.
  func path(of name: String) throws(CacheError) -> String {
    guard name.utf8.allSatisfy(Self.isPlain), (1...200).contains(name.utf8.count),
      !name.hasPrefix("."),
      !name.hasPrefix("-"), !name.hasSuffix(CacheRecord.ending)
    else { throw .badName(name) }
    return "\(folder)/\(name)"
  }

  /// Whether a path is inside a folder, after resolving all links in both.
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

/// The hash of a file at the time it was pulled, stored next to it.
enum CacheRecord {
  static let ending = ".sha256"

  /// The recorded SHA-256; `nil` if there is no record.
  ///
  /// - Throws: `CacheError.unreadable` for a malformed record.
  static func sha256(of entry: WeightCache.Entry) throws(CacheError) -> String? {
    let path = entry.path + ending
    var status = stat()
    if lstat(path, &status) != 0, errno == ENOENT { return nil }
    let bytes: [UInt8]
    do throws(FileError) {
      bytes = try Files.read(path, limit: 512, flags: O_NOFOLLOW | O_NONBLOCK)
    } catch {
      throw .unreadable(path: path, reason: error.reason)
    }
    let text = String(decoding: bytes, as: UTF8.self)
    let digits = String(text.prefix(64))
    guard let hash = ExpectedHash(digits), hash.isComplete, text == line(digits, entry.name) else {
      throw .unreadable(
        path: path, reason: "not in the format of sha256sum; pull the weights again")
    }
    return hash.digits
  }

  /// Records the hash of the file `name` in a cache.
  ///
  /// - Throws: `FileError.cannotCreate`, `.cannotWrite`.
  static func write(_ sha256: String, of name: String, in cache: WeightCache) throws(FileError) {
    try AtomicFile.write(Array(line(sha256, name).utf8), to: "\(cache.folder)/\(name)\(ending)")
  }

  private static func line(_ sha256: String, _ name: String) -> String { "\(sha256)  \(name)\n" }
}

extension WeightCache {
  /// The result of comparing a file with its record.
  public enum Verification: Equatable, Sendable {
    /// The file is unchanged.
    case good(sha256: String)
    /// The file differs from the pulled one.
    case changed(expected: String, found: String)
    /// The file was not pulled, so it has no recorded hash.
    case unrecorded(sha256: String)
  }

  /// Reads a whole file and compares it with its record.
  ///
  /// - Throws: `CacheError.unreadable`, `DownloadError.missingTool`.
  public func verify(_ entry: Entry) throws -> Verification {
    let found: String
    do {
      found = try SHA256.digits(ofFile: entry.path)
    } catch .cannotRead(let path, let reason) {
      throw CacheError.unreadable(path: path, reason: reason)
    }
    guard let expected = try CacheRecord.sha256(of: entry) else {
      return .unrecorded(sha256: found)
    }
    return found == expected
      ? .good(sha256: found) : .changed(expected: expected, found: found)
  }
}
