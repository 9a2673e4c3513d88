import CNNZoo
import Foundation
import TestSupport
import Testing

/// Stages, balance, early stopping and time limits of `train`, on tiny images.
@Suite(.enabled(if: Libraries.areThere, "OpenBLAS or LAPACKE is not installed"))
struct TrainingPlanTests {
  private let dataset: ColoredImages
  private var output: String { dataset.folder + "/own.safetensors" }
  private var run: String { dataset.folder + "/own.run" }

  init() throws { dataset = try ColoredImages(perClass: [14, 10, 6]) }

  private static let scratch = ["--from-scratch", "--model", "mobilenetv3-small"]

  private func train(_ arguments: [String], to output: String? = nil) throws -> Tool.Outcome {
    let recipe = ["--image-size", "32", "--batch", "9", "--format", "json"]
    return try Tool.run(
      ["train", dataset.images, "-o", output ?? self.output] + recipe + arguments)
  }

  private func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(filePath: path)) }

  private func records(_ type: String) throws -> [[String: Any]] {
    try String(contentsOfFile: "\(run)/log.jsonl", encoding: .utf8).split(separator: "\n")
      .map { try object(String($0)) }.filter { $0["type"] as? String == type }
  }

  // MARK: Progressive learning

  @Test func imagesGrowInStages() throws {
    let outcome = try train(
      Self.scratch + [
        "--epochs", "4", "--stages", "2", "--start-size", "24", "--start-dropout", "0.05",
      ])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try records("epoch").map { $0["image_size"] as? Int } == [24, 24, 32, 32])
    let planned = try #require(
      try records("event").first { $0["event"] as? String == "planned" }?["stages"]
        as? [[String: Any]])
    #expect(planned.map { $0["dropout"] as? Double } == [0.05, 0.2])
    // The table of the stages.
    for row in ["1-2    24    0.050", "3-4    32    0.200"] {
      #expect(outcome.errors.contains(row), "\(outcome.errors)")
    }
  }

  @Test func presetsSetEachEndpoint() throws {
    let outcome = try train(Self.scratch + ["--epochs", "4", "--progressive", "m"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    // 128 to 380, in proportion.
    #expect(try records("epoch").map { $0["image_size"] as? Int } == [11, 18, 25, 32])
    let configuration = try #require(
      try records("header").first?["configuration"] as? [String: Any])
    #expect(configuration["dropout"] as? Double == 0.4)
    // Without a preset, the next argument is the folder.
    let refused = try Tool.run(["train", "--progressive", dataset.images, "-o", output, "xl"])
    #expect(refused.status == 64 && refused.errors.contains("'xl'"), "\(refused.errors)")
  }

  @Test func runsResumeAcrossStages() throws {
    let arguments =
      Self.scratch + ["--epochs", "3", "--start-size", "24", "--save-every", "1", "-t", "1"]
    #expect(try train(arguments).status == 0)
    let expected = try bytes(output)
    for epoch in 0..<3 {
      try FileManager.default.removeItem(atPath: output)
      let killed = try Tool.shell(
        "run=$1; shift; rm -rf \"$run\"; \"$cnnzoo\" \"$@\" & pid=$!;"
          + " until grep -q '\"epoch\":\(epoch),\"step\":1' \"$run/log.jsonl\" 2>/dev/null;"
          + " do :; done; kill -9 $pid; wait $pid",
        [run, "train", dataset.images, "-o", output, "--image-size", "32", "--batch", "9"]
          + arguments)
      #expect(killed.status == 137 || killed.status == 0, "\(killed.errors)")
      let resumed = try Tool.run(["train", "--resume", run, "-t", "2"])
      #expect(resumed.status == 0, "\(resumed.errors)")
      #expect(try bytes(output) == expected, "killed in epoch \(epoch)")
    }
  }

  // MARK: The end of a run

  /// With a learning rate of 0, no epoch is better than the first, nor than the head.
  @Test func runsThatDoNotImproveStopAndKeepTheHead() throws {
    let weights = try TestFiles.network()
    let outcome = try train(weights + ["--lr", "0", "--epochs", "9", "--patience", "2"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let report = try object(outcome.output)
    #expect(report["stopped_at"] as? Int == 3 && report["best_epoch"] as? Int == 1)
    #expect(report["keeps_head"] as? Bool == true && report["temperature"] is NSNull)
    #expect(report["top1"] as? Double == report["head_top1"] as? Double)
    let trained = try #require(report["trained_top1"] as? Double)
    #expect(try bytes(output) == bytes("\(run)/head.safetensors"))
    // The trained network as it was measured: its logits are divided by a temperature.
    #expect(try bytes("\(run)/result.safetensors") != bytes("\(run)/best.safetensors"))
    #expect(outcome.errors.contains("closed-form head: validation"))
    #expect(try records("epoch").count == 3)
    let resumed = try Tool.run(["train", "--resume", run])
    #expect(resumed.status == 0 && resumed.output.contains("\(run)/result.safetensors"))
    // The head is kept, but the report also says what training achieved.
    let share = String(format: "%.1f %%", 100 * trained)
    #expect(resumed.output.contains("After training the whole network: "))
    #expect(resumed.output.contains(" correct, \(share)"))
    let summary = try String(contentsOfFile: "\(run)/report.md", encoding: .utf8)
    #expect(summary.contains("| trained network, validation | \(share) |"))
  }

  /// The output's logits are those of the best weights, divided by the temperature; the other tensors are
  /// the same.
  @Test func probabilitiesAreCalibrated() throws {
    let outcome = try train(Self.scratch + ["--epochs", "2", "--batch-norm", "fixed"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let temperature = try #require(try object(outcome.output)["temperature"] as? Double)
    #expect(temperature > 0 && temperature != 1)
    let (best, result) = (
      try WeightFile(path: "\(run)/best.safetensors"), try WeightFile(path: output)
    )
    for tensor in best.tensors {
      let factor = tensor.name.hasPrefix("classifier.3.") ? 1 / temperature : 1
      let expected = try tensor.floats().map { Float(Double($0) * factor) }
      let found = try #require(result[tensor.name]).floats()
      #expect(zip(found, expected).allSatisfy { abs($0 - $1) <= 1e-6 * abs($1) }, "\(tensor.name)")
    }
  }

  /// With batch statistics, the result has other running statistics, or the log loss would be higher.
  @Test func statisticsAreEstimatedAgain() throws {
    let outcome = try train(Self.scratch + ["--epochs", "2", "--val", "0"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try object(outcome.output)["new_statistics"] as? Bool == true)
    let (best, result) = (
      try WeightFile(path: "\(run)/best.safetensors"), try WeightFile(path: output)
    )
    for tensor in best.tensors {
      let isStatistic =
        tensor.name.hasSuffix("running_mean") || tensor.name.hasSuffix("running_var")
      let isSame = try tensor.floats() == #require(result[tensor.name]).floats()
      #expect(isSame != isStatistic, "\(tensor.name)")
    }
  }

  @Test func sizeOfInferenceIsInTheResult() throws {
    let outcome = try train(Self.scratch + ["--epochs", "1", "--inference-size", "40"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try WeightFile(path: output).metadata["preprocessing.crop"] == "40")
  }

  // MARK: Balance

  @Test func balanceChangesTheResultButNotWithThreads() throws {
    var results: [[String: [Float]]] = []
    for balance in ["none", "weights", "sampling"] {
      let path = "\(dataset.folder)/\(balance).safetensors"
      let arguments = Self.scratch + ["--epochs", "2", "--balance", balance]
      #expect(try train(arguments + ["-t", "1"], to: path).status == 0)
      let expected = try bytes(path)
      #expect(try train(arguments + ["-t", "2", "--overwrite"], to: path).status == 0)
      #expect(try bytes(path) == expected)
      results.append(try tensorValues(path))
    }
    #expect(Set(results).count == 3)
  }

  @Test func verySmallClassesAreNamed() throws {
    for seed in 1..<6 {
      try FileManager.default.removeItem(atPath: "\(dataset.images)/red/\(seed).ppm")
    }
    try dataset.write("red/another", 0, 40)
    let outcome = try train(Self.scratch + ["--epochs", "1", "--val", "0"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains("blue has 14 images for training, red 2; --balance"))
    let balanced = try train(
      Self.scratch + ["--epochs", "1", "--val", "0", "--balance", "sampling", "--overwrite"])
    #expect(balanced.status == 0 && !balanced.errors.contains("--balance"))
  }

  // MARK: Time

  /// What is planned for a time gives the same bits when given by options.
  @Test(arguments: [[], ["--progressive"]])
  func plansForATimeCanBeRepeated(arguments: [String]) throws {
    let start = arguments.isEmpty ? [] : ["--start-size", "20"]
    let outcome = try train(Self.scratch + arguments + start + ["--time", "6s"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let line = try #require(
      outcome.errors.split(separator: "\n").first { $0.contains("planned for the time: ") })
    let options = try #require(line.components(separatedBy: "time: ").last)
    #expect(options.contains("--epochs"))
    let again = "\(dataset.folder)/again.safetensors"
    let repeated = try train(
      Self.scratch + arguments + options.split(separator: " ").map(String.init), to: again)
    #expect(repeated.status == 0, "\(repeated.errors)")
    #expect(try bytes(again) == bytes(output))
  }

  @Test(arguments: ["0", "20x", "m", "1m1h", "-3s", "99999999999999999999s", "1.5h"])
  func timesAreChecked(time: String) throws {
    let outcome = try train(Self.scratch + ["--time=\(time)"])
    #expect(outcome.status == 64 && outcome.errors.contains("--time"), "\(outcome.errors)")
  }

  @Test(arguments: [
    ["--stages", "0"], ["--start-size", "0"], ["--start-size", "3000"], ["--start-dropout", "1"],
    ["--inference-size", "0"], ["--patience", "0"], ["--image-size", "2049"],
  ])
  func valuesOutOfRangeAreRefused(arguments: [String]) throws {
    let outcome = try train(Self.scratch + arguments)
    #expect(
      outcome.status == 64 && outcome.errors.contains("\(arguments[0]) is out of range"),
      "\(outcome.errors)")
    #expect(!FileManager.default.fileExists(atPath: run))
  }
}
