import CNNZoo
import Foundation
import Testing

/// `--precision` and `CNNZOO_PRECISION`.
struct PrecisionTests {
  private let folder: String
  private let image: String
  private let tensor: String
  private let dataset: String

  init() throws {
    folder = try TestFiles.folder()
    image = try TestFiles.image("\(folder)/image.ppm")
    tensor = "\(folder)/in.npy"
    let shape = [5, 3, 40, 48]
    let values = (0..<shape.reduce(1, *)).map { Float($0 * 37 % 101) / 50 - 1 }
    try NPYArray(shape: shape, values: values).write(to: tensor)
    // Two classes by their index, two images each.
    dataset = "\(folder)/dataset"
    for (index, name) in ["0", "1", "0", "1"].enumerated() {
      try FileManager.default.createDirectory(
        atPath: "\(dataset)/\(name)", withIntermediateDirectories: true)
      try TestFiles.image("\(dataset)/\(name)/\(index).ppm", shade: UInt8(3 + 50 * index))
    }
  }

  /// Valid arguments for each command that runs a network.
  private func arguments(_ command: String) throws -> [String] {
    let weights = ["--weights", try TestFiles.weights.get()]
    let network = try TestFiles.network()
    let json = ["--format", "json"]
    return switch command {
    case "classify": ["classify", image] + network + json
    case "embed": ["embed", image] + network
    case "similar": ["similar", image, image] + network + json
    case "explain": ["explain", image] + network + json
    case "evaluate": ["evaluate", dataset] + network + json
    case "train":
      ["train", "--head-only", dataset, "-o", "\(folder)/out.safetensors"] + network + json
    case "infer":
      ["infer", "mobilenetv3-small", "--input", tensor, "-o", "\(folder)/out.safetensors"] + weights
        + json
    case "bench":
      ["bench", "mobilenetv3-small", "--input-size", "32", "--min-time", "0", "-t", "1"] + json
    default: ["summary", "mobilenetv3-small", "--plan"] + json
    }
  }

  private static let commands = [
    "classify", "embed", "explain", "evaluate", "infer", "bench", "summary",
  ]

  private static let commandsWithLibraries = Libraries.areThere ? ["similar", "train"] : []

  /// The precision stated in the output.
  private func precision(_ outcome: Tool.Outcome) throws -> String? {
    #expect(outcome.status == 0, "\(outcome.errors)")
    let document = try object(outcome.output)
    let results = document["results"] as? [[String: Any]]
    return document["precision"] as? String ?? results?.first?["precision"] as? String
  }

  @Test(arguments: commands + commandsWithLibraries)
  func theOptionOverridesTheVariable(command: String) throws {
    let arguments = try arguments(command)
    func precision(_ option: [String], _ variable: String) throws -> String? {
      try self.precision(
        Tool.run(arguments + option, environment: ["CNNZOO_PRECISION": variable]))
    }
    #expect(try precision([], "") == "f32")
    #expect(try precision([], "int8") == "int8")
    #expect(try precision(["--precision", "bf16"], "int8") == "bf16")
    #expect(try precision(["--precision", "f32"], "nonsense") == "f32")
    // These weights have no record.
    #expect(try precision([], "auto") == "f32")
  }

  @Test(arguments: commands + ["similar", "train"])
  func usageErrors(command: String) throws {
    let arguments = try arguments(command)
    expectUsageError(try Tool.run(arguments + ["--precision", "f16"]), "'f16'")
    let blas = arguments + ["--backend", "blas"]
    expectUsageError(
      try Tool.run(blas + ["--precision", "int8"]),
      "the blas backend supports only f32; use the simd backend for int8")
    expectUsageError(
      try Tool.run(blas, environment: ["CNNZOO_PRECISION": "bf16"]), "use the simd backend for bf16"
    )
    expectUsageError(
      try Tool.run(arguments, environment: ["CNNZOO_PRECISION": "half"]),
      "CNNZOO_PRECISION=half is not a precision; set it to one of f32, bf16, int8, auto, or unset it"
    )
  }

  @Test(.enabled(if: Libraries.areThere, "OpenBLAS or LAPACKE is not installed"))
  func autoWithOpenBLAS() throws {
    let outcome = try Tool.run(
      try arguments("classify") + ["--backend", "blas", "--precision", "auto", "-v"])
    #expect(try precision(outcome) == "f32")
    #expect(
      outcome.errors.contains(
        "precision f32 (--precision auto: the blas backend supports only f32)"))
  }

  @Test(arguments: ["bf16", "int8"])
  func identicalBitsForAnyThreadsAndBatch(precision: String) throws {
    func logits(_ options: String...) throws -> [Float] {
      let outcome = try Tool.run(arguments("infer") + ["--precision", precision] + options)
      #expect(outcome.status == 0, "\(outcome.errors)")
      let file = try WeightFile(path: "\(folder)/out.safetensors")
      return try #require(file["logits"]).floats()
    }
    let expected = try logits("--threads", "1")
    #expect(try logits("--threads", "2", "--batch", "5") == expected)
    #expect(try logits("--threads", "2", "--batch", "3") == expected)
    #expect(try logits("--precision", "f32") != expected)
    func answers(_ options: String...) throws -> String {
      let outcome = try Tool.run(
        ["classify", dataset, image, "--format", "jsonl", "-k", "0", "--precision", precision]
          + options + TestFiles.network())
      #expect(outcome.status == 0, "\(outcome.errors)")
      return outcome.output
    }
    let single = try answers("--threads", "1", "--batch", "1")
    #expect(single.contains("\"precision\":\"\(precision)\""))
    #expect(try answers("--threads", "2", "--batch", "4") == single)
    #expect(try answers("--threads", "2", "--batch", "1") == single)
  }

  /// The baseline kernels emulate both precisions on every processor.
  @Test(arguments: commands + commandsWithLibraries)
  func emulationIsReportedOnce(command: String) throws {
    for precision in ["f32", "bf16", "int8"] {
      let outcome = try Tool.run(
        arguments(command),
        environment: ["CNNZOO_ISA": "baseline", "CNNZOO_PRECISION": precision])
      #expect(try self.precision(outcome) == precision)
      let warning =
        "cnnzoo: warning: this processor emulates \(precision): correct, but no faster than f32\n"
      #expect(
        outcome.errors.components(separatedBy: warning).count == (precision == "f32" ? 1 : 2),
        "\(outcome.errors)")
    }
  }

  /// A stage's first projection has no residual: it is computed in f32, or almost.
  @Test(arguments: ["bf16", "int8"])
  func sensitiveProjectionsStayCloseToF32(precision: String) throws {
    let plan = try Tool.run(["summary", "effnet-lite0", "--plan", "--precision", precision])
    #expect(plan.status == 0, "\(plan.errors)")
    func strategy(_ layer: String) -> String? {
      plan.output.split(separator: "\n").first { $0.contains(" \(layer) ") }
        .flatMap { $0.components(separatedBy: " gemm").last }
        .map { String($0.prefix(8)).trimmingCharacters(in: .whitespaces) }
    }
    for layer in ["features.2.0.block.2.1", "features.2.1.add"] {
      #expect(["", "bf16x3", "int16"].contains(strategy(layer)), "\(plan.output)")
    }
    // To 112 channels: bf16 is close enough for int8.
    let wide: [String?] = precision == "int8" ? ["", "bf16"] : ["", "bf16x3", "int16"]
    #expect(wide.contains(strategy("features.5.0.block.2.1")), "\(plan.output)")
    #expect(strategy("features.5.1.add") == precision, "\(plan.output)")
  }

  @Test func theEnvironmentListsPrecisions() throws {
    let outcome = try Tool.run(
      ["env", "--format", "json"], environment: ["CNNZOO_ISA": "baseline"])
    #expect(
      try object(outcome.output)["precisions"] as? [String: String] == [
        "f32": "native", "bf16": "emulated", "int8": "emulated",
      ])
    let text = try Tool.run(["env"], environment: ["CNNZOO_ISA": "baseline"]).output
    #expect(text.contains("f32 native, bf16 emulated, int8 emulated"))
  }

  @Test(arguments: [
    ("bf16", "", "bf16 (--precision)"), ("", "int8", "int8 (CNNZOO_PRECISION)"),
    ("auto", "", "f32 (--precision auto: this processor emulates the others)"),
    ("", "auto", "f32 (CNNZOO_PRECISION=auto: this processor emulates the others)"),
  ])
  func verboseNamesThePrecision(option: String, variable: String, expected: String) throws {
    let outcome = try Tool.run(
      try arguments("classify") + ["-v"] + (option.isEmpty ? [] : ["--precision", option]),
      environment: ["CNNZOO_ISA": "baseline", "CNNZOO_PRECISION": variable])
    #expect(outcome.errors.contains("cnnzoo: precision \(expected)\n"), "\(outcome.errors)")
  }

  @Test func thePlanShowsThePrecision() throws {
    let outcome = try Tool.run([
      "summary", "mobilenetv3-small", "--plan", "--precision", "int8",
    ])
    #expect(outcome.output.contains("simd, int8"))
    // Few inputs: bf16.
    #expect(outcome.output.contains("gemm int8") && outcome.output.contains("gemm bf16"))
  }

  @Test(.enabled(if: Libraries.areThere, "OpenBLAS or LAPACKE is not installed"))
  func trainedHeadsKeepTheirPrecision() throws {
    #expect(try Tool.run(arguments("train") + ["--precision", "bf16"]).status == 0)
    let path = "\(folder)/out.safetensors"
    #expect(try WeightFile(path: path).metadata["feature_precision"] == "bf16")
    #expect(try LoadedNetwork(weights: path).info.featurePrecision == .bf16)
  }

  /// `precision` is that of the network, so that of a class has another key.
  @Test func recordsOfAnEvaluationHaveBoth() throws {
    let outcome = try Tool.run(
      ["evaluate", dataset, "--format", "jsonl"] + TestFiles.network())
    for line in outcome.lines {
      let record = try object(line)
      #expect(record["precision"] as? String == "f32")
      #expect(record.keys.contains("class_precision"))
    }
  }
}
