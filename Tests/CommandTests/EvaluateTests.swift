import Foundation
import Testing

/// `cnnzoo evaluate` against what `classify` answers for the same images.
struct EvaluateTests {
  private let folder: String
  private var root: String { folder + "/set" }

  init() throws { folder = try TestFiles.folder() }

  /// An image's answers, best first.
  private struct Answers {
    let path: String
    let labels: [String]
    let probabilities: [Double]
  }

  private func evaluate(_ arguments: String...) throws -> Tool.Outcome {
    try Tool.run(["evaluate"] + arguments + TestFiles.network())
  }

  /// What the network answers for images of different shades.
  private func answers(_ count: Int) throws -> [Answers] {
    let paths = try (0..<count).map { index in
      try TestFiles.image("\(folder)/\(index).ppm", shade: UInt8(3 + 29 * index))
    }
    let outcome = try Tool.run(
      ["classify", "-k", "0", "--format", "jsonl"] + paths + TestFiles.network())
    #expect(outcome.status == 0, "\(outcome.errors)")
    return try zip(paths, outcome.lines).map { path, line in
      let top = try #require(try object(line)["top"] as? [[String: Any]])
      return Answers(
        path: path, labels: top.compactMap { $0["label"] as? String },
        probabilities: top.compactMap { $0["probability"] as? Double })
    }
  }

  /// Makes an image one of a class.
  private func put(_ path: String, in label: String, of root: String) throws {
    try FileManager.default.createDirectory(
      atPath: "\(root)/\(label)", withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      atPath: path, toPath: "\(root)/\(label)/\((path as NSString).lastPathComponent)")
  }

  /// Four images in the folder of their first answer, one in that of its third, one of its last.
  private func dataset() throws -> (answers: [Answers], ranks: [Int]) {
    let answers = try answers(6)
    let ranks = [0, 0, 2, 0, TestFiles.classes - 1, 0]
    for (answer, rank) in zip(answers, ranks) {
      try put(answer.path, in: answer.labels[rank], of: root)
    }
    return (answers, ranks)
  }

  @Test func metricsFollowFromTheAnswers() throws {
    let (answers, ranks) = try dataset()
    let outcome = try evaluate(root, "--format", "json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let report = try object(outcome.output)
    #expect(report["images"] as? Int == 6 && report["failed"] as? Int == 0)
    #expect(report["top1"] as? Double == 4.0 / 6)
    #expect(report["top5"] as? Double == 5.0 / 6)
    let loss = zip(answers, ranks).reduce(0.0) { $0 - log($1.0.probabilities[$1.1]) } / 6
    #expect(abs((report["log_loss"] as? Double ?? 0) - loss) < 1e-12)
    let interval = try #require(report["top1_interval"] as? [Double])
    #expect(interval.count == 2 && interval[0] > 0.29 && interval[0] < 0.31)
    #expect(interval[1] > 0.9 && interval[1] < 0.91)

    let mistakes = try #require(report["mistakes"] as? [[String: Any]])
    let wrong = [2, 4].sorted { answers[$0].probabilities[0] > answers[$1].probabilities[0] }
    #expect(mistakes.count == 2)
    for (mistake, image) in zip(mistakes, wrong) {
      #expect(mistake["answer"] as? String == answers[image].labels[0])
      #expect(mistake["class"] as? String == answers[image].labels[ranks[image]])
      #expect(mistake["class_rank"] as? Int == ranks[image] + 1)
      #expect(mistake["probability"] as? Double == answers[image].probabilities[0])
    }
    let classes = try #require(report["classes"] as? [[String: Any]])
    let counts = classes.map { ($0["class_images"] as? Int ?? 0, $0["class_correct"] as? Int ?? 0) }
    #expect(counts.reduce(0) { $0 + $1.0 } == 6 && counts.reduce(0) { $0 + $1.1 } == 4)
    let calibration = try #require(report["calibration"] as? [[String: Any]])
    #expect(calibration.reduce(0) { $0 + ($1["images"] as? Int ?? 0) } == 6)
  }

  @Test func everyFormatHasARowPerClass() throws {
    let (answers, ranks) = try dataset()
    let classes = Set(zip(answers, ranks).map { $0.labels[$1] }).count
    #expect(try evaluate(root, "--format", "jsonl").lines.count == classes)
    let csv = try evaluate(root, "--format", "csv")
    #expect(csv.lines.count == classes + 1)
    #expect(csv.output.hasPrefix("class,images,correct,top5,recall,precision,as "))
    #expect(try evaluate(root, "--format", "markdown").lines.count == classes + 2)
    let text = try evaluate(root)
    #expect(text.output.contains("Top-1 66.7 % (95 % interval 30.0 % to 90.3 %), top-5 83.3 %"))
    #expect(text.output.contains("Most confident mistakes:"))
  }

  @Test func thePlotIsAnSVGFile() throws {
    let (answers, _) = try dataset()
    let path = folder + "/confusion.svg"
    let outcome = try evaluate(root, "--plot", path)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let svg = SVGReader(text)
    #expect(svg.isWellFormed)
    #expect(svg.texts.contains { $0.contains("66.7 % of 6 images correct") })
    #expect(svg.texts.contains(answers[0].labels[0]))
    let cells = svg.classes.filter { $0.key.hasPrefix("right") || $0.key.hasPrefix("wrong") }
    #expect(cells.values.reduce(0, +) >= 3)
  }

  /// Indices and labels with underscores name the same classes as labels.
  @Test func foldersCanBeNamedByIndex() throws {
    let answers = try answers(2)
    let index = try #require(Int(answers[0].labels[0].split(separator: " ").last ?? ""))
    try put(answers[0].path, in: "\(index)", of: root)
    try put(
      answers[1].path, in: answers[0].labels[1].replacing(" ", with: "_").uppercased(), of: root)
    let report = try object(try evaluate(root, "--format", "json").output)
    let classes = try #require(report["classes"] as? [[String: Any]])
    #expect(
      Set(classes.compactMap { $0["class"] as? String }) == Set(answers[0].labels.prefix(2)))
  }

  @Test func unknownFoldersAreRefused() throws {
    let answers = try answers(2)
    try put(answers[0].path, in: "unicorn", of: root)
    try put(answers[1].path, in: "name 1", of: root)
    let outcome = try evaluate(root)
    #expect(outcome.status == 64 && outcome.output.isEmpty)
    #expect(outcome.errors.contains("\"unicorn\": not among the network's 12 classes"))
  }

  /// The validation images of a divided dataset, unless `--split` says otherwise.
  @Test func splits() throws {
    let answers = try answers(3)
    try put(answers[0].path, in: answers[0].labels[0], of: root + "/train")
    try put(answers[1].path, in: answers[1].labels[11], of: root + "/valid")
    try put(answers[2].path, in: answers[2].labels[0], of: root + "/valid")
    func top1(_ arguments: String...) throws -> Double? {
      let arguments = ["evaluate", root, "--format", "json"] + arguments
      let outcome = try Tool.run(arguments + TestFiles.network())
      return try object(outcome.output)["top1"] as? Double
    }
    #expect(try top1() == 0.5)
    #expect(try top1("--split", "val") == 0.5)
    #expect(try top1("--split", "train") == 1)
    let missing = try evaluate(root, "--split", "test")
    #expect(missing.status == 64)
    #expect(missing.errors.contains("has no test split, only train and val"))

    // `train` is a class if it is next to another class, or if it contains images itself.
    try put(answers[2].path, in: "car", of: root)
    let outcome = try evaluate(root)
    #expect(outcome.status == 64)
    #expect(outcome.errors.contains("\"car\", \"train\", \"valid\": not among"))
    let flat = folder + "/flat"
    try put(answers[0].path, in: "train", of: flat)
    #expect(try evaluate(flat).errors.contains("\"train\": not among"))
    #expect(try evaluate(flat, "--split", "train").errors.contains("has no train split"))
  }

  @Test func failuresAreCountedAndNotScored() throws {
    let answers = try answers(1)
    try put(answers[0].path, in: answers[0].labels[0], of: root)
    try Data("P6 damaged".utf8).write(
      to: URL(fileURLWithPath: "\(root)/\(answers[0].labels[0])/z.ppm"))
    let outcome = try evaluate(root, "--format", "json")
    #expect(outcome.status == 1)
    let report = try object(outcome.output)
    #expect(report["images"] as? Int == 1 && report["failed"] as? Int == 1)

    try FileManager.default.removeItem(atPath: root)
    try FileManager.default.createDirectory(
      atPath: root + "/name 1", withIntermediateDirectories: true)
    let empty = try evaluate(root, "--format", "json")
    #expect(empty.status != 0 && empty.output.isEmpty)
  }
}
