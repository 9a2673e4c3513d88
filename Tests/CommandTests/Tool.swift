import Foundation
import TestSupport

/// The built command, and files to give it.
enum Tool {
  /// The results of a run.
  struct Outcome {
    let status: Int
    let output: String
    let errors: String

    var lines: [Substring] { output.split(separator: "\n") }
  }

  /// The executable next to this test bundle.
  static let path: String = {
    let bundles = [Bundle.main.executablePath, CommandLine.arguments.first].compactMap(\.self)
    let folders = bundles.map { ($0 as NSString).deletingLastPathComponent }
    let built = ["release", "debug"].map { "\(RealData.package)/.build/\($0)" }
    return (folders + built).map { "\($0)/cnnzoo" }
      .first { FileManager.default.isExecutableFile(atPath: $0) } ?? "/no/cnnzoo"
  }()

  /// Whether it starts with limited address space or files; sanitizers reserve terabytes.
  static let bearsAddressLimits =
    ProcessInfo.processInfo.environment["CNNZOO_SANITIZE"] == nil

  /// Runs the command.
  static func run(_ arguments: [String], environment: [String: String]? = nil) throws -> Outcome {
    try run(path, arguments, environment)
  }

  /// Runs a shell script in which `$cnnzoo` is the command and `$1`, `$2`… are `arguments`.
  static func shell(_ script: String, _ arguments: [String] = []) throws -> Outcome {
    try run("/bin/bash", ["-c", "cnnzoo='\(path)'; \(script)", "bash"] + arguments, nil)
  }

  private static func run(
    _ path: String, _ arguments: [String], _ environment: [String: String]?
  ) throws -> Outcome {
    let folder = try TestFiles.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let files = try ["out", "err"].map { name in
      _ = FileManager.default.createFile(atPath: "\(folder)/\(name)", contents: nil)
      return try FileHandle(forWritingTo: URL(fileURLWithPath: "\(folder)/\(name)"))
    }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = files[0]
    process.standardError = files[1]
    if let environment { process.environment = environment }
    try process.run()
    process.waitUntilExit()
    let texts = try ["out", "err"].map { name in
      String(
        decoding: try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")), as: UTF8.self)
    }
    return Outcome(status: Int(process.terminationStatus), output: texts[0], errors: texts[1])
  }
}

/// Files that the tests pass to the command; created once.
enum TestFiles {
  /// Holds all of them; removed when the tests end.
  private static let root: String = {
    atexit { try? FileManager.default.removeItem(atPath: TestFiles.root) }
    return NSTemporaryDirectory() + "cnnzoo-command-" + UUID().uuidString
  }()

  /// Makes an empty folder.
  static func folder() throws -> String {
    let path = "\(root)/\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  static let classes = 12

  /// Weights of a narrow MobileNetV3-Small with seeded values, which say what they are.
  static let weights = Result {
    let path = try folder() + "/small.safetensors"
    let names = (0..<classes).map { $0 == 3 ? "a, \"b\" | c" : "name \($0)" }
    try SmallNetwork.write(
      to: path, classes: classes,
      metadata: ["width_multiplier": "0.25", "labels": names.joined(separator: "\n")])
    return path
  }

  /// The arguments that name the model and its weights.
  static func network() throws -> [String] {
    ["--model", "mobilenetv3-small", "--weights", try weights.get()]
  }

  /// Writes an image and returns its path.
  @discardableResult
  static func image(_ path: String, shade: UInt8 = 1) throws -> String {
    let pixels = (0..<3 * 20 * 16).map { UInt8(truncatingIfNeeded: $0 &* Int(shade)) }
    try Data(Array("P6 20 16 255\n".utf8) + pixels).write(to: URL(fileURLWithPath: path))
    return path
  }
}

/// The members of a JSON object.
func object(_ text: some StringProtocol) throws -> [String: Any] {
  let value = try JSONSerialization.jsonObject(with: Data(text.utf8))
  return value as? [String: Any] ?? [:]
}
