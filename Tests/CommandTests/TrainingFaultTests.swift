import CNNZoo
import Foundation
import TestSupport
import Testing

/// What can go wrong in a run of `train`, and where its weights come from.
@Suite(.enabled(if: Libraries.areThere, "OpenBLAS or LAPACKE is not installed"))
struct TrainingFaultTests {
  private let folder: String
  private var images: String { folder + "/images" }
  private var output: String { folder + "/trained.safetensors" }
  private var run: String { folder + "/trained.run" }

  init() throws {
    folder = try TestFiles.folder()
    for name in ["a", "b"] {
      try FileManager.default.createDirectory(
        atPath: "\(images)/\(name)", withIntermediateDirectories: true)
      for seed in 0..<8 {
        try TestFiles.image(
          "\(images)/\(name)/\(seed).ppm", shade: UInt8(name == "a" ? 3 + seed : 100 + seed))
      }
    }
  }

  private static let scratch = ["--from-scratch", "--model", "mobilenetv3-small"]

  private func train(_ arguments: [String]) throws -> Tool.Outcome {
    try Tool.run(["train", images, "-o", output, "--image-size", "32"] + arguments)
  }

  private func resume(_ arguments: [String] = []) throws -> Tool.Outcome {
    try Tool.run(["train", "--resume", run] + arguments)
  }

  private var weights: Data { get throws { try Data(contentsOf: URL(filePath: output)) } }

  private var log: String {
    get throws { try String(contentsOfFile: "\(run)/log.jsonl", encoding: .utf8) }
  }

  /// Enough steps that a signal arrives before the last.
  private static let long = scratch + ["--epochs", "6", "--batch", "2"]

  /// A new run that receives a signal after its first step.
  private func interrupt(_ signal: String) throws -> Tool.Outcome {
    // The log must be that of the new run.
    try? FileManager.default.removeItem(atPath: run)
    // Without job control, shells let background processes ignore SIGINT.
    return try Tool.shell(
      """
      run=$1; shift; set -m
      "$cnnzoo" "$@" & pid=$!
      until grep -q '"type":"step"' "$run/log.jsonl" 2> /dev/null; do sleep 0.01; done
      kill -\(signal) $pid; wait $pid
      """, [run, "train", images, "-o", output, "--image-size", "32"] + Self.long)
  }

  @Test func interruptTellsHowToContinue() throws {
    #expect(try train(Self.long).status == 0)
    let expected = try weights
    try FileManager.default.removeItem(atPath: output)
    let stopped = try interrupt("INT")
    #expect(stopped.status == 130, "\(stopped.errors)")
    #expect(stopped.errors.contains("to continue: cnnzoo train --resume \(run)\n"))
    #expect(try log.contains("\"event\":\"stopped\""))
    #expect(!FileManager.default.fileExists(atPath: output))
    #expect(try resume(["-t", "1", "--save-every", "3"]).status == 0)
    #expect(try weights == expected)
  }

  /// A state that does not fit leaves the one before it, from which the run continues.
  @Test(
    .enabled(if: Tool.bearsAddressLimits, "a sanitizer writes files of its own, beyond the limit"))
  func fullDiskDuringARun() throws {
    #expect(try train(Self.long).status == 0)
    let expected = try weights
    try FileManager.default.removeItem(atPath: output)
    #expect(try interrupt("TERM").status == 143)
    let full = try Tool.shell(
      "ulimit -f 64; \"$cnnzoo\" \"$@\"", ["train", "--resume", run, "--save-every", "1"])
    #expect(full.status == 74, "\(full.errors)")
    #expect(full.errors.contains("is intact: make room, then resume"), "\(full.errors)")
    #expect(try resume().status == 0)
    #expect(try weights == expected)
  }

  /// A run that ended between its log's header and its first state starts from its first weights, if
  /// they are those.
  @Test func runsWithoutAStateBeginAgain() throws {
    #expect(try train(Self.long).status == 0)
    let expected = try weights
    try FileManager.default.removeItem(atPath: output)
    #expect(try interrupt("KILL").status == 137)
    let header = try #require(try log.split(separator: "\n").first)
    try Data("\(header)\n".utf8).write(to: URL(filePath: "\(run)/log.jsonl"))
    for name in ["state-0", "state-1"] {
      try? FileManager.default.removeItem(atPath: "\(run)/\(name).safetensors")
    }
    let first = try Data(contentsOf: URL(filePath: "\(run)/last.safetensors"))
    try expected.write(to: URL(filePath: "\(run)/last.safetensors"))
    let refused = try resume()
    #expect(refused.status == 65 && refused.errors.contains("last.safetensors: damaged"))
    try first.write(to: URL(filePath: "\(run)/last.safetensors"))
    #expect(try resume().status == 0)
    #expect(try weights == expected)
  }

  /// The only step of an epoch makes weights that are finite, but too large to compute with.
  @Test(arguments: [["--lr", "1e20"], ["--lr", "1e38", "--optimizer", "sgd"], ["--lr", "300"]])
  func divergenceInTheLastStep(arguments: [String]) throws {
    let outcome = try train(
      Self.scratch + ["--epochs", "1", "--warmup", "0", "--ema", "0"] + arguments)
    #expect(outcome.status == 65, "\(outcome.errors)")
    #expect(outcome.errors.contains("diverged: ") && outcome.errors.contains("features."))
    #expect(!FileManager.default.fileExists(atPath: output))
    #expect(try log.contains("\"event\":\"non-finite\""))
    let again = try resume()
    #expect(again.status == 65 && again.errors.contains("diverged: "), "\(again.errors)")
  }

  @Test func removedAndRenamedImagesAreNamed() throws {
    #expect(try train(Self.scratch + ["--epochs", "1"]).status == 0)
    let (old, new) = ("\(images)/a/3.ppm", "\(images)/b/moved.ppm")
    try FileManager.default.moveItem(atPath: old, toPath: new)
    let moved = try resume()
    #expect(moved.status == 64 && moved.errors.contains("b/moved.ppm was added"), "\(moved.errors)")
    try FileManager.default.removeItem(atPath: new)
    let removed = try resume()
    #expect(removed.status == 64 && removed.errors.contains("a/3.ppm"), "\(removed.errors)")
  }

  /// Each validation image as `classify` sees it.
  @Test func validationImageByImage() throws {
    let outcome = try train(
      Self.scratch + ["--epochs", "2", "--batch", "4", "--val", "0.4", "--format", "json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let report = try object(outcome.output)
    var (count, correct, loss) = (0, 0, 0.0)
    for line in try String(contentsOfFile: "\(run)/images.jsonl", encoding: .utf8)
      .split(separator: "\n")
    {
      let record = try object(line)
      guard record["split"] as? String == "val" else { continue }
      let file = try #require(record["file"] as? String)
      let answer = try Tool.run([
        "classify", "\(images)/\(file)", "--weights", output, "-k", "0", "--format", "jsonl",
      ])
      let top = try #require(try object(answer.output)["top"] as? [[String: Any]])
      let truth = try #require(top.first { $0["label"] as? String == String(file.prefix(1)) })
      count += 1
      correct += top[0]["label"] as? String == truth["label"] as? String ? 1 : 0
      loss -= Foundation.log(try #require(truth["probability"] as? Double))
    }
    #expect(count == report["validation_images"] as? Int && count > 4)
    #expect(report["top1"] as? Double == Double(correct) / Double(count))
    let reported = try #require(report["log_loss"] as? Double)
    #expect(abs(reported - loss / Double(count)) < 1e-5)
  }

  /// The output has the names of the file that training starts with, but not the prefix of a wrapper.
  @Test(arguments: [ParameterNaming.torchvision, .timm], ["", "module."])
  func outputKeepsTheNames(naming: ParameterNaming, prefix: String) throws {
    let file = try WeightFile(path: try TestFiles.weights.get())
    let names = SmallNetwork.model.fileNames(of: try SmallNetwork.graph(), in: naming)
    var writer = SafetensorsWriter(metadata: file.metadata)
    for tensor in file.tensors {
      writer.append(tensor, name: prefix + (names[tensor.name] ?? tensor.name))
    }
    try writer.write(to: "\(folder)/named.safetensors")
    let network = ["--model", "mobilenetv3-small", "--weights", "\(folder)/named.safetensors"]
    #expect(try train(network + ["--epochs", "1", "--batch", "4"]).status == 0)
    let written = try WeightFile(path: output)
    #expect(Set(written.tensors.map(\.name)).isSubset(of: names.values))
    // Resuming a complete run writes the same file again.
    let expected = try weights
    try FileManager.default.removeItem(atPath: output)
    #expect(try resume().status == 0)
    #expect(try weights == expected)
    let answers = try Tool.run(["classify", "\(images)/a/0.ppm", "--weights", output])
    #expect(answers.status == 0, "\(answers.errors)")
  }

  @Test(arguments: [
    ("--lr=-1", "--lr is out of range"), ("--clip=0", "--clip is out of range"),
    ("--crop-area=2", "--crop-area is out of range"), ("--freeze=99", "expected 0 to 5"),
    ("--width-multiplier=100", "must be from 0.05"),
    ("--save-every=0", "--save-every"), ("--memory=x", "--memory"), ("--optimizer=adam", "adamw"),
  ])
  func wrongValuesNameTheOption(argument: String, message: String) throws {
    let outcome = try train(Self.scratch + [argument])
    #expect(outcome.status == 64 && outcome.errors.contains(message), "\(outcome.errors)")
    #expect(!FileManager.default.fileExists(atPath: output))
    #expect(!FileManager.default.fileExists(atPath: run))
  }

  /// A run that fails before it begins leaves no folder, but does not remove one that was there.
  @Test(arguments: [
    (["--memory", "1K"], "MiB"), (["/missing"], "/missing"),
  ])
  func earlyFailuresLeaveNoFolder(arguments: [String], message: String) throws {
    var command = ["train", images, "-o", output, "--image-size", "32"] + Self.scratch
    if arguments.count == 1 { command[1] = arguments[0] } else { command += arguments }
    let outcome = try Tool.run(command)
    #expect(outcome.status != 0 && outcome.errors.contains(message), "\(outcome.errors)")
    #expect(!FileManager.default.fileExists(atPath: run))
    try FileManager.default.createDirectory(atPath: run, withIntermediateDirectories: false)
    #expect(try Tool.run(command).status == outcome.status)
    #expect(try FileManager.default.contentsOfDirectory(atPath: run) == [])
  }

  /// The widths are those of the options, and the file says so.
  @Test func widthsOfMobileNetV3() throws {
    let outcome = try train(
      Self.scratch + ["--epochs", "1", "--width-multiplier", "0.5", "--reduced-tail"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let file = try WeightFile(path: output)
    #expect(file.metadata["width_multiplier"] == "0.5" && file.metadata["reduced_tail"] == "true")
    let narrow = try #require(file["features.0.0.weight"])
    #expect(narrow.shape == [8, 3, 3, 3])
    #expect(try resume().status == 0)
    let answers = try Tool.run(["classify", "\(images)/a/0.ppm", "--weights", output])
    #expect(answers.status == 0, "\(answers.errors)")
  }

  /// TensorFlow's padding from scratch, as the file states.
  @Test func paddingFromScratch() throws {
    let outcome = try train(Self.scratch + ["--epochs", "1", "--padding", "same"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try WeightFile(path: output).metadata["padding"] == "same")
  }
}
