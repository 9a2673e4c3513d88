import Download
import Glibc

/// A folder that is removed with all in it when this object goes.
final class TemporaryFolder {
  let path: String

  /// Creates the folder, which must not exist.
  ///
  /// - Throws: `DownloadError.cannotCreate`.
  init(path: String) throws(DownloadError) {
    guard mkdir(path, 0o700) == 0 else {
      throw .cannotCreate(path: path, reason: String(cString: strerror(errno)))
    }
    self.path = path
  }

  deinit { Self.remove(path) }

  /// Removes a file, or a folder with all in it; links are removed, not followed.
  static func remove(_ path: String) {
    if unlink(path) == 0 || errno != EISDIR { return }
    for name in FolderNames.all(in: path) { remove("\(path)/\(name)") }
    rmdir(path)
  }
}
