import Glibc

/// A lock between processes on a name in a folder.
///
/// Results must not depend on it, because some network file systems grant every lock.
package final class ProcessLock {
  private let path: String
  private let descriptor: Int32

  /// Waits for the lock called `name`; `nil` if the caller gave up.
  ///
  /// - Parameter shouldContinue: Called ten times a second while another process holds the lock;
  ///   `false` gives up.
  /// - Throws: `FileError.cannotCreate`.
  package init?(
    folder: String, name: String, shouldContinue: () -> Bool
  ) throws(FileError) {
    path = "\(folder)/.\(name).lock"
    while true {
      let descriptor = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o666)
      guard descriptor >= 0 else {
        throw .cannotCreate(path: path, reason: systemMessage())
      }
      guard Self.wait(for: descriptor, shouldContinue) else {
        close(descriptor)
        return nil
      }
      // If the previous holder removed the file, others may lock a new one.
      if Self.isSame(descriptor, path) {
        self.descriptor = descriptor
        return
      }
      close(descriptor)
    }
  }

  deinit {
    // This must be done before unlocking, because afterwards another process may hold the lock.
    if Self.isSame(descriptor, path) { unlink(path) }
    close(descriptor)
  }

  private static func wait(for descriptor: Int32, _ shouldContinue: () -> Bool) -> Bool {
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      // This file system has no locks.
      guard errno == EWOULDBLOCK || errno == EINTR else { return true }
      guard shouldContinue() else { return false }
      usleep(100_000)
    }
    return true
  }

  private static func isSame(_ descriptor: Int32, _ path: String) -> Bool {
    var opened = stat()
    var named = stat()
    return fstat(descriptor, &opened) == 0 && lstat(path, &named) == 0
      && opened.st_ino == named.st_ino && opened.st_dev == named.st_dev
  }
}
