import CNNZoo
import Foundation
import TestSupport
import Testing

/// `train` without `--head-only`, on tiny images.
@Suite(.enabled(if: Libraries.areThere, "OpenBLAS or LAPACKE is not installed"))
struct NetworkTrainingTests {
  private let dataset: ColoredImages
  private var folder: String { dataset.folder }
  private var images: String { dataset.images }
  private var output: String { folder + "/trained.safetensors" }
  private var run: String { folder + "/trained.run" }

  init() throws { dataset = try ColoredImages() }

  private static let recipe = ["--image-size", "32", "--epochs", "2", "--batch", "7"]

  private func train(
    _ arguments: [String], to output: String? = nil, environment: [String: String]? = nil
  ) throws -> Tool.Outcome {
    try Tool.run(
      ["train", images, "-o", output ?? self.output] + Self.recipe + arguments,
      environment: environment)
  }

  private func resume(_ arguments: [String] = []) throws -> Tool.Outcome {
    try Tool.run(["train", "--resume", run] + arguments)
  }

  private func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(filePath: path)) }

  /// The output, and the trained weights even if the output is the head.
  private func results(_ output: String) throws -> [Data] {
    try [output, output.replacingOccurrences(of: ".safetensors", with: ".run/best.safetensors")]
      .map(bytes)
  }

  private static let scratch = ["--from-scratch", "--model", "mobilenetv3-small"]

  /// A run that is interrupted by `script`, in which `$1` is the run's folder.
  private func start(_ arguments: [String], then script: String) throws -> Tool.Outcome {
    try Tool.shell(
      "run=$1; shift; rm -rf \"$run\"; \"$cnnzoo\" \"$@\" & pid=$!; \(script); wait $pid",
      [run, "train", images, "-o", output] + Self.recipe + arguments)
  }

  // MARK: Results

  @Test func outputClassifies() throws {
    let outcome = try train(try TestFiles.network() + ["--format", "json", "--epochs", "4"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let report = try object(outcome.output)
    #expect(report["validation_images"] as? Int == 6 && report["training_images"] as? Int == 24)
    #expect((report["epochs"] as? [Any])?.count == 4)
    let answers = try Tool.run([
      "classify", "\(images)/red/0.ppm", "--weights", output, "--format", "json",
    ])
    #expect(answers.status == 0 && answers.output.contains("\"green\""), "\(answers.errors)")
  }

  /// The validation figure is that of `evaluate` on the written file, image by image.
  @Test func validationEqualsEvaluate() throws {
    let outcome = try train(Self.scratch + ["--format", "json", "--val", "0.4"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let report = try object(outcome.output)
    let list = try String(contentsOfFile: "\(run)/images.jsonl", encoding: .utf8)
    var count = 0
    for line in list.split(separator: "\n") {
      let record = try object(String(line))
      guard record["split"] as? String == "val" else { continue }
      let file = try #require(record["file"] as? String)
      let path = "\(folder)/val/\(file)"
      try FileManager.default.createDirectory(
        atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
      try FileManager.default.copyItem(atPath: "\(images)/\(file)", toPath: path)
      count += 1
    }
    #expect(count == report["validation_images"] as? Int && count == 12)
    let evaluated = try Tool.run([
      "evaluate", "\(folder)/val", "--weights", output, "--format", "json",
    ])
    #expect(evaluated.status == 0, "\(evaluated.errors)")
    let figures = try object(evaluated.output)
    for key in ["top1", "log_loss", "balanced_accuracy"] {
      #expect(figures[key] as? Double == report[key] as? Double, "\(key)")
    }
  }

  @Test func bytesDependOnTheSeedAlone() throws {
    let weights = try TestFiles.network()
    #expect(try train(weights + ["-t", "1"]).status == 0)
    let expected = try results(output)
    for (index, arguments) in [
      ["-t", "2"], ["--cache-memory", "0"], ["--save-every", "1"], ["--recompute"],
    ].enumerated() {
      let other = "\(folder)/\(index).safetensors"
      #expect(try train(weights + arguments, to: other).status == 0)
      #expect(try results(other) == expected, "\(arguments)")
    }
    let other = "\(folder)/seed.safetensors"
    #expect(try train(weights + ["--seed", "1"], to: other).status == 0)
    let best = try tensorValues("\(run)/best.safetensors")
    #expect(try tensorValues("\(folder)/seed.run/best.safetensors") != best)
  }

  private static let augmented = [
    "--rand-augment", "9", "--rand-augment-operations", "3", "--erasing", "0.3", "--mixup", "0.2",
    "--cutmix", "1",
  ]

  /// The same bytes with any number of threads and without a cache; others without each option.
  @Test func augmentationDependsOnTheSeedAlone() throws {
    let arguments = Self.scratch + Self.augmented
    #expect(try train(arguments + ["-t", "1"]).status == 0)
    let expected = try bytes(output)
    let other = "\(folder)/other.safetensors"
    #expect(try train(arguments + ["-t", "3", "--cache-memory", "0"], to: other).status == 0)
    #expect(try bytes(other) == expected)
    let values = try tensorValues(output)
    for first in stride(from: 0, to: Self.augmented.count, by: 2) {
      var rest = Self.augmented
      rest.replaceSubrange(first..<first + 2, with: first == 0 ? ["--rand-augment", "5"] : [])
      let outcome = try train(Self.scratch + rest + ["--overwrite"], to: other)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(try tensorValues(other) != values, "\(Self.augmented[first]) has no effect")
    }
    let metadata = try WeightFile(path: output).metadata["training"]
    #expect(metadata?.contains("\"mixup_alpha\":0.2") == true)
  }

  /// Frozen layers keep every value, batch norm's statistics included.
  @Test func frozenStagesStay() throws {
    let outcome = try train(
      try TestFiles.network() + ["--freeze", "2", "--batch-norm", "batch", "--ema", "0"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let before = try WeightFile(path: try #require(try TestFiles.network().last))
    let after = try WeightFile(path: "\(run)/best.safetensors")
    var (same, moved) = (0, 0)
    for tensor in before.tensors {
      guard let other = after[tensor.name], other.shape == tensor.shape else { continue }
      // The stem and the blocks of the first two stages.
      let isFrozen = (0...3).contains { tensor.name.hasPrefix("features.\($0).") }
      if isFrozen {
        #expect(try tensor.floats() == other.floats(), "\(tensor.name)")
        same += 1
      } else if try tensor.floats() != other.floats() {
        moved += 1
      }
    }
    #expect(same > 20 && moved > 50)
  }

  // MARK: Interruptions

  @Test func interruptSavesAndResumes() throws {
    #expect(try train(Self.scratch).status == 0)
    let expected = try bytes(output)
    try FileManager.default.removeItem(atPath: output)
    let stopped = try start(
      Self.scratch,
      then: "until grep -q '\"type\":\"step\"' \"$run/log.jsonl\" 2>/dev/null; do sleep 0.01; done;"
        + " kill -TERM $pid")
    #expect(stopped.status == 143 || stopped.status == 0, "\(stopped.errors)")
    if stopped.status == 143 {
      #expect(stopped.errors.contains("cnnzoo train --resume \(run)"))
      #expect(try resume(["-t", "1"]).status == 0)
    }
    #expect(try bytes(output) == expected)
  }

  @Test(arguments: [1, 4, 7])
  func killedRunsResume(step: Int) throws {
    let arguments = Self.scratch + Self.augmented + ["--save-every", "1"]
    #expect(try train(arguments).status == 0)
    let expected = try bytes(output)
    try FileManager.default.removeItem(atPath: output)
    let killed = try start(
      arguments,
      then: "until [ $(grep -c '\"type\":\"step\"' \"$run/log.jsonl\" 2>/dev/null || true)0 -ge"
        + " \(step)0 ]; do :; done; kill -9 $pid")
    #expect(killed.status == 137 || killed.status == 0, "\(killed.errors)")
    let resumed = try resume()
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(try bytes(output) == expected)
  }

  /// The precision is the run's, and so is the warning.
  @Test func emulationIsReportedOnResumingToo() throws {
    let environment = ProcessInfo.processInfo.environment
      .merging(["CNNZOO_ISA": "baseline"]) { $1 }
    let warning = "cnnzoo: warning: this processor emulates bf16: correct, but no faster than f32\n"
    let begun = try train(Self.scratch + ["--precision", "bf16"], environment: environment)
    let resumed = try Tool.run(["train", "--resume", run], environment: environment)
    for outcome in [begun, resumed] {
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.errors.components(separatedBy: warning).count == 2, "\(outcome.errors)")
    }
    let exact = try train(Self.scratch + ["--overwrite"], environment: environment)
    #expect(exact.status == 0 && !exact.errors.contains("emulates"), "\(exact.errors)")
  }

  /// Whatever determines the result must be the same; each change is named.
  @Test func changedRunsAreRefused() throws {
    #expect(try train(Self.scratch).status == 0)
    let state = try bytes("\(run)/state-0.safetensors")
    let rate = try resume(["--lr", "0.5"])
    #expect(rate.status == 64 && rate.errors.contains("rate was 0.001, is 0.5"), "\(rate.errors)")
    for (arguments, change) in [
      (["--rand-augment", "9"], "rand_augment_magnitude was null, is 9.0"),
      (["--rand-augment-operations", "3"], "rand_augment_operations was 2, is 3"),
      (["--erasing", "0.1"], "erasing_probability was 0.0, is 0.1"),
      (["--mixup", "0.2"], "mixup_alpha was 0.0, is 0.2"),
      (["--cutmix", "1"], "cutmix_alpha was 0.0, is 1.0"),
    ] {
      let outcome = try resume(arguments)
      #expect(outcome.status == 64 && outcome.errors.contains(change), "\(outcome.errors)")
    }
    let isa = try Tool.run(
      ["train", "--resume", run],
      environment: ProcessInfo.processInfo.environment.merging(["CNNZOO_ISA": "baseline"]) { $1 })
    #expect(isa.status == 64 && isa.errors.contains("instruction_set"), "\(isa.errors)")
    try dataset.write("red/new", 0, 77)
    let added = try resume()
    #expect(added.status == 64 && added.errors.contains("red/new.ppm"), "\(added.errors)")
    try FileManager.default.removeItem(atPath: "\(images)/red/new.ppm")
    try dataset.write("red/3", 1, 3)
    let changed = try resume()
    #expect(changed.status == 64 && changed.errors.contains("red/3.ppm"), "\(changed.errors)")
    #expect(try bytes("\(run)/state-0.safetensors") == state)
    let again = try train(Self.scratch)
    #expect(again.status == 64 && again.errors.contains("--overwrite"), "\(again.errors)")
  }

  // MARK: Failures

  @Test func damagedImagesAreLeftOut() throws {
    try Data("P6 36 36 255\nshort".utf8).write(to: URL(filePath: "\(images)/red/bad.ppm"))
    let outcome = try train(Self.scratch + ["--format", "json"])
    #expect(outcome.status == 1)
    #expect(outcome.errors.components(separatedBy: "bad.ppm").count == 2, "\(outcome.errors)")
    #expect(try object(outcome.output)["training_images"] as? Int == 24)
  }

  @Test func divergenceKeepsTheLastState() throws {
    let outcome = try train(
      Self.scratch + ["--lr", "1e30", "--optimizer", "sgd", "--warmup", "0", "--save-every", "1"])
    #expect(outcome.status == 65 && outcome.errors.contains("diverged"), "\(outcome.errors)")
    #expect(outcome.errors.contains("features.") && outcome.errors.contains(run))
    #expect(!FileManager.default.fileExists(atPath: output))
    let log = try String(contentsOfFile: "\(run)/log.jsonl", encoding: .utf8)
    #expect(log.contains("\"event\":\"non-finite\""))
    #expect(log.components(separatedBy: "\"type\":\"step\"").count <= 3)
  }

  @Test func batchesFitTheMemory() throws {
    let outcome = try train(
      Self.scratch + ["--memory", "62M", "--batch", "24", "--image-size", "128"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let log = try String(contentsOfFile: "\(run)/log.jsonl", encoding: .utf8)
    #expect(!log.contains("\"batch\":24,"))
    let little = try train(Self.scratch + ["--memory", "1M", "--overwrite"])
    #expect(little.status == 2 && little.errors.contains("MiB"), "\(little.errors)")
  }

  @Test func fullDiskKeepsTheRun() throws {
    // The log fits, a state does not.
    let outcome = try Tool.shell(
      "ulimit -f 64; \"$cnnzoo\" \"$@\"",
      ["train", images, "-o", output] + Self.recipe + Self.scratch)
    #expect(outcome.status == 74, "\(outcome.errors)")
    #expect(!FileManager.default.fileExists(atPath: output))
  }

  @Test(arguments: [
    ["--epochs", "0"], ["--label-smoothing", "1"], ["--dropout", "1"], ["--val", "1"],
    ["--ema", "2"], ["--image-size", "100000"], ["--image-size", "2049"],
    ["--rand-augment", "31"], ["--rand-augment=-1"], ["--rand-augment", "nan"],
    ["--rand-augment", "9", "--rand-augment-operations", "0"], ["--erasing", "1.01"],
    ["--mixup=-0.1"], ["--mixup", "11"], ["--cutmix", "inf"],
  ])
  func valuesOutOfRangeAreRefused(arguments: [String]) throws {
    let outcome = try train(Self.scratch + arguments)
    #expect(outcome.status == 64 && outcome.errors.contains("expected"), "\(outcome.errors)")
    let option = try #require(arguments.last { $0.hasPrefix("--") }).split(separator: "=")[0]
    #expect(outcome.errors.contains("\(option) is out of range"), "\(outcome.errors)")
    #expect(!FileManager.default.fileExists(atPath: run))
  }
}
