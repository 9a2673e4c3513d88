import CNNZoo
import Foundation
import Testing

struct ClassifyTests {
  private let folder: String
  private let image: String
  private let other: String
  private let noImage: String

  init() throws {
    folder = try TestFiles.folder()
    image = try TestFiles.image("\(folder)/image.txt")
    other = try TestFiles.image("\(folder)/other.jpg", shade: 7)
    noImage = "\(folder)/notes.png"
    try Data("not an image".utf8).write(to: URL(fileURLWithPath: noImage))
  }

  private func classify(_ arguments: String...) throws -> Tool.Outcome {
    try Tool.run(["classify"] + arguments + TestFiles.network())
  }

  @Test func jsonLines() throws {
    let outcome = try classify(image, other, "--format", "jsonl", "-k", "3")
    #expect(outcome.status == 0)
    #expect(outcome.lines.count == 2)
    for (line, input) in zip(outcome.lines, [image, other]) {
      let record = try object(line)
      #expect(Set(record.keys) == ["schema", "input", "model", "precision", "top"])
      #expect(record["schema"] as? Int == 1)
      #expect(record["input"] as? String == input)
      #expect(record["model"] as? String == "mobilenetv3-small")
      #expect(record["precision"] as? String == "f32")
      let top = try #require(record["top"] as? [[String: Any]])
      #expect(top.count == 3)
      for prediction in top {
        #expect(Set(prediction.keys) == ["index", "label", "probability"])
      }
      let probabilities = top.compactMap { $0["probability"] as? Double }
      #expect(probabilities == probabilities.sorted(by: >))
      #expect(probabilities.count == 3)
    }
  }

  @Test func theCountIsClamped() throws {
    let record = try object(try classify(image, "--format", "jsonl", "-k", "5000").output)
    #expect((record["top"] as? [Any])?.count == TestFiles.classes)
  }

  @Test func oneDocument() throws {
    let outcome = try classify(image, noImage, other, "--format", "json")
    #expect(outcome.status == 1)
    let document = try object(outcome.output)
    #expect(document["schema"] as? Int == 1)
    let results = try #require(document["results"] as? [[String: Any]])
    #expect(results.map { $0["input"] as? String } == [image, noImage, other])
    #expect(results.map { $0["error"] != nil } == [false, true, false])
    #expect(try object(try classify(noImage, "--format", "json").output)["results"] != nil)
  }

  /// One label contains every character that formats must quote.
  @Test func allFormatsHaveTheSamePredictions() throws {
    let record = try object(try classify(image, "--format", "jsonl", "-k", "100").output)
    let top = try #require(record["top"] as? [[String: Any]])
    let indices = top.compactMap { $0["index"] as? Int }.map(String.init)
    let labels = top.compactMap { $0["label"] as? String }
    #expect(Set(indices).count == TestFiles.classes && labels.contains("a, \"b\" | c"))
    let probabilities = top.compactMap { $0["probability"] as? Double }

    let csv = try csvRecords(classify(image, "--format", "csv", "-k", "100").output)
    #expect(csv[0] == ["input", "rank", "index", "label", "probability", "error"])
    let rows = csv.dropFirst()
    #expect(rows.map { $0[0] } == labels.map { _ in image })
    #expect(rows.map { $0[1] } == (1...TestFiles.classes).map(String.init))
    #expect(rows.map { $0[2] } == indices && rows.map { $0[3] } == labels)
    // JSONSerialization rounds the last digit differently from Double.
    #expect(zip(rows, probabilities).allSatisfy { abs((Double($0[4]) ?? .nan) - $1) < 1e-15 })

    let cells = try markdownCells(classify(image, "--format", "markdown", "-k", "100").lines)
    #expect(Set(cells.map(\.count)) == [cells[0].count])
    for (name, column) in [("index", indices), ("label", labels)] {
      let place = try #require(cells[0].firstIndex(of: name))
      #expect(cells.dropFirst().map { $0[place] } == column)
    }

    let text = try classify(image, other, "-k", "2")
    #expect(text.lines.count == 6 && text.errors.isEmpty)
    #expect(text.lines[0] == image && text.lines[3] == other)
    for (line, index) in zip(text.lines[1...2], indices) {
      #expect(line.contains("(\(index))"), "\(line)")
    }
  }

  /// The text output for one image, with escapes written as `^`.
  private func shown(_ locale: String, _ arguments: String...) throws -> [String] {
    let outcome = try Tool.run(
      ["classify", image] + arguments + TestFiles.network(), environment: ["LC_ALL": locale])
    #expect(outcome.status == 0, "\(outcome.errors)")
    return outcome.lines.dropFirst().map { String($0).replacing("\u{1B}", with: "^") }
  }

  @Test func barLengthsAreProportional() throws {
    for (locale, full) in [("C", "#"), ("C.UTF-8", "█")] {
      let lines = try shown(locale, "--color", "always", "-k", "0")
      #expect(lines.count == TestFiles.classes)
      for line in lines {
        let percent = try #require(line.split(separator: "%").first.flatMap { Double($0.trimmed) })
        let bar = line.count { $0 == Character(full) }
        #expect(abs(Double(bar) - percent / 5) <= 1, "\(line)")
        #expect(line.contains("^[32m") && line.contains("^[2m") && line.contains("^[0m"))
      }
      // Names start in the same column: everything before them has the same width.
      let columns = lines.map { line in
        line.replacing(/\^\[\d+m/, with: "").prefix { $0 != "n" && $0 != "a" }.count
      }
      #expect(Set(columns).count == 1)
    }
  }

  @Test func onlyTerminalsGetColours() throws {
    for arguments in [[], ["--color", "auto"], ["--color", "never"]] {
      let outcome = try Tool.run(["classify", image] + arguments + TestFiles.network())
      #expect(!outcome.output.contains("\u{1B}"))
      #expect(!outcome.output.contains("#"))
    }
    #expect(try classify(image, "--color", "always", "--format", "csv").output.isASCIIText)
  }

  /// Requested records are written in full, however long.
  @Test func longRecordsAreComplete() throws {
    let labels = "\(folder)/labels"
    let names = (0..<TestFiles.classes).map { "\($0)" + String(repeating: "x", count: 1000) }
    try Data(names.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: labels))
    let missing = "\(folder)/" + String(repeating: "\u{1}", count: 200)
    let outcome = try classify(
      image, missing, "--labels", labels, "-k", "0", "--format", "jsonl")
    let records = try outcome.lines.map { try object($0) }
    #expect(outcome.lines[0].utf8.count > 4096)
    #expect((records[0]["top"] as? [Any])?.count == TestFiles.classes)
    #expect(records.map { $0["input"] as? String } == [image, missing])
  }

  @Test func oneLinePerImage() throws {
    let outcome = try classify(image, other, "--oneline", "-k", "2")
    #expect(outcome.status == 0)
    #expect(outcome.lines.count == 2)
    for (line, path) in zip(outcome.lines, [image, other]) {
      #expect(line.wholeMatch(of: /(.+): .+ \d+\.\d %, .+ \d+\.\d %/)?.1 == path[...], "\(line)")
    }
    #expect(try classify(image, "--oneline", "--format", "csv").status == 64)
  }

  /// Messages in between, as on a terminal, do not end up on lines of the document.
  @Test func messagesNeverShareALineWithJSON() throws {
    let outcome = try Tool.shell(
      "\"$cnnzoo\" classify \"$@\" --batch 1 --format json 2>&1",
      [noImage, image, "/no/file", other] + TestFiles.network())
    let messages = outcome.lines.filter { $0.contains("cnnzoo: ") }
    #expect(messages.count == 2)
    #expect(messages.allSatisfy { $0.hasPrefix("cnnzoo: ") })
    let document = try object(outcome.lines.filter { !$0.hasPrefix("cnnzoo: ") }.joined())
    #expect((document["results"] as? [Any])?.count == 4)
  }

  /// A warning affects how far an answer can be trusted, so programs get it too.
  @Test func warningsAreInRecords() throws {
    let clipped = "\(folder)/clipped.pgm"
    let samples: [UInt8] = (0..<16).flatMap { _ in [1, 0] }
    try Data(Array("P5 4 4 65535\n".utf8) + samples).write(to: URL(fileURLWithPath: clipped))
    func warnings(_ arguments: [String]) throws -> [String]? {
      let outcome = try Tool.run(arguments + TestFiles.network())
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.errors.hasPrefix("cnnzoo: warning: \(clipped): "), "\(outcome.errors)")
      let record = try object(outcome.output)
      return (record["results"] as? [[String: Any]])?.first?["warnings"] as? [String]
        ?? record["warnings"] as? [String]
    }
    for arguments in [
      ["classify", clipped, "--format", "json"], ["classify", clipped, "--format", "jsonl"],
      ["embed", clipped], ["explain", clipped, "--format", "jsonl"],
    ] {
      let found = try #require(try warnings(arguments), "\(arguments)")
      #expect(found.count == 1 && found[0].contains("255"), "\(found)")
    }
    let plain = try object(try classify(image, "--format", "jsonl").output)
    #expect(plain["warnings"] == nil)
    #expect(try classify(clipped, "--quiet").errors.isEmpty)
  }

  /// Those of the images that were found; `compared` names none.
  @Test(
    .enabled(if: Libraries.areThere, "OpenBLAS or LAPACKE is not installed"),
    arguments: ["json", "jsonl"])
  func warningsAreInRecordsOfSimilar(format: String) throws {
    let clipped = "\(folder)/clipped.pgm"
    let samples: [UInt8] = (0..<16).flatMap { [UInt8($0), 0] }
    try Data(Array("P5 4 4 65535\n".utf8) + samples).write(to: URL(fileURLWithPath: clipped))
    let outcome = try Tool.run(
      ["similar", image, image, clipped, "--format", format] + TestFiles.network())
    #expect(outcome.status == 0, "\(outcome.errors)")
    let records =
      format == "jsonl"
      ? try outcome.lines.map { try object($0) }
      : try #require(try object(outcome.output)["results"] as? [[String: Any]])
    #expect(records.count == 2)
    for record in records {
      let warnings = record["warnings"] as? [String]
      #expect((warnings != nil) == (record["input"] as? String == clipped))
      if let warnings { #expect(warnings.count == 1 && warnings[0].contains("255")) }
    }
  }

  @Test(arguments: ["classify", "embed", "similar", "explain"])
  func urlsAreExplained(command: String) throws {
    for url in ["https://example.org/cat.jpg", "HTTP://example.org/cat.jpg"] {
      let others = command == "similar" ? [image] : []
      let outcome = try Tool.run([command, url] + others)
      #expect(outcome.status == 64, "\(outcome.errors)")
      #expect(outcome.errors.contains("curl -L \(url) | cnnzoo \(command) -"), "\(outcome.errors)")
    }
  }

  @Test(arguments: [["train", "--head-only", "-o", "x.safetensors"], ["evaluate"]])
  func urlsOfDatasetsAreExplained(command: [String]) throws {
    let outcome = try Tool.run(command + ["https://example.org/pets.zip"])
    #expect(outcome.status == 64 && outcome.errors.contains("download and unpack it"))
  }

  @Test func improbableClassesAreOmitted() throws {
    let all = try object(try classify(image, "--format", "jsonl", "-k", "0").output)
    let probabilities = try #require(all["top"] as? [[String: Any]])
      .compactMap { $0["probability"] as? Double }
    #expect(probabilities.count == TestFiles.classes)
    let bound = (probabilities[3] + probabilities[4]) / 2
    let some = try object(
      try classify(image, "--format", "jsonl", "-k", "0", "--min-prob", "\(bound)").output)
    #expect((some["top"] as? [Any])?.count == 4)
    let none = try classify(image, "--min-prob", "1")
    #expect(none.status == 0)
    #expect(none.output.contains("no class above the threshold"))
  }

  @Test func verboseReportsModelWeightsAndTime() throws {
    let outcome = try classify(image, other, "-v", "--threads", "1", "--batch", "3")
    let weights = try TestFiles.weights.get()
    #expect(
      outcome.errors.contains("mobilenetv3-small, weights \(weights), 1 thread, batch 3"))
    #expect(outcome.errors.contains("cnnzoo: precision f32 (default)\n"))
    #expect(
      outcome.errors.contains(/loaded in [\d.]+ ms; 2 images in [\d.]+ s, [\d.]+ per second/))
  }

  @Test(arguments: [
    ("pixels=319", "exceeds the limit of 319 pixels"), ("side=19", "19 per side"),
    ("image-bytes=900", "900 bytes"), ("image-memory=959", "limit is"),
    ("tensors=3", "more than 3 tensors"), ("header-bytes=1K", "the limit is 1024"),
  ])
  func limitsCanBeLowered(limit: String, message: String) throws {
    let outcome = try classify(image, "--limit", limit)
    #expect(outcome.status == (limit.contains("tensors") || limit.contains("header") ? 76 : 65))
    #expect(outcome.errors.contains(message), "\(outcome.errors)")
  }

  @Test(arguments: [
    "pixels", "pixels=", "pixels=0", "pixels=-1", "none=1", "side=9999G", "side=1X",
  ])
  func invalidLimits(limit: String) throws {
    expectUsageError(try classify(image, "--limit", limit), limit)
  }

  @Test func aLimitCanBeRaised() throws {
    let wide = "\(folder)/wide"
    let header = Array("P4 65600 1\n".utf8)
    try Data(header + [UInt8](repeating: 0, count: 8200)).write(to: URL(fileURLWithPath: wide))
    #expect(try classify(wide).status == 65)
    #expect(try classify(wide, "--limit", "side=70000").status == 0)
  }

  @Test func failuresAreRecordsAndOthersContinue() throws {
    let outcome = try classify(noImage, image, "/no/file", "--format", "jsonl", "--batch", "2")
    #expect(outcome.status == 1)
    let records = try outcome.lines.map { try object($0) }
    #expect(records.map { $0["input"] as? String } == [noImage, image, "/no/file"])
    let codes = records.map { ($0["error"] as? [String: Any])?["code"] as? String }
    #expect(codes == ["unknown_format", nil, "unreadable"])
    #expect(outcome.errors.split(separator: "\n").count == 2)
  }

  @Test(arguments: [
    (["notes.png"], 65), (["none"], 66), (["notes.png", "none"], 2),
    (["image.txt", "none"], 1), (["image.txt"], 0), ([""], 66),
  ])
  func statuses(inputs: [String], status: Int) throws {
    let paths = inputs.map { $0.isEmpty ? "" : "\(folder)/\($0)" }
    let outcome = try Tool.run(["classify"] + paths + TestFiles.network())
    #expect(outcome.status == status, "\(outcome.errors)")
  }

  @Test(arguments: [("record", 0, 2), ("report", 1, 2), ("skip", 1, 1), ("fail", 1, 2)])
  func failurePolicies(policy: String, status: Int, records: Int) throws {
    let inputs = policy == "fail" ? [image, image, noImage, other] : [image, noImage]
    let outcome = try Tool.run(
      ["classify"] + inputs + ["--on-error", policy, "--format", "jsonl"] + TestFiles.network())
    #expect(outcome.status == status)
    #expect(outcome.lines.count == records)
  }

  @Test func foldersAreWalkedInTheOrderOfBytes() throws {
    let root = "\(folder)/root"
    for name in ["b/x", "b/y/z", "b.ppm", "a", "b0", "B"] {
      let path = "\(root)/\(name)"
      try FileManager.default.createDirectory(
        atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
      try TestFiles.image(path)
    }
    try FileManager.default.createSymbolicLink(
      atPath: "\(root)/b/loop", withDestinationPath: root)
    try Data("text".utf8).write(to: URL(fileURLWithPath: "\(root)/notes"))
    try Data("text".utf8).write(to: URL(fileURLWithPath: "\(root)/b/more.txt"))
    let outcome = try classify(root, "--format", "jsonl", "-k", "1")
    #expect(outcome.status == 0)
    let inputs = try outcome.lines.map { try object($0)["input"] as? String }
    #expect(inputs == ["B", "a", "b.ppm", "b/x", "b/y/z", "b0"].map { "\(root)/\($0)" })
    #expect(outcome.errors == "cnnzoo: skipped 2 files: not images\n")
  }

  /// Empty and damaged images and broken links are failures; the rest is answered.
  @Test func failuresInFoldersCount() throws {
    let root = try TestFiles.folder()
    let good = try TestFiles.image("\(root)/good.ppm")
    try Data().write(to: URL(fileURLWithPath: "\(root)/empty.jpg"))
    try Data("P6 40 30 255\nshort".utf8).write(to: URL(fileURLWithPath: "\(root)/cut"))
    try FileManager.default.createSymbolicLink(
      atPath: "\(root)/link", withDestinationPath: "/no/file")
    let outcome = try classify(root, "--format", "jsonl", "-k", "1")
    #expect(outcome.status == 1)
    let records = try outcome.lines.map { try object($0) }
    #expect(
      records.map { $0["input"] as? String }
        == ["\(root)/cut", "\(root)/empty.jpg", good, "\(root)/link"])
    let codes = records.map { ($0["error"] as? [String: Any])?["code"] as? String }
    #expect(codes == ["malformed", "unknown_format", nil, "unreadable"])
  }

  /// Every command that takes folders skips hidden files, follows links, and counts skipped files.
  @Test(arguments: ["classify", "embed", "similar"])
  func allCommandsTreatFoldersAlike(command: String) throws {
    let (root, outside) = (try TestFiles.folder(), try TestFiles.folder())
    let linked = try TestFiles.image("\(outside)/linked.ppm")
    try FileManager.default.createDirectory(
      atPath: "\(root)/.checkpoints", withIntermediateDirectories: true)
    try TestFiles.image("\(root)/.checkpoints/copy.ppm")
    try TestFiles.image("\(root)/.hidden.ppm")
    try FileManager.default.createSymbolicLink(
      atPath: "\(root)/folder", withDestinationPath: outside)
    try Data("text".utf8).write(to: URL(fileURLWithPath: "\(root)/notes.txt"))
    func inputs(_ options: String...) throws -> Set<String?> {
      let query = command == "similar" ? [linked] : []
      let outcome = try Tool.run(
        [command] + query + [root, "--format", "jsonl"] + options + TestFiles.network())
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.errors == "cnnzoo: skipped 1 file: not an image\n")
      return Set(try outcome.lines.map { try object($0)["input"] as? String })
    }
    #expect(try inputs() == ["\(root)/folder/linked.ppm"])
    #expect(
      try inputs("--hidden") == [
        "\(root)/folder/linked.ppm", "\(root)/.checkpoints/copy.ppm", "\(root)/.hidden.ppm",
      ])
  }

  @Test func emptyFolderIsAFailure() throws {
    let empty = try TestFiles.folder()
    #expect(try classify(empty).status == 66)
    try Data("text".utf8).write(to: URL(fileURLWithPath: "\(empty)/notes"))
    #expect(try classify(empty).status == 2)
  }

  @Test func sameAnswersForAnyThreadsAndBatch() throws {
    let expected = try classify(
      image, other, image, "--format", "jsonl", "--threads", "1", "--batch", "1")
    #expect(expected.status == 0)
    for (threads, batch) in [("2", "1"), ("1", "8"), ("2", "2")] {
      let outcome = try classify(
        image, other, image, "--format", "jsonl", "--threads", threads, "--batch", batch)
      #expect(outcome.output == expected.output, "\(threads) threads, batch \(batch)")
    }
  }

  /// A head with one output and one with several labels: probabilities, thresholds and keys follow.
  @Test func activations() throws {
    let single = "\(folder)/single.safetensors"
    let model = try ModelCatalog.model(named: "mobilenetv3-small")
    var configuration = model.defaultConfiguration
    configuration.widthMultiplier = 0.25
    configuration.classes = 1
    var writer = SafetensorsWriter(metadata: ["width_multiplier": "0.25", "labels": "defect"])
    for parameter in try model.graph(configuration).parameters {
      writer.append(
        name: parameter.name, shape: parameter.shape,
        values: SeededParameters().values(of: parameter))
    }
    try writer.write(to: single)
    func top(_ weights: String, _ options: String...) throws -> [[String: Any]] {
      let outcome = try Tool.run(
        [
          "classify", image, "--model", "mobilenetv3-small", "--weights", weights, "--format",
          "jsonl", "-k", "0",
        ] + options)
      #expect(outcome.status == 0, "\(outcome.errors)")
      return try #require(try object(outcome.output)["top"] as? [[String: Any]])
    }
    func sigmoid(_ logit: Double) -> Double { 1 / (1 + exp(-logit)) }
    let logit = try #require(try top(single, "--activation", "none")[0]["logit"] as? Double)
    let probability = try #require(try top(single)[0]["probability"] as? Double)
    #expect(abs(probability - sigmoid(logit)) < 1e-6 && probability < 1)
    let refused = try Tool.run([
      "classify", image, "--model", "mobilenetv3-small", "--weights", single, "--activation",
      "softmax",
    ])
    #expect(refused.status == 64 && refused.errors.contains("always 1"))

    let several = try TestFiles.weights.get()
    let logits = try top(several, "--activation", "none").compactMap { $0["logit"] as? Double }
    let sigmoids = try top(several, "--activation", "sigmoid")
      .compactMap { $0["probability"] as? Double }
    #expect(logits.count == TestFiles.classes && sigmoids.count == logits.count)
    #expect(zip(logits, sigmoids).allSatisfy { abs(sigmoid($0) - $1) < 1e-6 })
    let bound = (logits[4] + logits[5]) / 2
    #expect(try top(several, "--activation", "none", "--min-prob=\(bound)").count == 5)
    #expect(
      try top(several, "--activation", "sigmoid", "--min-prob=\(sigmoid(bound))").count == 5)
    let text = try classify(image, "--activation", "none", "-k", "1").output
    #expect(!text.contains("%"))
    let recorded = "\(folder)/recorded.safetensors"
    #expect(
      try Tool.run([
        "convert", several, recorded, "--model", "mobilenetv3-small", "--activation", "sigmoid",
      ]).status == 0)
    #expect(try top(recorded).compactMap { $0["probability"] as? Double } == sigmoids)
  }

  @Test func labelsOfTheCaller() throws {
    let labels = "\(folder)/labels"
    try Data((0..<TestFiles.classes).map { "own \($0)\n" }.joined().utf8)
      .write(to: URL(fileURLWithPath: labels))
    #expect(try classify(image, "--labels", labels).output.contains("own "))
    try Data("one\n".utf8).write(to: URL(fileURLWithPath: labels))
    let outcome = try classify(image, "--labels", labels)
    #expect(outcome.status == 65)
    #expect(outcome.errors.contains("\(labels): 1 label, but the network has 12 classes"))
  }

  @Test(arguments: [
    ("/no/weights", 66, "No such file"), ("/dev/null", 66, "is not a regular file"),
    ("/etc/passwd", 76, ""),
  ])
  func weightsThatCannotBeUsed(path: String, status: Int, reason: String) throws {
    let outcome = try Tool.run([
      "classify", image, "--model", "mobilenetv3-small", "--weights", path,
    ])
    #expect(outcome.status == status && outcome.output.isEmpty)
    #expect(outcome.errors.contains("\(path): "), "\(outcome.errors)")
    #expect(reason.isEmpty || outcome.errors.contains(reason), "\(outcome.errors)")
  }

  @Test func weightsOfAnotherNetworkAreListed() throws {
    var writer = SafetensorsWriter()
    writer.append(name: "spare", shape: [1], values: [0])
    try writer.write(to: "\(folder)/spare")
    let outcome = try Tool.run([
      "classify", image, "--model", "effnet-lite0", "--weights", "\(folder)/spare",
    ])
    #expect(outcome.status == 76)
    #expect(outcome.errors.contains("does not match effnet-lite0"))
    #expect(outcome.errors.split(separator: "\n").count > 10)
  }

  @Test func missingWeightsGiveAdvice() throws {
    let outcome = try Tool.run(
      ["classify", image, "--model", "effnetv2-l"],
      environment: ["CNNZOO_CACHE": "\(folder)/cache"])
    #expect(outcome.status == 69)
    #expect(outcome.errors.contains("\(folder)/cache"))
    #expect(outcome.errors.contains("cnnzoo pull effnetv2-l"))
  }

  @Test func weightsAreFoundInTheCache() throws {
    try FileManager.default.createDirectory(
      atPath: "\(folder)/cache", withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      atPath: try TestFiles.weights.get(),
      toPath: "\(folder)/cache/mobilenetv3-small.safetensors")
    let outcome = try Tool.run(
      ["classify", image, "--model", "mobilenet_v3_small"],
      environment: ["CNNZOO_CACHE": "\(folder)/cache"])
    #expect(outcome.status == 0, "\(outcome.errors)")
  }
}

extension StringProtocol {
  fileprivate var trimmed: String { trimmingCharacters(in: .whitespaces) }
  fileprivate var isASCIIText: Bool { utf8.allSatisfy { $0 < 0x80 && $0 != 0x1B } }
}
