import Glibc

/// A file that appears under its name only when complete.
///
/// Bytes go to an unnamed file in the same directory, so that even a killed process leaves nothing
/// behind; on file systems without unnamed files, the file gets a random name. `commit()` makes the
/// bytes durable and gives the file its name.
package final class AtomicFile {
  private let path: String
  /// With a trailing slash; empty if the path contains none.
  private let directory: String
  /// The name used until `commit()`, or only briefly during it.
  private let temporary: String
  private var isNamed: Bool
  private var descriptor: Int32
  private let observer: FileObserver?

  /// - Parameters:
  ///   - isNamed: Whether to use a temporary name even if unnamed files are supported.
  ///   - observer: Called after each change.
  /// - Throws: `FileError.cannotCreate`.
  package init(
    path: String, isNamed: Bool = false, observer: FileObserver? = nil
  ) throws(FileError) {
    var status = stat()
    // A rename would silently replace a device or a FIFO with a regular file.
    if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
      let kind = status.st_mode & S_IFMT == S_IFDIR ? "is a folder" : "is not a regular file"
      throw .cannotCreate(path: path, reason: kind)
    }
    directory = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[...$0]) } ?? ""
    let random = String(UInt64.random(in: .min ... .max), radix: 16)
    self.path = path
    self.observer = observer
    temporary = "\(directory).cnnzoo-\(random).tmp"
    descriptor = isNamed ? -1 : Self.openWithoutName(in: directory)
    self.isNamed = descriptor < 0
    if self.isNamed {
      descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    }
    guard descriptor >= 0 else {
      throw .cannotCreate(path: path, reason: systemMessage(errno))
    }
    observer?(.created(descriptor, path: self.isNamed ? temporary : nil))
  }

  deinit {
    guard descriptor >= 0 else { return }
    close(descriptor)
    guard isNamed else { return }
    unlink(temporary)
    observer?(.removed(temporary))
  }

  /// An unnamed file that can be linked later; negative if the file system does not support them.
  private static func openWithoutName(in directory: String) -> Int32 {
    // Linking goes through /proc.
    guard access("/proc/self/fd", X_OK) == 0 else { return -1 }
    // O_TMPFILE, a macro that Swift does not import.
    let unnamed = O_DIRECTORY | 0o20_000_000
    return open(directory.isEmpty ? "." : directory, O_WRONLY | O_CLOEXEC | unnamed, 0o666)
  }

  /// Appends all of `bytes`.
  ///
  /// - Throws: `FileError.cannotWrite`.
  package func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    let code = Files.write(bytes, to: descriptor)
    guard code == 0 else { throw failure(code) }
    observer?(.wrote(descriptor, bytes))
  }

  /// Writes a whole file, atomically.
  ///
  /// - Throws: `FileError.cannotCreate`, `.cannotWrite`.
  package static func write(
    _ bytes: [UInt8], to path: String, observer: FileObserver? = nil
  ) throws(FileError) {
    let file = try AtomicFile(path: path, observer: observer)
    try bytes.span.bytes.withUnsafeBytes { (bytes) throws(FileError) in try file.write(bytes) }
    try file.commit()
  }

  /// Makes the file durable under its name, replacing any existing file.
  ///
  /// - Throws: `FileError.cannotWrite`.
  package func commit() throws(FileError) {
    guard fsync(descriptor) == 0 else { throw failure(errno) }
    observer?(.synchronized(descriptor))
    let code = takeName()
    guard code == 0 else { throw failure(code) }
    // Nothing is left to remove at this point. Some file systems report a lost write only on close.
    let closed = close(descriptor)
    descriptor = -1
    guard closed == 0 else { throw failure(errno) }
    let folder = directory.isEmpty ? "." : directory
    Files.synchronize(directory: folder)
    observer?(.synchronizedFolder(folder))
  }

  /// Gives the file its final name; returns 0 or the error number.
  private func takeName() -> Int32 {
    if !isNamed {
      var code = link(as: path)
      // Only a rename replaces an existing file.
      guard code == EEXIST else { return code }
      code = link(as: temporary)
      guard code == 0 else { return code }
      isNamed = true
    }
    guard rename(temporary, path) == 0 else { return errno }
    isNamed = false
    observer?(.renamed(temporary, to: path))
    return 0
  }

  private func link(as name: String) -> Int32 {
    let source = "/proc/self/fd/\(descriptor)"
    guard linkat(AT_FDCWD, source, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0 else { return errno }
    observer?(.linked(descriptor, path: name))
    return 0
  }

  private func failure(_ code: Int32) -> FileError {
    .cannotWrite(path: path, reason: systemMessage(code))
  }
}
