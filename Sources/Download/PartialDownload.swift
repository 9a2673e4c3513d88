import Glibc
import Host

/// A file that is being received, with a temporary name until it is complete.
///
/// Only the process that created it writes to it, so the hash is that of the bytes on disk. The file
/// is removed when this object is released, unless it was moved or kept.
package final class PartialFile {
  /// The path of the file until it is moved.
  package let path: String
  /// Bytes received so far.
  package private(set) var byteCount = 0

  private let folder: String
  private let descriptor: Int32
  private let sum: SHA256
  private var isTemporary = true

  /// Creates an empty file called `name`, which must not exist yet, in `folder`.
  ///
  /// - Throws: `DownloadError.cannotCreate`.
  init(folder: String, name: String) throws(DownloadError) {
    self.folder = folder
    path = "\(folder)/\(name)"
    sum = try SHA256()
    descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw .cannotCreate(path: path, reason: systemMessage()) }
    // Marks it as in use. Nothing depends on this, because some file systems have no locks.
    flock(descriptor, LOCK_EX | LOCK_NB)
  }

  deinit {
    if isTemporary { unlink(path) }
    close(descriptor)
  }

  /// - Throws: `DownloadError.cannotWrite`.
  package func append(_ bytes: UnsafeRawBufferPointer) throws(DownloadError) {
    let code = Files.write(bytes, to: descriptor)
    guard code == 0 else { throw .cannotWrite(path: path, reason: systemMessage(code)) }
    try sum.add(bytes)
    byteCount += bytes.count
  }

  /// Copies the first `count` bytes of a partial download.
  package func append(from partial: PartialDownload, count: Int) throws(DownloadError) {
    let source = Files.open(partial.path, flags: O_NOFOLLOW)
    guard source >= 0 else { throw .cannotRead(path: partial.path, reason: systemMessage()) }
    defer { close(source) }
    let code = try Files.forEachBlock(of: source, limit: count) {
      (bytes) throws(DownloadError) in try append(bytes)
    }
    guard code == 0 else { throw .cannotRead(path: partial.path, reason: systemMessage(code)) }
    guard byteCount == count else {
      throw .cannotRead(path: partial.path, reason: "the file became shorter")
    }
  }

  /// The hash of all bytes; nothing can be appended afterwards.
  package func finish() throws(DownloadError) -> String { try sum.finish() }

  /// Leaves the file for a later download to resume.
  package func keep() { isTemporary = false }

  /// Makes the file durable under its final name in the same folder, replacing any existing file.
  ///
  /// - Throws: `DownloadError.cannotWrite`, `.cannotCreate`.
  package func move(to name: String) throws(DownloadError) {
    guard fsync(descriptor) == 0 else { throw .cannotWrite(path: path, reason: systemMessage()) }
    let final = "\(folder)/\(name)"
    guard rename(path, final) == 0 else {
      throw .cannotCreate(path: final, reason: systemMessage())
    }
    isTemporary = false
    Files.synchronize(directory: folder)
  }
}

/// The bytes that an aborted download left behind.
///
/// The name identifies the file by hashes of the address and the validators, followed by a random
/// number: `.ADDRESS-VALIDATORS-RANDOM.part`.
package struct PartialDownload {
  package let path: String
  package let byteCount: Int
  fileprivate let validators: Substring
}

/// All partial downloads from one address in a folder.
package struct PartialDownloads {
  private let folder: String
  private let prefix: String

  package init(folder: String, address: WebAddress) throws(DownloadError) {
    self.folder = folder
    prefix = ".\(try SHA256.digits(of: address.text).prefix(16))-"
  }

  /// Creates a file that a later download can find here.
  package func begin(_ validators: Validators?) throws(DownloadError) -> PartialFile {
    let key = try validators.map { (validators) throws(DownloadError) in try validators.key() }
    let random = String(UInt64.random(in: .min ... .max), radix: 16)
    return try PartialFile(folder: folder, name: "\(prefix)\(key ?? "none")-\(random).part")
  }

  /// All partial downloads, longest first.
  package func all() -> [PartialDownload] {
    FilePath.names(in: folder).compactMap { name in
      guard name.hasPrefix(prefix), name.hasSuffix(".part") else { return nil }
      let path = "\(folder)/\(name)"
      var status = stat()
      guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
      return PartialDownload(
        path: path, byteCount: Int(status.st_size),
        validators: name.dropFirst(prefix.count).prefix { $0 != "-" })
    }.sorted { $0.byteCount > $1.byteCount }
  }

  /// The longest partial download with these validators.
  package func longest(of validators: Validators) throws(DownloadError) -> PartialDownload? {
    let key = try validators.key()
    return all().first { $0.validators == key && $0.byteCount > 0 }
  }

  /// Removes partial downloads that no process is writing to, except the one at `kept`.
  package func remove(except kept: String? = nil) {
    for partial in all() where partial.path != kept {
      let descriptor = open(partial.path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { unlink(partial.path) }
      close(descriptor)
    }
  }
}
