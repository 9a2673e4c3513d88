import CNNZoo
import Foundation
import TestSupport
import Testing

/// What users of training tools report as bugs again and again. Those that other suites cover:
///
/// - A validation figure that predicting does not reach: `validationEqualsEvaluate`, `validationImageByImage`.
/// - Resuming that starts anew, resets the learning rate or forgets the best epoch: `killedRunsResume`,
///   `runsResumeAcrossStages`.
/// - A last batch of one image: `stepsAreEqual`.
/// - "Frozen" layers whose statistics move: `frozenStagesStay`.
/// - NaN for a whole night: `divergenceKeepsTheLastState`.
/// - EXIF orientation in training, but not in predicting: `exifOrientationIsApplied`.
/// - The same seed, another result: `bytesDependOnTheSeedAlone`.
/// - Copies on both sides of the split: `copiesStayTogether`.
@Suite(.enabled(if: Libraries.areThere, "OpenBLAS or LAPACKE is not installed"))
struct TrainingComplaintTests {
  private let dataset: ColoredImages
  private var output: String { dataset.folder + "/own.safetensors" }

  init() throws { dataset = try ColoredImages(perClass: [8, 8, 8]) }

  private static let scratch = [
    "--from-scratch", "--model", "mobilenetv3-small", "--image-size", "32", "--format", "json",
  ]

  private func train(_ folder: String, _ arguments: [String]) throws -> Tool.Outcome {
    try Tool.run(["train", folder, "-o", output] + Self.scratch + arguments)
  }

  private func copy(_ source: String, _ destination: String) throws {
    let path = "\(dataset.folder)/\(destination)"
    try FileManager.default.createDirectory(
      atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: "\(dataset.images)/\(source)", toPath: path)
  }

  /// Copies images of each class into a split.
  private func split(_ name: String, _ classes: [String], _ seeds: Range<Int>) throws {
    for label in classes {
      for seed in seeds { try copy("\(label)/\(seed).ppm", "divided/\(name)/\(label)/\(seed).ppm") }
    }
  }

  /// `test` taken for validation, and `valid` not seen.
  @Test(arguments: ["val", "valid", "validation"])
  func validationFoldersAreFoundAndTestsLeftAlone(name: String) throws {
    try split("train", ["blue", "green", "red"], 0..<4)
    try split(name, ["blue", "green", "red"], 4..<6)
    try split("test", ["blue", "green", "red"], 6..<7)
    let outcome = try train("\(dataset.folder)/divided", ["--epochs", "1"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let report = try object(outcome.output)
    #expect(report["training_images"] as? Int == 12 && report["validation_images"] as? Int == 6)
    let list = try String(
      contentsOfFile: "\(dataset.folder)/own.run/images.jsonl", encoding: .utf8)
    #expect(!list.contains("test/"))
  }

  /// Class numbers that shift because one half lacks a class.
  @Test func classesMissingFromValidationKeepTheirNumbers() throws {
    try split("train", ["blue", "green", "red"], 0..<6)
    try split("val", ["blue", "red"], 6..<8)
    let outcome = try train("\(dataset.folder)/divided", ["--epochs", "1"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let labels = try #require(try WeightFile(path: output).metadata["labels"])
    let names = ["blue", "green", "red"].compactMap { labels.range(of: $0)?.lowerBound }
    #expect(names.count == 3 && names == names.sorted())
    let evaluated = try Tool.run([
      "evaluate", "\(dataset.folder)/divided", "--split", "val", "--weights", output, "--format",
      "json",
    ])
    #expect(evaluated.status == 0, "\(evaluated.errors)")
    #expect(
      try object(evaluated.output)["top1"] as? Double == object(outcome.output)["top1"] as? Double)
    // A class of which training knows nothing is refused.
    try split("val", ["green"], 6..<7)
    try FileManager.default.moveItem(
      atPath: "\(dataset.folder)/divided/val/green",
      toPath: "\(dataset.folder)/divided/val/purple")
    let refused = try train("\(dataset.folder)/divided", ["--epochs", "1", "--overwrite"])
    #expect(refused.status != 0 && refused.errors.contains("purple"), "\(refused.errors)")
  }

  /// Batch norm that is good in training and bad in evaluation: with few small batches, its running
  /// statistics lag behind the weights.
  @Test func evaluationIsAsGoodAsTraining() throws {
    for name in ["train", "val"] { try split(name, ["blue", "green", "red"], 0..<8) }
    let outcome = try train(
      "\(dataset.folder)/divided",
      ["--epochs", "30", "--batch", "8", "--crop-area", "1", "--no-flip", "--ema", "0"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let report = try object(outcome.output)
    let epochs = try #require(report["epochs"] as? [[String: Any]])
    let trained = try #require(epochs.last?["train_accuracy"] as? Double)
    let validated = try #require(report["top1"] as? Double)
    #expect(validated > 0.9 && validated >= trained - 0.1, "\(trained) \(validated)")
  }

  /// One damaged image that ends an epoch, unnamed; and unusual ones that are fine.
  @Test func oddImagesAreUsedAndDamagedOnesNamed() throws {
    let odd = "\(RealData.package)/Tests/CommandTests/Goldens/odd"
    for name in try FileManager.default.contentsOfDirectory(atPath: odd)
    where !name.hasSuffix("gif") {
      try FileManager.default.copyItem(
        atPath: "\(odd)/\(name)", toPath: "\(dataset.images)/red/\(name)")
    }
    let jpeg = try Data(contentsOf: URL(filePath: "\(odd)/cmyk.jpg"))
    for (name, bytes) in [
      ("empty.jpg", Data()), ("cut.jpg", jpeg.prefix(jpeg.count / 2)),
      ("text.png", Data("no image".utf8)),
    ] {
      try bytes.write(to: URL(filePath: "\(dataset.images)/blue/\(name)"))
    }
    let outcome = try train(dataset.images, ["--epochs", "1", "--val", "0"])
    #expect(outcome.status == 1, "\(outcome.errors)")
    for name in ["empty.jpg", "cut.jpg", "text.png"] {
      #expect(outcome.errors.components(separatedBy: "blue/\(name)").count == 2, "\(name)")
    }
    // Eight orientations, CMYK, 16 bits, grey, and one pixel.
    #expect(try object(outcome.output)["training_images"] as? Int == 24 + 12)
  }

  /// A class with a single image is for training; one that is unusable is an error.
  @Test func classesOfOneImage() throws {
    for seed in 1..<8 {
      try FileManager.default.removeItem(atPath: "\(dataset.images)/red/\(seed).ppm")
    }
    let outcome = try train(dataset.images, ["--epochs", "1"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let list = try String(
      contentsOfFile: "\(dataset.folder)/own.run/images.jsonl", encoding: .utf8)
    #expect(list.contains(#""file":"red/0.ppm","class":"red","split":"train""#))
    try Data().write(to: URL(filePath: "\(dataset.images)/red/0.ppm"))
    let refused = try train(dataset.images, ["--epochs", "1", "--overwrite"])
    #expect(refused.status != 0 && refused.errors.contains("red"), "\(refused.errors)")
  }

  @Test func outputsThatCannotBeWrittenAreRefusedFirst() throws {
    let outcome = try Tool.run(
      ["train", dataset.images, "-o", "\(dataset.folder)/no/such/own.safetensors"] + Self.scratch)
    #expect(outcome.status != 0 && outcome.errors.contains("/no/such"), "\(outcome.errors)")
    #expect(!outcome.errors.contains("epoch 1/"))
  }

  /// Memory that grows from epoch to epoch.
  @Test func memoryIsFlat() throws {
    let script = """
      "$cnnzoo" "$@" > /dev/null 2>&1 & pid=$!
      while rss=$(awk '/VmRSS/ { print $2 }' /proc/$pid/status 2>/dev/null) && [ -n "$rss" ]
      do echo $rss; sleep 0.02; done; wait $pid
      """
    let outcome = try Tool.shell(
      script,
      ["train", dataset.images, "-o", output] + Self.scratch + ["--epochs", "40", "--batch", "8"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let sizes = outcome.lines.compactMap { Int($0) }
    // First images are read, and last batch norm's statistics are estimated; in between are epochs.
    let count = sizes.count
    try #require(count > 20)
    let early = try #require(sizes[count / 5..<count / 2].max())
    let late = try #require(sizes[count / 2..<count * 17 / 20].max())
    #expect(late < early + early / 20, "\(early) \(late)")
  }
}
