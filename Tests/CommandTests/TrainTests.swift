import CNNZoo
import Foundation
import Testing

@Suite(.enabled(if: Libraries.areThere, "OpenBLAS or LAPACKE is not installed"))
struct TrainTests {
  private let folder: String
  private let classes: String
  private var output: String { folder + "/trained.safetensors" }

  init() throws {
    folder = try TestFiles.folder()
    classes = folder + "/classes"
    for (index, name) in ["warm, \"reds\"", "7", "-blau ü"].enumerated() {
      for seed in 0..<4 { try Self.image("\(classes)/\(name)/\(seed).ppm", index, seed) }
    }
  }

  private func train(_ arguments: String...) throws -> Tool.Outcome {
    try Tool.run(
      ["train", "--head-only", classes, "--output", output] + arguments + TestFiles.network())
  }

  private static func image(_ path: String, _ index: Int, _ seed: Int) throws {
    try FileManager.default.createDirectory(
      atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    let pixels = (0..<40 * 30).flatMap { position -> [UInt8] in
      // Each image has its own noise, because fingerprints only consider brightness.
      let noise = UInt8(truncatingIfNeeded: (position &* position &* (seed + 3 + 12 * index)) % 37)
      switch index {
      case 0: return [210, 20 + noise, noise]
      // Stripes of the same brightness: such images differ only in their noise.
      case 1: return position % 4 < 2 ? [255, 60 + noise, 0] : [160, 60 + noise, 250]
      default: return [noise, 30 + noise, 200]
      }
    }
    try Data(Array("P6 40 30 255\n".utf8) + pixels).write(to: URL(fileURLWithPath: path))
  }

  @Test func classifyUsesTheFolderNames() throws {
    let outcome = try train("--format", "json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let report = try object(outcome.output)
    #expect(report["images"] as? Int == 12 && report["failed"] as? Int == 0)
    #expect(report["validation"] as? String == "leave-one-out")
    let rows = try #require(report["classes"] as? [[String: Any]])
    let names = ["-blau ü", "7", "warm, \"reds\""]
    #expect(rows.compactMap { $0["class"] as? String } == names)
    #expect(report["accuracy"] as? Double == 1)
    #expect(rows.map { $0["answers"] as? [Int] } == [[4, 0, 0], [0, 4, 0], [0, 0, 4]])

    let answers = try Tool.run([
      "classify", classes, "--model", "mobilenetv3-small", "--weights", output, "--format",
      "jsonl", "-k", "9",
    ])
    #expect(answers.status == 0, "\(answers.errors)")
    #expect(answers.errors.isEmpty && answers.lines.count == 12)
    for line in answers.lines {
      let record = try object(line)
      let top = try #require(record["top"] as? [[String: Any]])
      let path = try #require(record["input"] as? String)
      #expect(top.count == 3)
      #expect(path.contains("/\(top[0]["label"] as? String ?? "?")/"))
    }
    // A class name may look like an index.
    let explained = try Tool.run([
      "explain", classes + "/7/0.ppm", "--model", "mobilenetv3-small", "--weights", output,
      "--class", "7", "--format", "jsonl",
    ])
    #expect(try object(explained.output)["index"] as? Int == 1)
  }

  /// The table of few classes and of many; the line below it names what is hidden.
  @Test(
    .enabled(if: Tool.haveTerminal, "needs script of the package bsdutils"),
    arguments: [(40, 3), (80, 3), (40, 14), (80, 14)])
  func tablesFitTheTerminal(columns: Int, count: Int) throws {
    let set = "\(folder)/\(count)"
    for index in 0..<count {
      for seed in 0..<2 {
        try Self.image("\(set)/a class with a long name \(index)/\(seed).ppm", index % 2, seed)
      }
    }
    let outcome = try Tool.terminal(
      ["train", "--head-only", set, "--output", output] + TestFiles.network(), columns: columns)
    let table = outcome.output.split(whereSeparator: \.isNewline).prefix {
      !$0.hasPrefix("(not shown") && !$0.contains("trained.safetensors")
    }
    #expect(table.count == count + 1, "\(outcome.output)")
    #expect(table.allSatisfy { $0.count <= columns }, "\(outcome.output)")
    #expect(table.first?.contains("recall") == true)
    if count == 3 { #expect(outcome.output.contains("(not shown: ")) }
  }

  /// Sparse files of twelve megapixels take long to read, and no room.
  @Test(.enabled(if: Tool.haveTerminal, "needs script of the package bsdutils"))
  func longRunsShowTheTimeLeft() throws {
    for index in 0..<30 {
      #expect(
        try Tool.shell(
          "printf 'P6 4000 3000 255\\n' > \"$1\"; truncate --size=36000017 \"$1\"",
          ["\(classes)/7/large \(index).ppm"]
        ).status == 0)
    }
    let arguments =
      try ["train", "--head-only", classes, "--output", output]
      + TestFiles.network() + ["--threads", "1"]
    let shown = try Tool.terminal(arguments).output
    #expect(shown.contains(/images  #*\.*  \d+ of 42, [\d.]+\/s, 0:\d\d left/), "\(shown)")
    #expect(try !Tool.terminal(arguments + ["--quiet"]).output.contains(/\d left/))
  }

  /// Fitted to `train`, evaluated on `val` and, once, on `test`.
  @Test func dividedDataset() throws {
    let set = folder + "/divided"
    for (split, seeds) in [("train", 0..<4), ("val", 4..<6), ("test", 6..<7)] {
      for (index, name) in ["a", "b"].enumerated() {
        for seed in seeds { try Self.image("\(set)/\(split)/\(name)/\(seed).ppm", index, seed) }
      }
    }
    func train() throws -> Tool.Outcome {
      try Tool.run(
        ["train", "--head-only", set, "--output", output, "--format", "json"]
          + TestFiles.network())
    }
    let outcome = try train()
    #expect(outcome.status == 0, "\(outcome.errors)")
    let report = try object(outcome.output)
    #expect(report["images"] as? Int == 8 && report["accuracy"] as? Double == 1)
    let evaluations = try #require(report["evaluations"] as? [[String: Any]])
    #expect(evaluations.map { $0["split"] as? String } == ["val", "test"])
    #expect(evaluations.map { $0["images"] as? Int } == [4, 2])
    #expect(evaluations.map { $0["top1"] as? Double } == [1, 1])

    // An unknown class is rejected before anything is computed or written.
    try Self.image("\(set)/val/unicorn/0.ppm", 0, 9)
    try FileManager.default.removeItem(atPath: output)
    let refused = try train()
    #expect(refused.status == 64 && refused.errors.contains("\"unicorn\": not among"))
    #expect(!FileManager.default.fileExists(atPath: output))
  }

  @Test func theTableCountsAnswers() throws {
    let outcome = try train("--format", "csv")
    #expect(
      outcome.output == """
        class,images,correct,recall,as -blau ü,as 7,"as warm, ""reds\"""
        -blau ü,4,4,1.0,4,0,0
        7,4,4,1.0,0,4,0
        "warm, ""reds\""",4,4,1.0,0,0,4

        """)
  }

  /// Beyond twelve classes a column for each would be too wide.
  @Test func manyClassesNameTheMistakes() throws {
    for index in 0..<13 {
      for seed in 0..<2 {
        try Self.image("\(folder)/many/c\(index)/\(seed).ppm", index % 3, 7 * index + seed)
      }
    }
    let outcome = try Tool.run(
      ["train", "--head-only", folder + "/many", "--output", output, "--format", "csv"]
        + TestFiles.network())
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.lines.count == 14)
    #expect(outcome.lines[0] == "class,images,correct,recall,taken_for")
    let mistaken = outcome.lines.dropFirst().filter { !$0.contains(",2,1.0,") }
    #expect(!mistaken.isEmpty)
    // `c3 2`, or, where there are several, `"c1 1, c3 1"`.
    #expect(mistaken.allSatisfy { $0.last == "1" || $0.last == "2" || $0.hasSuffix("1\"") })
  }

  /// Damaged images, non-images, files next to the class folders, broken links.
  @Test func unusableFilesAreReportedAndIgnored() throws {
    func write(_ name: String, _ text: String) throws {
      let path = "\(classes)/\(name)"
      try FileManager.default.createDirectory(
        atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }
    try write("7/cut.ppm", "P6 40 30 255\nshort")
    try write("7/notes.txt", "not an image")
    try write("readme.txt", "beside the classes")
    try write(".git/config", "hidden")
    let told = try train("--format", "json")
    #expect(told.status == 1)
    #expect(told.errors.contains("cut.ppm"))
    #expect(told.errors.hasSuffix("cnnzoo: skipped 2 files: not images\n"))
    let report = try object(told.output)
    #expect(report["images"] as? Int == 12 && report["failed"] as? Int == 1)
    #expect(try train("--on-error", "record").status == 0)
    try FileManager.default.removeItem(atPath: output)
    #expect(try train("--on-error", "fail").status == 1)
    #expect(!FileManager.default.fileExists(atPath: output))
  }

  /// Hidden copies are not used for training; a link to a folder is a class, a broken link fails.
  @Test func hiddenFilesAndLinks() throws {
    let checkpoints = "\(classes)/7/.ipynb_checkpoints"
    try Self.image("\(checkpoints)/0-checkpoint.ppm", 1, 0)
    try Self.image("\(classes)/.hidden/0.ppm", 1, 5)
    let elsewhere = try TestFiles.folder()
    for seed in 5..<7 { try Self.image("\(elsewhere)/\(seed).ppm", 1, seed) }
    try FileManager.default.createSymbolicLink(
      atPath: "\(classes)/linked", withDestinationPath: elsewhere)
    let report = try object(try train("--format", "json").output)
    #expect(report["images"] as? Int == 14 && report["failed"] as? Int == 0)
    let rows = try #require(report["classes"] as? [[String: Any]])
    #expect(
      rows.compactMap { $0["class"] as? String } == ["-blau ü", "7", "linked", "warm, \"reds\""])
    try FileManager.default.createSymbolicLink(
      atPath: "\(classes)/gone", withDestinationPath: "/no/folder")
    let failed = try train("--format", "json")
    #expect(failed.status == 1 && failed.errors.contains("gone"))
    #expect(try object(failed.output)["failed"] as? Int == 1)
  }

  /// One image in two classes, and a copy within a class.
  @Test func copiesAreReported() throws {
    try FileManager.default.copyItem(
      atPath: "\(classes)/7/0.ppm", toPath: "\(classes)/-blau ü/from7.ppm")
    try FileManager.default.copyItem(atPath: "\(classes)/7/1.ppm", toPath: "\(classes)/7/twin.ppm")
    let report = try object(try train("--format", "json").output)
    #expect(report["validation"] as? String == "leave-group-out")
    let conflicts = try #require(report["conflicts"] as? [[String: Any]])
    #expect(conflicts.count == 1)
    let conflict = try #require(conflicts.first?["images"] as? [String])
    #expect(
      conflict.contains("\(classes)/7/0.ppm") && conflict.contains("\(classes)/-blau ü/from7.ppm"))
    let duplicates = try #require(report["duplicates"] as? [[String: Any]])
    let twins = duplicates.compactMap { $0["images"] as? [String] }
    #expect(
      twins.contains { $0.contains("\(classes)/7/twin.ppm") && $0.contains("\(classes)/7/1.ppm") })
    #expect(try train().output.contains("label conflict: "))
  }

  @Test func foldersThatCannotBeTrainedOn() throws {
    func outcome(_ folder: String) throws -> Tool.Outcome {
      try Tool.run(["train", "--head-only", folder, "--output", output] + TestFiles.network())
    }
    #expect(try outcome("/no/folder").status == 66)
    #expect(try outcome(classes + "/7/0.ppm").status == 66)
    let one = try outcome(classes + "/7")
    #expect(one.status == 65 && one.errors.contains("at least two"))
    for name in ["1.ppm", "2.ppm", "3.ppm"] {
      try FileManager.default.removeItem(atPath: "\(classes)/7/\(name)")
    }
    let single = try outcome(classes)
    #expect(single.status == 65 && single.errors.contains("class \"7\" has 1 usable image, not"))
    try FileManager.default.moveItem(atPath: classes + "/7", toPath: classes + "/line\nfeed")
    let odd = try outcome(classes)
    #expect(odd.status == 65 && odd.errors.contains("control characters"))
    #expect(!odd.errors.contains("line\nfeed"))
    #expect(!FileManager.default.fileExists(atPath: output))
  }

  @Test(arguments: ["/no/folder/out.safetensors", "/dev/full"])
  func uncreatableOutputFailsAtOnce(output: String) throws {
    let outcome = try Tool.run(
      ["train", "--head-only", classes, "--output", output] + TestFiles.network())
    #expect(outcome.status == 73 && outcome.output.isEmpty)
  }

  @Test func inputsAreNotReplaced() throws {
    let weights = "\(folder)/own.safetensors"
    try FileManager.default.copyItem(atPath: TestFiles.weights.get(), toPath: weights)
    try FileManager.default.createSymbolicLink(
      atPath: folder + "/link", withDestinationPath: weights)
    let network = ["--model", "mobilenetv3-small", "--weights", weights]
    for output in [weights, folder + "/link"] {
      let outcome = try Tool.run(["train", "--head-only", classes, "--output", output] + network)
      #expect(outcome.status == 73 && outcome.errors.contains("is an input"))
    }
    let image = classes + "/7/0.ppm"
    let before = try Data(contentsOf: URL(fileURLWithPath: image))
    #expect(try Tool.run(["explain", image, "--output", image] + network).status == 73)
    #expect(try Data(contentsOf: URL(fileURLWithPath: image)) == before)
  }

  @Test func similarNeedsOpenBLAS() throws {
    try Data().write(to: URL(fileURLWithPath: "\(folder)/libopenblas.so.0"))
    let outcome = try Tool.run(
      ["similar", classes + "/7/0.ppm", classes] + TestFiles.network(),
      environment: ["LD_LIBRARY_PATH": folder])
    #expect(outcome.status == 69, "\(outcome.errors)")
  }

  /// A broken library is treated like a missing one.
  @Test(arguments: [("liblapacke.so.3", "liblapacke"), ("libopenblas.so.0", "libopenblas0")])
  func missingLibrariesAreNamed(library: String, package: String) throws {
    try Data().write(to: URL(fileURLWithPath: "\(folder)/\(library)"))
    let outcome = try Tool.run(
      ["train", "--head-only", classes, "--output", output] + TestFiles.network(),
      environment: ["LD_LIBRARY_PATH": folder])
    #expect(outcome.status == 69, "\(outcome.errors)")
    #expect(outcome.errors.contains("Debian: \(package))"))
  }
}
