import Glibc

/// A file that appears under its name complete or not at all.
///
/// Bytes go to a file in the same folder that has no name yet, so that nothing is left of it even by a
/// process that is killed; where the file system has no such files, to one with a random name.
/// `commit()` makes them durable and gives the file its name.
package final class AtomicFile {
  private let path: String
  /// With the slash at its end; empty where the path names none.
  private let folder: String
  /// The name that it has for the time being, or for an instant.
  private let temporary: String
  private var isNamed: Bool
  private var descriptor: Int32

  /// - Parameter isNamed: Whether it is to have a name from the start, although it need not.
  /// - Throws: `WeightsError.cannotCreate`.
  package init(path: String, isNamed: Bool = false) throws(WeightsError) {
    var status = stat()
    // A rename would silently replace a device or a FIFO by a regular file.
    if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
      let kind = status.st_mode & S_IFMT == S_IFDIR ? "is a folder" : "is not a regular file"
      throw .cannotCreate(path: path, reason: kind)
    }
    folder = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[...$0]) } ?? ""
    let random = String(UInt64.random(in: .min ... .max), radix: 16)
    self.path = path
    temporary = "\(folder).cnnzoo-\(random).tmp"
    descriptor = isNamed ? -1 : Self.openWithoutName(in: folder)
    self.isNamed = descriptor < 0
    if self.isNamed {
      descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    }
    guard descriptor >= 0 else {
      throw .cannotCreate(path: path, reason: systemMessage(errno))
    }
  }

  deinit {
    guard descriptor >= 0 else { return }
    close(descriptor)
    if isNamed { unlink(temporary) }
  }

  /// A file without a name that can be given one later; negative where there are none.
  private static func openWithoutName(in folder: String) -> Int32 {
    // Names are given through /proc.
    guard access("/proc/self/fd", X_OK) == 0 else { return -1 }
    // O_TMPFILE, a macro that Swift does not import.
    let unnamed = O_DIRECTORY | 0o20_000_000
    return open(folder.isEmpty ? "." : folder, O_WRONLY | O_CLOEXEC | unnamed, 0o666)
  }

  /// Appends all of `bytes`.
  ///
  /// - Throws: `WeightsError.cannotWrite`.
  package func write(_ bytes: UnsafeRawBufferPointer) throws(WeightsError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = UnsafeRawBufferPointer(rebasing: rest)
      let written = Glibc.write(descriptor, part.baseAddress, part.count)
      if written < 0 {
        if errno == EINTR { continue }
        throw failure(errno)
      }
      rest = rest.dropFirst(written)
    }
  }

  /// Makes the file durable under its name, in place of a file that was there.
  ///
  /// - Throws: `WeightsError.cannotWrite`.
  package func commit() throws(WeightsError) {
    guard fsync(descriptor) == 0 else { throw failure(errno) }
    let code = takeName()
    guard code == 0 else { throw failure(code) }
    // Nothing is left to remove. Some file systems report a lost write only on close.
    let closed = close(descriptor)
    descriptor = -1
    guard closed == 0 else { throw failure(errno) }
    synchronizeFolder()
  }

  /// Gives the file its own name; answers the error number where that cannot be, else 0.
  private func takeName() -> Int32 {
    if !isNamed {
      var code = link(as: path)
      // Only a rename replaces a file that is there.
      guard code == EEXIST else { return code }
      code = link(as: temporary)
      guard code == 0 else { return code }
      isNamed = true
    }
    guard rename(temporary, path) == 0 else { return errno }
    isNamed = false
    return 0
  }

  private func link(as name: String) -> Int32 {
    let source = "/proc/self/fd/\(descriptor)"
    return linkat(AT_FDCWD, source, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0 ? 0 : errno
  }

  /// Makes the new name durable, where the file system can: the file is there in any case.
  private func synchronizeFolder() {
    let descriptor = open(folder.isEmpty ? "." : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }

  private func failure(_ code: Int32) -> WeightsError {
    .cannotWrite(path: path, reason: systemMessage(code))
  }
}
