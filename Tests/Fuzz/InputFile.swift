import Glibc

/// Provides inputs to parsers that read files, in a folder for this process only, in memory if
/// possible.
enum InputFile {
  /// The folder, without a slash at its end; Scripts/fuzzing/fuzz removes it.
  static let folder: String = {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/dev/shm"
    let path = "\(parent)/fuzz-\(getpid())"
    precondition(mkdir(path, 0o700) == 0, "\(path) cannot be created")
    return path
  }()

  /// Writes a file with these bytes into the folder, replacing any existing one; returns its path.
  static func path(holding bytes: [UInt8], named name: String = "input") -> String {
    let path = "\(folder)/\(name)"
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    precondition(descriptor >= 0, "\(path) cannot be created")
    precondition(write(descriptor, bytes, bytes.count) == bytes.count, "\(path) cannot be written")
    close(descriptor)
    return path
  }
}
