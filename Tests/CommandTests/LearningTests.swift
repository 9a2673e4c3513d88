import CNNZoo
import Foundation
import Testing

/// `embed`, `similar` and `explain`.
struct EmbeddingTests {
  private let folder: String
  private let images: [String]

  init() throws {
    folder = try TestFiles.folder()
    let folder = folder
    try FileManager.default.createDirectory(
      atPath: folder + "/all", withIntermediateDirectories: true)
    images = try (1...4).map {
      try TestFiles.image("\(folder)/all/\($0).ppm", shade: UInt8($0 * $0))
    }
  }

  private func run(_ command: String, _ arguments: String...) throws -> Tool.Outcome {
    try Tool.run([command] + arguments + TestFiles.network())
  }

  private func vectors(_ outcome: Tool.Outcome) throws -> [[Float]] {
    try outcome.lines.map { line in
      try #require(try object(line)["embedding"] as? [Double]).map(Float.init)
    }
  }

  @Test func allFormatsHaveTheSameNumbers() throws {
    let lines = try run("embed", folder + "/all")
    #expect(lines.status == 0, "\(lines.errors)")
    let expected = try vectors(lines)
    #expect(expected.count == 4 && Set(expected).count == 4)
    let width = expected[0].count
    #expect(
      try lines.lines.map { try #require(try object($0)["input"] as? String) } == images)

    #expect(try run("embed", folder + "/all", "-o", folder + "/e.npy", "--batch", "3").status == 0)
    let array = try NPYArray(path: folder + "/e.npy")
    #expect(array.shape == [4, width] && array.values == expected.flatMap { $0 })
    // NumPy's own layout: magic, version 1.0, a dictionary, numbers from a multiple of 64.
    let bytes = try Data(contentsOf: URL(fileURLWithPath: folder + "/e.npy"))
    #expect(bytes.prefix(8) == Data([0x93] + Array("NUMPY".utf8) + [1, 0]))
    #expect(
      String(decoding: bytes[10..<90], as: UTF8.self)
        .hasPrefix("{'descr': '<f4', 'fortran_order': False, 'shape': (4, \(width)), }"))
    #expect(bytes.count == 128 + 16 * width)

    #expect(try run("embed", folder + "/all", "-o", folder + "/e.safetensors").status == 0)
    let file = try WeightFile(path: folder + "/e.safetensors")
    #expect(try file["embeddings"]?.floats() == array.values)
    #expect(file["embeddings"]?.shape == array.shape)
    #expect(
      try JSONDecoder().decode([String].self, from: Data((file.metadata["paths"] ?? "").utf8))
        == images)
    #expect(file.metadata["layer"] == "pooled")

    #expect(try run("embed", folder + "/all", "-o", folder + "/e.jsonl").status == 0)
    #expect(try String(contentsOfFile: folder + "/e.jsonl", encoding: .utf8) == lines.output)
  }

  @Test func binaryStandardOutputMatchesFiles() throws {
    for format in ["npy", "safetensors"] {
      let arguments = [folder + "/all"] + (try TestFiles.network())
      let outcome = try Tool.shell(
        "set -o pipefail; \"$cnnzoo\" embed \"$@\" --format \(format) > '\(folder)/out'", arguments)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(try run("embed", folder + "/all", "-o", "\(folder)/file.\(format)").status == 0)
      #expect(
        FileManager.default.contentsEqual(
          atPath: folder + "/out", andPath: "\(folder)/file.\(format)"))
    }
  }

  @Test func recordedFailuresHaveARow() throws {
    let inputs = [images[0], "/no/image", images[1]]
    let told = try Tool.run(["embed"] + inputs + TestFiles.network())
    #expect(told.status == 1 && told.lines.count == 3)
    #expect(try object(told.lines[1])["error"] != nil)
    let network = try TestFiles.network()
    let output = folder + "/e.npy"
    #expect(try Tool.run(["embed", "-o", output] + inputs + network).status == 1)
    let without = try NPYArray(path: output)
    #expect(without.shape[0] == 2)
    let recorded = try Tool.run(
      ["embed", "-o", output, "--on-error", "record"] + inputs + network)
    #expect(recorded.status == 0)
    let with = try NPYArray(path: output)
    let width = with.shape[1]
    #expect(with.shape[0] == 3)
    #expect(with.values[width..<2 * width].allSatisfy { $0.isNaN })
    #expect(Array(with.values[..<width] + with.values[(2 * width)...]) == without.values)
    #expect(try Tool.run(["embed", "--on-error", "fail"] + inputs + network).status == 1)
    #expect(try Tool.run(["embed", "/no/image"] + network).status == 66)
  }

  @Test func uncreatableOutputIsReportedAtOnce() throws {
    for output in ["/no/folder/e.npy", folder] {
      let outcome = try run("embed", "/no/image", "-o", output)
      #expect(outcome.status == 73)
      #expect(!outcome.errors.contains("/no/image"))
    }
    #expect(try run("explain", images[0], "-o", "/no/folder/o.png").status == 73)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["all"])
  }

  @Test(.enabled(if: Libraries.areThere, "OpenBLAS or LAPACKE is not installed"))
  func queryIsMostSimilarToItself() throws {
    let outcome = try run("similar", images[2], folder + "/all", "--format", "json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let results = try #require(try object(outcome.output)["results"] as? [[String: Any]])
    let names = results.compactMap { $0["input"] as? String }
    let cosines = results.compactMap { $0["cosine"] as? Double }
    #expect(names.count == 4 && names[0] == images[2])
    #expect(cosines == cosines.sorted(by: >) && cosines[0] > 0.999999)
    // The same from the vectors themselves.
    let vectors = try vectors(run("embed", folder + "/all", "--normalize"))
    for (name, cosine) in zip(names, cosines) {
      let index = try #require(images.firstIndex(of: name))
      let product = zip(vectors[2], vectors[index]).reduce(0) { $0 + Double($1.0) * Double($1.1) }
      #expect(abs(product - cosine) < 1e-5)
    }
    let two = try run("similar", images[2], folder + "/all", "-k", "2", "--format", "csv")
    let rows = try csvRecords(two.output)
    #expect(rows.first == ["cosine", "input"])
    #expect(rows.dropFirst().map { $0[1] } == Array(names.prefix(2)))
    let rounded = rows.dropFirst().compactMap { Double($0[0]) }
    #expect(rounded.count == 2 && zip(rounded, cosines).allSatisfy { abs($0 - $1) < 1e-4 })
    #expect(try run("similar", "/no/image", folder + "/all").status == 66)
    #expect(try run("similar", images[0], "/no/image").status == 66)
  }

  @Test(.enabled(if: Libraries.areThere, "OpenBLAS or LAPACKE is not installed"))
  func duplicatesAreListedInGroups() throws {
    try FileManager.default.copyItem(atPath: images[1], toPath: folder + "/all/copy.ppm")
    let outcome = try run("similar", "--duplicates", folder + "/all", "--format", "json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let report = try object(outcome.output)
    #expect(report["compared"] as? Int == 5)
    let groups = try #require(report["groups"] as? [[String: Any]])
    #expect(groups.count == 1 && groups[0]["kind"] as? String == "exact")
    #expect(groups[0]["images"] as? [String] == [images[1], folder + "/all/copy.ppm"])
    let rows = try run("similar", "--duplicates", folder + "/all", images[3], "--format", "csv")
    #expect(
      rows.output == """
        group,kind,input
        1,exact,\(images[1])
        1,exact,\(folder)/all/copy.ppm
        2,exact,\(images[3])
        2,exact,\(images[3])

        """)
    let text = try run("similar", "--duplicates", folder + "/all")
    #expect(text.output.contains("1 group of duplicates: 2 of 5 images"))
  }

  @Test func theOverlayAndTheMap() throws {
    let outcome = try run(
      "explain", images[1], "--class", "NAME 7", "-o", folder + "/o.png", "--map",
      folder + "/m.npy", "--format", "json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let record = try object(outcome.output)
    #expect(record["index"] as? Int == 7 && record["label"] as? String == "name 7")
    #expect(record["is_exact"] as? Bool == false)
    let overlay = try Image(contentsOf: folder + "/o.png")
    #expect((overlay.width, overlay.height) == (20, 16))
    let map = try NPYArray(path: folder + "/m.npy")
    #expect(map.shape == [7, 7])
    let mean = map.values.reduce(0) { $0 + Double($1) } / 49
    #expect(abs(mean - (record["map_mean"] as? Double ?? .nan)) < 1e-9)
    let rows = try csvRecords(
      run("explain", images[1], "--class", "7", "--format", "csv").output)
    #expect(rows.count == 2 && Set(rows.map(\.count)).count == 1)
    let index = try #require(rows[0].firstIndex(of: "index"))
    #expect(rows[1][index] == "7")
    for wanted in ["12", "-1", "zebra"] {
      let refused = try run("explain", images[1], "--class=\(wanted)")
      #expect(refused.status == 64 && refused.errors.contains("there is no class"))
    }
  }

  /// ImageNet has two classes named crane; choosing the first might explain the wrong one.
  @Test func ambiguousClassesAreReported() throws {
    let labels = folder + "/labels"
    let names = (0..<TestFiles.classes).map { $0 == 3 || $0 == 5 ? "crane" : "Class \($0)" }
    try Data(names.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: labels))
    let outcome = try run("explain", images[1], "--labels", labels, "--class", "crane")
    #expect(outcome.status == 64)
    #expect(outcome.errors.contains("several classes are called \"crane\""))
    #expect(outcome.errors.contains("3, 5"))
    let chosen = try run(
      "explain", images[1], "--labels", labels, "--class", "5", "--format", "json")
    #expect(try object(chosen.output)["index"] as? Int == 5)
  }

  @Test(arguments: ["embed", "similar", "explain", "train"])
  func helpIsAResult(command: String) throws {
    let outcome = try Tool.run([command, "--help"])
    #expect(outcome.status == 0 && outcome.output.contains("USAGE: cnnzoo \(command)"))
  }
}

/// Whether OpenBLAS and LAPACKE are installed.
enum Libraries {
  static let areThere = (try? HeadTrainer.requireLibraries()) != nil
}
