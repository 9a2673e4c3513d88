import CNNZoo
import Foundation
import TestSupport
import Testing

/// The report that `train` leaves in a run's folder.
@Suite(.enabled(if: Libraries.areThere, "OpenBLAS or LAPACKE is not installed"))
struct RunReportTests {
  private let folder: String
  private var images: String { folder + "/images" }
  private var output: String { folder + "/own.safetensors" }
  private var run: String { folder + "/own.run" }

  init() throws {
    folder = try TestFiles.folder()
    for (shade, name) in ["a|b", "<ü>"].enumerated() {
      try FileManager.default.createDirectory(
        atPath: "\(images)/\(name)", withIntermediateDirectories: true)
      for seed in 0..<9 {
        try TestFiles.image("\(images)/\(name)/\(seed).ppm", shade: UInt8(3 + 100 * shade + seed))
      }
    }
  }

  private func train(_ arguments: [String]) throws -> Tool.Outcome {
    try Tool.run(["train", images, "-o", output, "--image-size", "32"] + arguments)
  }

  private static let scratch = ["--from-scratch", "--model", "mobilenetv3-small"]

  private var plot: String {
    get throws { try String(contentsOfFile: "\(run)/report.svg", encoding: .utf8) }
  }

  private var summary: String {
    get throws { try String(contentsOfFile: "\(run)/report.md", encoding: .utf8) }
  }

  /// Both files have the printed figure, and resuming the complete run writes the same files.
  @Test func figuresAgree() throws {
    let outcome = try train(try TestFiles.network() + ["--epochs", "2", "--val", "0.4"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let match = try #require(
      outcome.output.firstMatch(
        of:
          /Validation: (\d+) of (\d+) correct, ([0-9.]+ %) \(95 % interval ([^)]*)\), log loss ([0-9.]+)/
      ))
    #expect(outcome.output.contains("Report: \(run)/report.svg and \(run)/report.md"))
    let text = try summary
    #expect(
      text.contains("| validation | \(match.3) | \(match.4) | \(match.1) of \(match.2) |"),
      "\(text)")
    #expect(text.contains("| closed-form head, leave-one-out on the training images | "))
    #expect(text.contains("cnnzoo train \(images) -o \(output)"))
    #expect(text.contains("| a\\|b | ") && text.contains("| \\<ü\\> | "))
    let svg = SVGReader(try plot)
    #expect(svg.isWellFormed && svg.texts.contains(String(match.3)))
    #expect(svg.texts.contains(String(match.5)) && svg.texts.contains("95 % interval \(match.4)"))
    #expect(
      svg.texts.contains("<ü>") && svg.texts.contains { $0.hasPrefix("Finished: 2 of 2 epochs") })
    // The rows of the matrix add up to the validation images.
    let matrix =
      text.components(separatedBy: "Columns: answer.").last?.split(separator: "\n")
      .prefix(4).suffix(2).flatMap { $0.split(separator: " ").compactMap { Int($0) } } ?? []
    #expect(matrix.reduce(0, +) == Int(match.2) && matrix.count == 4, "\(matrix)")
    let before = (try plot, text)
    for name in ["report.svg", "report.md"] {
      try FileManager.default.removeItem(atPath: "\(run)/\(name)")
    }
    #expect(try Tool.run(["train", "--resume", run]).status == 0)
    #expect(try plot == before.0)
    #expect(try summary == before.1)
  }

  /// An image that is labelled as the other class is the first suspect.
  @Test func aWrongLabelIsFound() throws {
    try FileManager.default.removeItem(atPath: images)
    for (index, name) in ["dark", "light"].enumerated() {
      try FileManager.default.createDirectory(
        atPath: "\(images)/\(name)", withIntermediateDirectories: true)
      for seed in 0..<12 { try flat("\(name)/\(seed)", seed, isLight: index == 1) }
    }
    try flat("light/wrong", 40, isLight: false)
    let outcome = try train(try TestFiles.network() + ["--epochs", "1", "--val", "0"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let rows =
      try summary.components(separatedBy: "## Likely label errors").last?
      .split(separator: "\n").filter { $0.hasPrefix("| `") } ?? []
    #expect(rows.first?.hasPrefix("| `light/wrong.ppm` | light | dark | ") == true, "\(rows)")
    #expect(SVGReader(try plot).texts.contains("light/wrong.ppm"))
    #expect(try summary.contains("No images for validation"))
  }

  private func flat(_ name: String, _ seed: Int, isLight: Bool) throws {
    let pixels = (0..<3 * 30 * 30).map { position in
      UInt8(truncatingIfNeeded: (position &* (2 * seed + 3)) % 40 + (isLight ? 200 : 10))
    }
    try Data(Array("P6 30 30 255\n".utf8) + pixels).write(
      to: URL(filePath: "\(images)/\(name).ppm"))
  }

  @Test func damagedImagesAndCopiesAreListed() throws {
    try Data("P6 9 9 255\n".utf8).write(to: URL(filePath: "\(images)/<ü>/bad|.ppm"))
    try FileManager.default.copyItem(atPath: "\(images)/a|b/3.ppm", toPath: "\(images)/a|b/4c.ppm")
    let outcome = try train(Self.scratch + ["--epochs", "1"])
    #expect(outcome.status == 1, "\(outcome.errors)")
    let text = try summary
    #expect(text.contains("## Files left out\n\n- \\<ü\\>/bad\\|.ppm: damaged PNM data"), "\(text)")
    #expect(text.contains("- a\\|b/3.ppm, a\\|b/4c.ppm; same pixels"), "\(text)")
    #expect(SVGReader(try plot).texts.contains { $0.hasPrefix("1 file left out") })
  }

  /// A folder that has an image on both sides of its division.
  @Test func copiesOnBothSidesAreReported() throws {
    for split in ["train", "val"] {
      for name in ["a|b", "<ü>"] {
        let path = "\(folder)/divided/\(split)/\(name)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        for seed in split == "train" ? 0..<6 : 5..<8 {
          try FileManager.default.copyItem(
            atPath: "\(images)/\(name)/\(seed).ppm", toPath: "\(path)/\(seed).ppm")
        }
      }
    }
    let outcome = try Tool.run(
      ["train", "\(folder)/divided", "-o", output, "--image-size", "32", "--epochs", "1"]
        + Self.scratch)
    #expect(outcome.status == 0)
    #expect(
      outcome.errors.contains(
        "warning: 2 images for validation are copies of images for training, such as"
          + " val/<ü>/5.ppm of train/<ü>/5.ppm: the validation is too good"), "\(outcome.errors)")
    let text = try summary
    #expect(text.contains("2 groups of copies both in training and in validation"))
    #expect(text.contains("5.ppm (validation)"), "\(text)")
  }

  /// The report of a stopped run has what there is, and that of the continued run everything.
  @Test func stoppedRunsHaveAReport() throws {
    let stopped = try Tool.shell(
      """
      run=$1; shift; set -m
      "$cnnzoo" "$@" & pid=$!
      until grep -q '"type":"step"' "$run/log.jsonl" 2> /dev/null; do sleep 0.01; done
      kill -INT $pid; wait $pid
      """,
      [run, "train", images, "-o", output, "--image-size", "32", "--epochs", "6", "--batch", "2"]
        + Self.scratch)
    #expect(stopped.status == 130, "\(stopped.errors)")
    #expect(SVGReader(try plot).texts.contains { $0.hasPrefix("Stopped after ") })
    #expect(try summary.contains("of 6 epochs: interrupted"))
    #expect(try Tool.run(["train", "--resume", run]).status == 0)
    #expect(try summary.contains("Finished: 6 of 6 epochs"))
    #expect(try summary.contains("- Resumed 1 time after interruptions."))
  }

  @Test func divergedRunsSayWhere() throws {
    let outcome = try train(
      Self.scratch + ["--lr", "1e30", "--optimizer", "sgd", "--warmup", "0", "--save-every", "1"])
    #expect(outcome.status == 65 && outcome.errors.contains("diverged"), "\(outcome.errors)")
    #expect(SVGReader(try plot).texts.contains { $0.hasPrefix("Diverged in epoch 1, step ") })
    #expect(try summary.contains("is no longer finite"))
  }

  /// Nothing of an older run's report stays when it is replaced, and the result comes first.
  @Test func reportsThatCannotBeWritten() throws {
    #expect(try train(Self.scratch + ["--epochs", "1"]).status == 0)
    try FileManager.default.removeItem(atPath: "\(run)/report.svg")
    try FileManager.default.createDirectory(
      atPath: "\(run)/report.svg/x", withIntermediateDirectories: true)
    let outcome = try Tool.run(["train", "--resume", run])
    #expect(outcome.status == 73 && outcome.errors.contains("report.svg: "), "\(outcome.errors)")
    #expect(outcome.output.contains("Validation: "))
    #expect(FileManager.default.fileExists(atPath: output))
    try FileManager.default.removeItem(atPath: "\(run)/report.svg")
    try Data("old".utf8).write(to: URL(filePath: "\(run)/report.md"))
    #expect(try train(Self.scratch + ["--overwrite", "--epochs", "1"]).status == 0)
    #expect(try summary.hasPrefix("# Training report"))
  }
}
