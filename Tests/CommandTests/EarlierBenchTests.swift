import Command
import Foundation
import Testing

/// Files for `bench --compare`, valid and otherwise.
struct EarlierBenchTests {
  private let folder: String

  init() throws {
    folder = try TestFiles.folder()
  }

  private static let whole = """
    {"schema":1,"results":[{"model":"effnet-lite0","threads":2,"batch":8,"backend":"simd",\
    "input_shape":[224,224,3],"macs":385187552,"n":6,"min_ms":9.5,"p50_ms":10.25,\
    "round_p50_ms":[10,10.5,10.25,10.25,10,10.5],"samples_ms":[]}],\
    "environment":{"version":"0.1.0","processor":"P","threads_allowed":2,"warning":null}}
    """

  private func read(_ text: String) throws -> EarlierBench {
    let path = "\(folder)/old.json"
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    return try EarlierBench(contentsOf: path)
  }

  private func reason(_ text: String) throws -> String {
    do {
      _ = try read(text)
      return "nothing"
    } catch EarlierBenchError.malformed(_, let reason) {
      return reason
    }
  }

  private static let key = BenchKey(
    model: "effnet-lite0", input: [224, 224, 3], macs: 385_187_552, backend: "simd",
    precision: "f32", threads: 2, batch: 8)

  @Test func validReport() throws {
    let earlier = try read(Self.whole)
    let result = try #require(earlier.result(for: Self.key))
    #expect(result.median == 0.01025)
    #expect(result.minimum == 0.0095)
    #expect(result.roundMedians == [0.01, 0.0105, 0.01025, 0.01025, 0.01, 0.0105])
    #expect(earlier.environment == ["version": "0.1.0", "processor": "P", "threads_allowed": "2"])
  }

  /// Earlier reports do not state the precision; it was f32.
  @Test(arguments: [("f32", true), ("bf16", false)])
  func thePrecisionIsPartOfTheKey(precision: String, isSame: Bool) throws {
    let text = Self.whole.replacing("\"simd\",", with: "\"simd\",\"precision\":\"\(precision)\",")
    #expect((try read(text).result(for: Self.key) != nil) == isSame)
  }

  /// Reports that do not state the mode are of inference.
  @Test(arguments: [
    ("\"mode\":\"inference\",", nil), ("\"mode\":\"train\",\"recipe\":\"sgd\",", "sgd"),
    ("\"mode\":\"train\",\"recipe\":\"adamw\",", "adamw"),
  ])
  func modeAndRecipeArePartOfTheKey(members: String, recipe: String?) throws {
    let earlier = try read(Self.whole.replacing("\"threads\":2", with: members + "\"threads\":2"))
    func isFound(_ mode: BenchKey.Mode) -> Bool {
      let key = Self.key
      return earlier.result(
        for: BenchKey(
          model: key.model, mode: mode, input: key.input, macs: key.macs, backend: key.backend,
          precision: key.precision, threads: key.threads, batch: key.batch)) != nil
    }
    #expect(isFound(.inference) == (recipe == nil))
    #expect(isFound(.train(recipe: "sgd")) == (recipe == "sgd"))
  }

  @Test(arguments: [
    ("", "expected a value"), ("{", "end"), ("[]", "\"schema\": 1 is missing"), ("null", "schema"),
    ("{\"schema\":1}", "no results"),
    ("{\"schema\":1,\"results\":[]}", "no results"),
    ("{\"schema\":1,\"results\":{}}", "no results"),
    ("{\"schema\":1,\"results\":[{}]}", "no environment"),
    ("{\"schema\":2,\"results\":[{}],\"environment\":{}}", "\"schema\": 1 is missing"),
    ("{\"schema\":1,\"results\":[7],\"environment\":{}}", "result 1 of 1: "),
  ])
  func unrelatedFilesAreRejected(text: String, expected: String) throws {
    let reason = try reason(text)
    #expect(reason.contains(expected), "\(reason)")
  }

  @Test(arguments: [
    ("\"p50_ms\":10.25", "\"p50_ms\":NaN", "expected a value"),
    ("\"p50_ms\":10.25", "\"p50_ms\":1e999", "expected a value"),
    ("\"p50_ms\":10.25", "\"p50_ms\":-1", "\"p50_ms\" is not a time"),
    ("\"p50_ms\":10.25", "\"p50_ms\":null", "\"p50_ms\" is not a time"),
    ("\"p50_ms\":10.25,", "", "\"p50_ms\" is not a time"),
    ("\"min_ms\":9.5", "\"min_ms\":0", "\"min_ms\" is not a time"),
    ("[10,", "[0,", "\"round_p50_ms\" is not a time"),
    ("[10,10.5,10.25,10.25,10,10.5]", "[]", "\"round_p50_ms\" is not a list"),
    ("[10,10.5,10.25,10.25,10,10.5]", "10", "\"round_p50_ms\" is not a list"),
    ("\"threads\":2", "\"threads\":1.5", "\"threads\" is not a count"),
    ("\"threads\":2", "\"threads\":1e300", "\"threads\" is not a count"),
    ("\"batch\":8", "\"batch\":\"8\"", "\"batch\" is not a count"),
    ("\"batch\":8", "\"batch\":8,\"batch\":8", "a key appears twice"),
    ("\"macs\":385187552,", "", "\"macs\" is not a count"),
    ("\"model\":\"effnet-lite0\"", "\"model\":3", "no text \"model\""),
    ("\"threads\":2", "\"mode\":\"train\",\"threads\":2", "no text \"recipe\""),
    ("\"threads\":2", "\"mode\":\"dream\",\"threads\":2", "\"mode\" is not"),
    ("\"threads\":2", "\"mode\":7,\"threads\":2", "\"mode\" is not"),
    ("\"backend\":", "\"precision\":16,\"backend\":", "no text \"precision\""),
    ("[224,224,3]", "[224,224]", "\"input_shape\" is not three counts"),
    ("\"environment\":{", "\"environment\":7,\"other\":{", "no environment"),
  ])
  func damagedReports(old: String, new: String, expected: String) throws {
    let text = Self.whole.replacing(old, with: new)
    #expect(text != Self.whole)
    let reason = try reason(text)
    #expect(reason.contains(expected), "\(reason)")
  }

  @Test func tooMuch() throws {
    let rounds = Array(repeating: "1", count: 1001).joined(separator: ",")
    let text = Self.whole.replacing("[10,10.5,10.25,10.25,10,10.5]", with: "[\(rounds)]")
    #expect(try reason(text).contains("1 to 1000 times"))
    let results = Array(repeating: "1", count: 10_001).joined(separator: ",")
    #expect(
      try reason("{\"schema\":1,\"results\":[\(results)],\"environment\":{}}")
        .contains("10001 results"))
    #expect(try reason(String(repeating: "[", count: 100)).contains("nested too deeply"))
    let path = "\(folder)/large"
    _ = FileManager.default.createFile(atPath: path, contents: nil)
    truncate(path, 1 << 40)
    #expect(throws: EarlierBenchError.self) { try EarlierBench(contentsOf: path) }
  }

  @Test(arguments: [
    ("/no/such.json", 66, "cannot be read"), ("/tmp", 66, "is a folder"),
    ("/dev/zero", 66, "is not a regular file"), ("/etc/passwd", 65, "not a bench report"),
    ("/dev/null", 66, "is not a regular file"),
  ])
  func statuses(path: String, status: Int, message: String) throws {
    let outcome = try Tool.run([
      "bench", "effnet-lite0", "--min-time", "3600", "--compare", path,
    ])
    #expect(outcome.status == status)
    #expect(outcome.errors.hasPrefix("cnnzoo: \(path): "))
    #expect(outcome.errors.contains(message))
    #expect(outcome.errors.split(separator: "\n").count == 1)
  }

  /// Names in files may have any length, and contain terminal control characters.
  @Test func hostileNames() throws {
    let name = String(repeating: "\\u001b[31m", count: 10_000)
    _ = try read(Self.whole.replacing("effnet-lite0", with: name))
    let outcome = try Tool.run(["bench", "effnet-lite0", "--compare", "\(folder)/old.json"])
    #expect(outcome.status == 65)
    #expect(outcome.errors.utf8.count < 2000)
    #expect(!outcome.errors.contains("\u{1B}"))
  }

  /// A comparison of rounds with these medians; one run in the first round took `minimum`.
  private func comparison(
    _ now: [Double], minimum: Double, earlier: String = whole
  ) throws -> BenchComparison {
    let result = try #require(try read(earlier).result(for: Self.key))
    let rounds = now.enumerated().map { index, median in
      (index == 0 ? [median, minimum, median] : [median]).map { 0.001 * $0 }
    }
    return BenchComparison(RoundStatistics(rounds), earlier: result)
  }

  @Test(arguments: [
    ([8.0, 8.1, 8.2, 8.1, 8, 8.2], 7.9, "faster"),
    ([12, 12.1, 12.2, 12.1, 12, 12.2], 11.9, "slower"),
    ([10, 10.5, 10.25, 10.25, 10, 10.5], 9.5, "within noise"),
    // The median is greater, but not the fastest run.
    ([12, 12.1, 12.2, 12.1, 12, 12.2], 9.4, "within noise"),
    ([14, 14.1, 14.2, 14.1, 14, 14.2], 9.4, "machine busy"), ([20], 20, "too few rounds"),
  ])
  func verdicts(now: [Double], minimum: Double, verdict: String) throws {
    #expect(try comparison(now, minimum: minimum).verdict.rawValue == verdict)
  }

  @Test func aBusyMachineInTheEarlierReport() throws {
    let earlier = Self.whole.replacing("\"min_ms\":9.5", with: "\"min_ms\":3")
    #expect(
      try comparison([8, 8.1, 8.2, 8.1, 8, 8.2], minimum: 2.9, earlier: earlier).verdict
        == .busy)
    #expect(
      try comparison([8, 8.1, 8.2, 8.1, 8, 8.2], minimum: 7.9, earlier: earlier).verdict
        == .busy)
  }

  @Test func ratiosAndEnvironments() throws {
    let found = try comparison([20, 20, 20, 20, 20, 20], minimum: 20)
    #expect(abs(found.ratio.ratio - 1.97) < 0.05)
    #expect(found.earlierMedian == 0.01025)
    let now = ["processor": "Q", "instruction_set": "avx2", "openblas_core": "Zen"]
    let then = ["processor": "P", "instruction_set": "avx2", "openblas_core": "Haswell"]
    #expect(
      environmentDifferences(now: now, earlier: then, usesBLAS: false) == [
        "processor is Q, was P"
      ])
    #expect(
      environmentDifferences(now: now, earlier: [:], usesBLAS: true) == [
        "processor is Q, was unknown", "instruction set is avx2, was unknown",
        "openblas core is Zen, was unknown",
      ])
  }
}
