import Download
import Glibc

/// The hash that a file of the cache had when it was put there, in a file of its own.
enum CacheRecord {
  static let ending = ".sha256"

  /// The recorded SHA-256; `nil` where there is no record.
  ///
  /// - Throws: `CacheError.unreadable` for a record that is none.
  static func sha256(of entry: WeightCache.Entry) throws(CacheError) -> String? {
    let path = entry.path + ending
    let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw .unreadable(path: path, reason: String(cString: strerror(errno)))
    }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 512)
    let count = read(descriptor, &bytes, bytes.count)
    let text = String(decoding: bytes[..<max(0, count)], as: UTF8.self)
    let digits = String(text.prefix(64))
    guard let hash = ExpectedHash(digits), hash.isWhole, text == line(digits, entry.name) else {
      throw .unreadable(
        path: path, reason: "it is not of the form that sha256sum writes; pull the weights again")
    }
    return hash.digits
  }

  /// Records the hash of the file `name` of a cache.
  ///
  /// - Throws: `WeightsError.cannotCreate`, `.cannotWrite`.
  static func write(_ sha256: String, of name: String, in cache: WeightCache) throws(WeightsError) {
    let file = try AtomicFile(path: "\(cache.folder)/\(name)\(ending)")
    try Array(line(sha256, name).utf8).span.bytes.withUnsafeBytes {
      (bytes) throws(WeightsError) in try file.write(bytes)
    }
    try file.commit()
  }

  private static func line(_ sha256: String, _ name: String) -> String { "\(sha256)  \(name)\n" }
}

extension WeightCache {
  /// What a file of the cache proves to be.
  public enum Verification: Equatable, Sendable {
    /// It is what was pulled.
    case good(sha256: String)
    /// It is not what was pulled.
    case changed(expected: String, found: String)
    /// It was put there by other means, and nothing is known about it.
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
