import Glibc

/// Lets one process at a time do something in a folder, where its file system knows locks.
///
/// It saves work, and nothing may depend on it: some network file systems grant every lock.
package final class ProcessLock {
  private let path: String
  private let descriptor: Int32

  /// Waits until this process has the lock called `name`.
  ///
  /// - Parameter isWanted: Asked ten times a second while waiting; `false` gives up.
  /// - Throws: `DownloadError.cannotCreate`, `.interrupted`.
  package init(
    folder: String, name: String, isWanted: () -> Bool
  ) throws(DownloadError) {
    path = "\(folder)/.\(name).lock"
    while true {
      let descriptor = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o666)
      guard descriptor >= 0 else {
        throw .cannotCreate(path: path, reason: DownloadError.systemReason)
      }
      do {
        try Self.wait(for: descriptor, isWanted)
      } catch {
        close(descriptor)
        throw error
      }
      // Who had it has removed the file since: others lock a new one.
      if Self.isSame(descriptor, path) {
        self.descriptor = descriptor
        return
      }
      close(descriptor)
    }
  }

  deinit {
    // Before it is unlocked: afterwards it may be another's.
    if Self.isSame(descriptor, path) { unlink(path) }
    close(descriptor)
  }

  private static func wait(for descriptor: Int32, _ isWanted: () -> Bool) throws(DownloadError) {
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      // Locks are not to be had here.
      guard errno == EWOULDBLOCK || errno == EINTR else { return }
      guard isWanted() else { throw .interrupted }
      usleep(100_000)
    }
  }

  private static func isSame(_ descriptor: Int32, _ path: String) -> Bool {
    var opened = stat()
    var named = stat()
    return fstat(descriptor, &opened) == 0 && lstat(path, &named) == 0
      && opened.st_ino == named.st_ino && opened.st_dev == named.st_dev
  }
}
