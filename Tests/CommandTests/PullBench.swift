import Foundation
import Testing

/// A separate cache, and the file that a test pulls into it.
struct PullBench {
  let folder: String
  /// The cache; it does not exist at first.
  var cache: String { "\(folder)/cache" }
  /// Some megabytes of random data.
  let data: Data
  let sha256: String

  init(bytes: Int = 3_000_000) throws {
    folder = try TestFiles.folder()
    var state: UInt64 = 88_172_645_463_325_252
    data = Data(
      (0..<bytes).map { _ in
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return UInt8(truncatingIfNeeded: state)
      })
    try data.write(to: URL(fileURLWithPath: "\(folder)/original"))
    sha256 = try Self.sha256(of: "\(folder)/original")
  }

  /// The hash by coreutils, independent of the package's own implementation.
  static func sha256(of path: String) throws -> String {
    String(try Tool.shell("sha256sum < \"$1\"", [path]).output.prefix(64))
  }

  func run(_ arguments: [String], more: [String: String] = [:]) throws -> Tool.Outcome {
    var environment = ProcessInfo.processInfo.environment
    environment["CNNZOO_CACHE"] = cache
    environment["CNNZOO_OFFLINE"] = nil
    environment["no_proxy"] = "*"
    return try Tool.run(arguments, environment: environment.merging(more) { $1 })
  }

  func pull(
    _ server: WebServer, sha256: String? = nil, timeout: Int = 20, _ more: [String] = []
  ) throws -> Tool.Outcome {
    try run(
      [
        "pull", "--url", server.address, "--sha256", sha256 ?? self.sha256, "--timeout",
        "\(timeout)",
      ] + more)
  }

  /// The names in the cache, hidden ones included.
  func names() -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: cache)) ?? []).sorted()
  }

  /// The contents of the file in the cache: complete, or nil.
  var pulled: Data? { FileManager.default.contents(atPath: "\(cache)/file.bin") }

  /// Expects the complete file, its record, and nothing else.
  func expectWhole(_ outcome: Tool.Outcome) {
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(pulled == data)
    #expect(names() == ["file.bin", "file.bin.sha256"])
  }

  /// Expects this failure, reported in one line, and no file.
  func expectFailure(_ outcome: Tool.Outcome, _ status: Int, _ message: String) {
    #expect(outcome.status == status, "\(outcome.errors)")
    #expect(outcome.output.isEmpty)
    #expect(outcome.errors.contains(message), "\(outcome.errors)")
    #expect(pulled == nil)
  }

  /// Starts a command in the background.
  func start(_ arguments: [String]) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Tool.path)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(
      ["CNNZOO_CACHE": cache, "no_proxy": "*"]) { $1 }
    for pipe in [\Process.standardOutput, \Process.standardError] {
      process[keyPath: pipe] = FileHandle.nullDevice
    }
    try process.run()
    return process
  }
}
