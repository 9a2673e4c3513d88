import Glibc

/// A file that is being received, under a name of its own until it is whole.
///
/// Only the process that created it ever writes to it, so that what was summed up is what is there.
/// It is removed when this object goes, unless it was moved or kept.
package final class PartialFile {
  /// Where it lies until it is moved.
  package let path: String
  /// Bytes received so far.
  package private(set) var byteCount = 0

  private let folder: String
  private let descriptor: Int32
  private var sum: SHA256
  private var isRemovedAtEnd = true

  /// Creates an empty file called `name`, which must not exist, in `folder`.
  ///
  /// - Throws: `DownloadError.cannotCreate`.
  init(folder: String, name: String) throws(DownloadError) {
    self.folder = folder
    path = "\(folder)/\(name)"
    sum = try SHA256()
    descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw .cannotCreate(path: path, reason: DownloadError.systemReason)
    }
    // Tells others that it is in use; nothing depends on it where locks are not to be had.
    flock(descriptor, LOCK_EX | LOCK_NB)
  }

  deinit {
    if isRemovedAtEnd { unlink(path) }
    close(descriptor)
  }

  /// - Throws: `DownloadError.cannotWrite`.
  func append(_ bytes: UnsafeRawBufferPointer) throws(DownloadError) {
    try FileBlocks.write(bytes, to: descriptor, path: path)
    try sum.add(bytes)
    byteCount += bytes.count
  }

  /// Appends the first `count` bytes of another file, which is only read.
  func append(from leftover: Leftover, count: Int) throws(DownloadError) {
    let source = open(leftover.path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
    guard source >= 0 else {
      throw .cannotRead(path: leftover.path, reason: DownloadError.systemReason)
    }
    defer { close(source) }
    try FileBlocks.read(source, path: leftover.path, limit: count) {
      (bytes) throws(DownloadError) in try append(bytes)
    }
    guard byteCount == count else {
      throw .cannotRead(path: leftover.path, reason: "became shorter")
    }
  }

  /// Ends receiving: the sum of all bytes.
  func finish() throws(DownloadError) -> String {
    try sum.finish()
  }

  /// Leaves the file for a later download to go on from.
  func keep() { isRemovedAtEnd = false }

  /// Makes the file durable and gives it its final name in its folder, in place of a file there.
  ///
  /// - Throws: `DownloadError.cannotWrite`, `.cannotCreate`.
  package func move(to name: String) throws(DownloadError) {
    guard fsync(descriptor) == 0 else {
      throw .cannotWrite(path: path, reason: DownloadError.systemReason)
    }
    let final = "\(folder)/\(name)"
    guard rename(path, final) == 0 else {
      throw .cannotCreate(path: final, reason: DownloadError.systemReason)
    }
    isRemovedAtEnd = false
    synchronizeFolder(folder)
  }
}

/// Makes the names in a folder durable, where its file system can.
package func synchronizeFolder(_ folder: String) {
  let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
  guard descriptor >= 0 else { return }
  fsync(descriptor)
  close(descriptor)
}
