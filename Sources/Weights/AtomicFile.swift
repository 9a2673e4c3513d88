import Glibc

/// A file that appears under its name complete or not at all.
///
/// Bytes go to a temporary file with a random name in the same folder. `commit()` makes them
/// durable and renames the file; an `AtomicFile` that is dropped before that removes it.
package final class AtomicFile {
  private let path: String
  /// With the slash at its end; empty where the path names none.
  private let folder: String
  private let temporary: String
  private var descriptor: Int32

  /// - Throws: `WeightsError.cannotCreate`.
  package init(path: String) throws(WeightsError) {
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
    descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw .cannotCreate(path: path, reason: systemMessage(errno))
    }
  }

  deinit {
    guard descriptor >= 0 else { return }
    close(descriptor)
    unlink(temporary)
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
    guard rename(temporary, path) == 0 else { throw failure(errno) }
    // Nothing is left to remove. Some file systems report a lost write only on close.
    let closed = close(descriptor)
    descriptor = -1
    guard closed == 0 else { throw failure(errno) }
    synchronizeFolder()
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
