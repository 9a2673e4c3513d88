import Command
import Foundation
import Testing

/// `bench` with several networks, with an earlier report, and with a plot.
struct BenchTests {
  private let folder: String

  init() throws {
    folder = try TestFiles.folder()
  }

  private static let quick = [
    "bench", "mobilenetv3-small", "-t", "1", "--min-time", "0", "--input-size", "32",
  ]

  private func earlier(_ arguments: [String] = quick) throws -> String {
    let outcome = try Tool.run(arguments + ["--format", "json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let path = "\(folder)/\(UUID().uuidString).json"
    try Data(outcome.output.utf8).write(to: URL(fileURLWithPath: path))
    return path
  }

  @Test func networksShareSettings() throws {
    let outcome = try Tool.run([
      "bench", "mobilenetv3-small", "effnet-lite0", "-t", "1", "-b", "1,2", "--min-time", "0",
      "--input-size", "32", "--rounds", "4", "--format", "json",
    ])
    let results = try #require(try object(outcome.output)["results"] as? [[String: Any]])
    #expect(
      results.map { $0["model"] as? String } == [
        "mobilenetv3-small", "effnet-lite0", "mobilenetv3-small", "effnet-lite0",
      ])
    #expect(results.map { $0["batch"] as? Int } == [1, 1, 2, 2])
    #expect(results.map { $0["ratio_to_first"] is Double } == [false, true, false, true])
    for result in results {
      let rounds = try #require(result["round_p50_ms"] as? [Double])
      #expect(rounds.count == 4)
      // Ten runs are required, in four rounds of the same size.
      #expect(result["n"] as? Int == 12)
      #expect(try #require(rounds.min()) <= (result["p50_ms"] as? Double ?? 0))
    }
  }

  @Test func theEnvironmentIsReported() throws {
    let environment = try #require(
      try object(Tool.run(Self.quick + ["--format", "json"]).output)["environment"]
        as? [String: Any])
    for fact in ["version", "processor", "instruction_set", "processors_allowed"] {
      #expect(environment[fact] is String, "\(fact)")
    }
    #expect(environment["threads_allowed"] is Int)
    #expect(environment["load"] is Double)
    #expect(environment.keys.contains("openblas_core"))
  }

  @Test func anEarlierReport() throws {
    let path = try earlier()
    for format in ["text", "csv", "markdown", "jsonl"] {
      let outcome = try Tool.run(Self.quick + ["--compare", path, "--format", format])
      #expect(outcome.status == 0, "\(outcome.errors)")
      let title = format == "text" ? "earlier  ratio" : "earlier_p50_ms"
      #expect(outcome.output.contains(title), "\(format)")
    }
    let outcome = try Tool.run(Self.quick + ["--compare", path, "--format", "json"])
    let document = try object(outcome.output)
    let result = try #require((document["results"] as? [[String: Any]])?.first)
    let comparison = try #require(result["comparison"] as? [String: Any])
    #expect(
      ["faster", "slower", "within noise", "machine busy"].contains(
        comparison["verdict"] as? String))
    let ratio = try #require(comparison["ratio"] as? Double)
    #expect(try #require(comparison["ratio_low"] as? Double) <= ratio)
    #expect(try #require(comparison["ratio_high"] as? Double) >= ratio)
    let compared = try #require(document["compared_with"] as? [String: Any])
    #expect(compared["file"] as? String == path)
    #expect((compared["environment_differences"] as? [Any])?.isEmpty == true)
  }

  /// Only measurements in both reports have a ratio.
  @Test func measurementsMissingFromTheEarlierReport() throws {
    let path = try earlier()
    let outcome = try Tool.run(
      Self.quick + ["-b", "1,2", "--compare", path, "--format", "csv"])
    #expect(outcome.lines.count == 3)
    #expect(outcome.lines[2].hasSuffix(",,,,,not in the earlier report"))
  }

  /// This is detected before measuring for an hour.
  @Test(arguments: [
    ["-b", "2"], ["--input-size", "64"], ["--width-multiplier", "0.75"], ["--precision", "bf16"],
  ])
  func reportsOfOtherWorkAreRejected(arguments: [String]) throws {
    let path = try earlier()
    let outcome = try Tool.run(
      Self.quick + arguments + ["--min-time", "3600", "--compare", path])
    #expect(outcome.status == 65)
    #expect(
      outcome.errors.contains(
        "no measurement in common with this run; it contains mobilenetv3-small 32x32x3"))
    #expect(outcome.output.isEmpty)
  }

  @Test(arguments: [
    ("\"threads_allowed\":", "\"threads_allowed\":9", "threads allowed is "),
    ("\"instruction_set\":\"", "\"instruction_set\":\"mmx", "instruction set is "),
    ("\"processor\":\"", "\"processor\":\"Z80\\u001b", "was Z80\\u{1b}"),
  ])
  func aDifferentEnvironmentIsReported(old: String, new: String, message: String) throws {
    let path = try earlier()
    let text = try String(contentsOfFile: path, encoding: .utf8).replacing(old, with: new)
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    let outcome = try Tool.run(Self.quick + ["--compare", path, "--format", "csv"])
    #expect(outcome.status == 0)
    #expect(outcome.errors.contains("was measured in a different environment: "))
    #expect(outcome.errors.contains(message), "\(outcome.errors)")
  }

  @Test func plots() throws {
    let path = "\(folder)/plot.svg"
    let earlier = try earlier()
    let outcome = try Tool.run(Self.quick + ["--compare", earlier, "--plot", path])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let reader = SVGReader(try String(contentsOfFile: path, encoding: .utf8))
    #expect(reader.isWellFormed)
    #expect(reader.classes["hill"] == 1)
    #expect(reader.classes["round"] == 6)
    #expect(reader.classes["earlier"] == 6)
    #expect(reader.classes["median"] == 1)
    #expect(reader.texts.contains("mobilenetv3-small"))
    #expect(reader.texts.contains { $0.hasPrefix("milliseconds") })
  }

  @Test(arguments: ["/no/folder/plot.svg", "/dev/full", "/tmp"])
  func plotsThatCannotBeCreated(path: String) throws {
    let outcome = try Tool.run(Self.quick + ["--min-time", "3600", "--plot", path])
    #expect(outcome.status == 73)
    #expect(outcome.output.isEmpty)
    #expect(outcome.errors.hasPrefix("cnnzoo: \(path): cannot be created: "))
  }

  /// A file that exceeds the size limit, as on a full disk: results are printed, the old plot
  /// remains.
  @Test func plotsOnAFullDisk() throws {
    let path = "\(folder)/plot.svg"
    try Data("old".utf8).write(to: URL(fileURLWithPath: path))
    let outcome = try Tool.shell(
      #"""
      trap '' XFSZ
      { (ulimit -f 1; "$cnnzoo" "${@:2}" --plot "$1"); echo "status $?" >&2; } | cat > /dev/null
      """#, [path] + Self.quick)
    #expect(outcome.errors.contains("cnnzoo: \(path): cannot be written: "), "\(outcome.errors)")
    #expect(outcome.errors.hasSuffix("status 74\n"))
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["plot.svg"])
  }

  private static let hasOpenBLASToWarnOf =
    (try? Tool.run(["env"], environment: ["OPENBLAS_CORETYPE": "Prescott"]).output
      .contains("warning: OPENBLAS_CORETYPE")) ?? false

  /// The warning about OpenBLAS's kernels is useless if OpenBLAS is not used.
  @Test(.enabled(if: hasOpenBLASToWarnOf, "needs OpenBLAS and AVX2"), arguments: ["simd", "blas"])
  func onlyOpenBLASCausesItsWarning(backend: String) throws {
    let outcome = try Tool.run(
      Self.quick + ["--min-time", "0", "--format", "csv", "--backend", backend],
      environment: ["OPENBLAS_CORETYPE": "Prescott"])
    #expect(outcome.status == 0)
    #expect(
      outcome.errors.contains("OPENBLAS_CORETYPE") == (backend == "blas"), "\(outcome.errors)")
  }
}
