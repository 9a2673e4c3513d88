import CNNZoo
import Foundation
import Testing

/// `embed` to an index, `embed --update`, and `similar --index`.
struct EmbeddingIndexTests {
  private let folder: String
  private let images: String

  init() throws {
    folder = try TestFiles.folder()
    images = "\(folder)/images"
    try FileManager.default.createDirectory(atPath: images, withIntermediateDirectories: true)
    for index in 1...4 {
      try TestFiles.image("\(images)/\(index).ppm", shade: UInt8(index * index))
    }
  }

  private func run(_ command: String, _ arguments: String...) throws -> Tool.Outcome {
    try Tool.run([command] + arguments + TestFiles.network())
  }

  @discardableResult
  private func embed(_ name: String, _ more: String...) throws -> String {
    let output = "\(folder)/\(name)"
    let outcome = try Tool.run(
      ["embed", images, "--output", output] + more + TestFiles.network())
    #expect(outcome.status == 0, "\(outcome.errors)")
    return output
  }

  private func results(_ outcome: Tool.Outcome) throws -> [String: Double] {
    #expect(outcome.status == 0, "\(outcome.errors)")
    let results = try #require(try object(outcome.output)["results"] as? [[String: Any]])
    return Dictionary(
      uniqueKeysWithValues: try results.map {
        (try #require($0["input"] as? String), try #require($0["cosine"] as? Double))
      })
  }

  @Test(
    .enabled(if: Libraries.areThere, "OpenBLAS or LAPACKE is not installed"),
    arguments: ["npz", "safetensors"])
  func searchNeedsOnlyTheQuery(format: String) throws {
    let query = try TestFiles.image("\(folder)/query.ppm", shade: 9)
    let expected = try results(run("similar", query, images, "--format", "json"))
    #expect(expected.count == 4)
    let index = try embed("index.\(format)")
    try FileManager.default.removeItem(atPath: images)
    let found = try results(run("similar", query, "--index", index, "--format", "json"))
    #expect(found == expected)
  }

  /// An image replaced behind the index's back proves that it was not read again.
  @Test(arguments: ["npz", "safetensors"])
  func updatesReadChangedAndNewImagesOnly(format: String) throws {
    let path = try embed("index.\(format)")
    let old = try EmbeddingIndex(contentsOf: path)
    let script = """
      set -e; cd "$1"
      cp -p 1.ppm ../kept
      { head -c 13 ../kept; head -c 960 /dev/zero; } > 1.ppm
      touch -r ../kept 1.ppm
      touch -d 2001-01-01 2.ppm
      rm 3.ppm
      """
    #expect(try Tool.shell(script, [images]).status == 0)
    try TestFiles.image("\(images)/4.ppm", shade: 77)
    try TestFiles.image("\(images)/5.ppm", shade: 55)
    let outcome = try run("embed", images, "--output", path, "--update")
    #expect(outcome.status == 0)
    #expect(outcome.errors.contains("1 unchanged"), "\(outcome.errors)")
    let updated = try EmbeddingIndex(contentsOf: path)
    #expect(updated.files.map(\.path) == [1, 2, 4, 5].map { "\(images)/\($0).ppm" })
    #expect(updated.embedding(0) == old.embedding(0), "1.ppm has its old stamp")
    #expect(updated.embedding(1) == old.embedding(1), "2.ppm is the same image")
    #expect(updated.files[1] != old.files[1])
    #expect(updated.embedding(2) != old.embedding(3))
    let fresh = try EmbeddingIndex(contentsOf: embed("fresh.\(format)"))
    #expect(fresh.embedding(0) != old.embedding(0), "1.ppm is another image by now")
    for row in 1..<4 { #expect(updated.embedding(row) == fresh.embedding(row)) }
    #expect(updated.origin == fresh.origin && updated.files == fresh.files)
    // Once more, nothing is left to do.
    #expect(try run("embed", images, "--output", path, "--update").errors.contains("4 unchanged"))
  }

  @Test func updateCreatesAMissingIndex() throws {
    let created = try embed("created.npz", "--update")
    let plain = try embed("plain.npz")
    #expect(FileManager.default.contentsEqual(atPath: created, andPath: plain))
  }

  /// Failures have a row of NaN, which is neither searched nor taken over.
  @Test(.enabled(if: Libraries.areThere, "OpenBLAS or LAPACKE is not installed"))
  func failuresHaveNoEmbedding() throws {
    try Data("damaged".utf8).write(to: URL(filePath: "\(images)/2.ppm"))
    let path = try embed("index.npz", "--on-error", "record")
    let index = try EmbeddingIndex(contentsOf: path)
    #expect(index.count == 4 && index.embedding(1) == nil && index.embedding(0) != nil)
    let found = try results(
      run("similar", "\(images)/1.ppm", "--index", path, "--format", "json"))
    #expect(Set(found.keys) == Set([1, 3, 4].map { "\(images)/\($0).ppm" }))
  }

  @Test(arguments: [
    (["--resize", "230"], "preprocessing"), (["--layer", "hidden"], "layer"),
    (["--padding", "same"], "preprocessing"),
  ])
  func otherOriginsAreRejected(arguments: [String], message: String) throws {
    let path = try embed("index.npz")
    let before = try Data(contentsOf: URL(filePath: path))
    for command in [
      ["similar", "\(images)/1.ppm", "--index", path],
      ["embed", images, "--output", path, "--update"],
    ] {
      let outcome = try Tool.run(command + arguments + TestFiles.network())
      #expect(outcome.status == 65 && outcome.output.isEmpty, "\(outcome.errors)")
      #expect(outcome.errors.hasPrefix("cnnzoo: \(path): computed with \(message)"))
      #expect(outcome.errors.contains("use the same, or write a new index"))
    }
    #expect(try Data(contentsOf: URL(filePath: path)) == before)
  }

  @Test func otherWeightsAreRejected() throws {
    let path = try embed("index.npz")
    let file = try WeightFile(path: TestFiles.weights.get())
    var writer = SafetensorsWriter(metadata: file.metadata)
    for tensor in file.tensors {
      if tensor.name == "classifier.3.bias" {
        writer.append(
          name: tensor.name, shape: tensor.shape,
          values: [Float](repeating: 0, count: tensor.elementCount))
      } else {
        writer.append(tensor)
      }
    }
    try writer.write(to: "\(folder)/other.safetensors")
    let outcome = try Tool.run([
      "similar", "\(images)/1.ppm", "--index", path, "--model", "mobilenetv3-small", "--weights",
      "\(folder)/other.safetensors",
    ])
    #expect(outcome.status == 65)
    #expect(outcome.errors.contains("computed with weights of SHA-256 "), "\(outcome.errors)")
  }

  @Test func indexesAreArchivesForNumPy() throws {
    let path = try embed("index.npz")
    let outcome = try Tool.shell(
      """
      python3 - "$1" <<'END'
      import sys, zipfile
      archive = zipfile.ZipFile(sys.argv[1])
      assert archive.testzip() is None
      print(*sorted(archive.namelist()))
      try:
          import numpy
      except ImportError:
          sys.exit()
      arrays = numpy.load(sys.argv[1])
      assert arrays["embeddings"].shape[0] == 4 and arrays["embeddings"].dtype == "<f4"
      assert [path[-5:] for path in arrays["paths"].tolist()] == [f"{i}.ppm" for i in range(1, 5)]
      assert (arrays["sizes"] == 973).all() and (arrays["modified"] > 1e18).all()
      END
      """, [path])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(
      outcome.output == "embeddings.npy modified.npy origin.npy paths.npy sizes.npy\n")
  }

  @Test func csvHoldsPathsAndValues() throws {
    let rows = try csvRecords(
      String(contentsOfFile: embed("index.csv"), encoding: .utf8))
    let index = try EmbeddingIndex(contentsOf: embed("index.npz"))
    #expect(rows[0] == ["input"] + (0..<index.dimension).map { "e\($0)" })
    #expect(rows.dropFirst().map { $0[0] } == index.files.map(\.path))
    #expect(rows.dropFirst().flatMap { $0.dropFirst() }.compactMap { Float($0) } == index.values)
  }

  @Test(arguments: ["index.jsonl", "index.npy", "index.csv"])
  func otherFormatsAreNoIndexes(name: String) throws {
    let path = try embed(name)
    let outcome = try run("similar", "\(images)/1.ppm", "--index", path)
    #expect(outcome.status == 65, "\(outcome.errors)")
    #expect(outcome.errors.contains(path))
    expectUsageError(try run("embed", images, "--output", path, "--update"), "--update")
  }

  /// Two names that look alike once their bytes are replaced.
  @Test(arguments: ["npz", "safetensors"])
  func namesThatAreNotUTF8(format: String) throws {
    #expect(
      try Tool.shell(
        """
        set -e; cd "$1"; rm 3.ppm 4.ppm; mv 1.ppm $'\\xff.ppm'; mv 2.ppm $'\\xfe.ppm'
        touch -d 2001-01-01 *
        """, [images]
      ).status == 0)
    let path = try embed("index.\(format)")
    let old = try EmbeddingIndex(contentsOf: path)
    #expect(old.files[0] != old.files[1] && old.files[0].path == old.files[1].path)
    #expect(old.embedding(0) != old.embedding(1))
    #expect(try run("embed", images, "--output", path, "--update").errors.contains("2 unchanged"))
    let updated = try EmbeddingIndex(contentsOf: path)
    #expect(updated.files == old.files && updated.values == old.values)
  }

  /// Neither the time nor the exit status depends on what is at the output's path.
  @Test func updatesOfWhatIsNoIndex() throws {
    try FileManager.default.createDirectory(
      atPath: "\(folder)/folder.npz", withIntermediateDirectories: true)
    let folder = try run("embed", images, "--output", "\(folder)/folder.npz", "--update")
    #expect(folder.status == 73 && folder.errors.contains("is a folder"), "\(folder.errors)")
    let missing = try run("similar", "\(images)/1.ppm", "--index", "\(self.folder)/missing.npz")
    #expect(missing.status == 66, "\(missing.errors)")
    let searched = try run(
      "similar", "\(images)/1.ppm", "--index", "\(self.folder)/folder.npz")
    #expect(searched.status == 66 && searched.errors.contains("is a folder"))
  }

  /// A file may be cut anywhere, contradict itself, or hold what no embedding has.
  @Test(arguments: ["npz", "safetensors"])
  func truncatedIndexes(format: String) throws {
    let bytes = try Data(contentsOf: URL(filePath: embed("index.\(format)")))
    let path = "\(folder)/cut.\(format)"
    for length in stride(from: 0, to: bytes.count, by: 13) {
      try bytes.prefix(length).write(to: URL(filePath: path))
      let error = #expect(throws: EmbeddingIndexError.self, "\(length)") {
        try EmbeddingIndex(contentsOf: path)
      }
      #expect(error?.description.hasPrefix(path) == true)
    }
    let outcome = try run("embed", images, "--output", path, "--update")
    #expect(outcome.status == 65 && outcome.errors.contains("cnnzoo embed --output FILE.npz"))
  }

  private enum Damage: CaseIterable {
    case noValues, fewerImages, otherShape, oneDimension, noOrigin, unknownField, infinite,
      partlyNaN
    case huge
  }

  @Test(arguments: Damage.allCases.indices)
  func damagedIndexes(number: Int) throws {
    let damage = Damage.allCases[number]
    let good = try NPZFile(path: embed("good.npz"))
    let array = try good.array("embeddings")
    var (shape, values) = (array.shape, array.values)
    var paths = try good.strings("paths")
    var origin = try good.strings("origin")
    switch damage {
    case .noValues: (shape, values) = ([4, 0], [])
    case .fewerImages: paths.removeLast()
    case .otherShape: shape = [shape[0] * 2, shape[1] / 2]
    case .oneDimension: shape = [values.count]
    case .noOrigin: origin = []
    case .unknownField: origin.removeAll { String(decoding: $0, as: UTF8.self).hasPrefix("prec") }
    case .infinite: values[5] = .infinity
    case .partlyNaN: values[shape[1]] = .nan
    // As the origin says, but of another dimension.
    case .huge: (shape, values) = ([4, 1], [1, 2, 3, 4])
    }
    var writer = NPZWriter()
    writer.append("embeddings", shape: shape, values: values)
    writer.append("paths", strings: paths)
    writer.append("sizes", integers: try good.integers("sizes"))
    writer.append("modified", integers: try good.integers("modified"))
    writer.append("origin", strings: origin)
    let path = "\(folder)/damaged.npz"
    try writer.write(to: path)
    for outcome in [
      try run("similar", "\(images)/1.ppm", "--index", path),
      try run("embed", images, "--output", path, "--update"),
    ] {
      #expect(outcome.status == 65 && outcome.output.isEmpty, "\(damage) \(outcome.errors)")
      #expect(outcome.errors.hasPrefix("cnnzoo: \(path): "), "\(outcome.errors)")
    }
  }

  /// Counts in a header that no file could hold allocate nothing.
  @Test func hugeCounts() throws {
    let path = try embed("index.npz")
    var bytes = try Data(contentsOf: URL(filePath: path))
    let shape = try #require(bytes.range(of: Data("(4, ".utf8)))
    bytes.replaceSubrange(shape, with: Data("(9, ".utf8))
    try bytes.write(to: URL(filePath: path))
    #expect(throws: EmbeddingIndexError.self) { try EmbeddingIndex(contentsOf: path) }
    let names = try #require(bytes.range(of: Data("'shape': (4,), }     ".utf8)))
    bytes.replaceSubrange(shape, with: Data("(4, ".utf8))
    bytes.replaceSubrange(
      names, with: Data("'shape': (4000000,), ".utf8).prefix(names.count - 1) + Data("}".utf8))
    try bytes.write(to: URL(filePath: path))
    #expect(throws: EmbeddingIndexError.self) { try EmbeddingIndex(contentsOf: path) }
  }

  @Test func wrongUsage() throws {
    expectUsageError(try run("similar", "x", "y", "--index", "z"), "--index")
    expectUsageError(try run("embed", images, "--update"), "--update")
  }
}
