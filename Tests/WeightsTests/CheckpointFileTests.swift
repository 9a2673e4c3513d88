import Testing
import TestSupport
import Weights

/// Checkpoints that training libraries wrote, and files that are mistaken for weights.
struct CheckpointFileTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// The dictionary, prefix and first value of each set with a layer `fc`.
  private func sets(_ name: String) throws -> [String] {
    try WeightFile(path: golden(name)).sets(containing: ["fc.weight"]).map { set in
      let first = try set["fc.weight"]?.floats()[0] ?? .nan
      return "\(set.dictionary.path)|\(set.prefix)|\(first)|\(set.isAverage ? "average" : "")"
    }
  }

  @Test(arguments: [
    ("timm.pth", ["state_dict||1.0|", "state_dict_ema||11.0|average"]),
    ("torchvision.pth", ["model||1.0|", "model_ema|module.|11.0|average"]),
    ("torchvision-legacy.pth", ["model||1.0|", "model_ema|module.|11.0|average"]),
    ("lightning.pth", ["state_dict|model.|1.0|"]), ("checkpoint.pth", ["state_dict|module.|1.0|"]),
  ])
  func librariesWriteCheckpoints(_ name: String, _ expected: [String]) throws {
    #expect(try sets(name) == expected)
  }

  @Test func tensorsOutsideThePrefixAreNotInTheSet() throws {
    let file = try WeightFile(path: golden("lightning.pth"))
    #expect(file.names.contains("criterion.weight"))
    let set = try #require(file.sets(containing: ["fc.weight"]).first)
    #expect(set.names == ["fc.weight", "fc.bias"])
    #expect(set.place == "state_dict: model.")
  }

  @Test(arguments: [
    ("quantized.pth", ["quantised", "float model"]),
    ("quantized-legacy.pth", ["quantised", "float model"]),
    ("script.pth", ["TorchScript", "torch.jit.load("]),
    ("module.pth", ["whole pickled module", "Layer", "find_class", "state_dict()"]),
  ])
  func networksInOtherFormsAreNamed(_ name: String, _ words: [String]) {
    let error = #expect(throws: WeightsError.self) { try WeightFile(path: golden(name)) }
    let text = error?.description ?? ""
    #expect(words.allSatisfy(text.contains), "\(text)")
    if case .needsExport(_, _, let remedy)? = error {
      #expect(remedy.count == 2)
      #expect(text.split(separator: "\n").count == 3)
    }
  }

  @Test(arguments: [
    (
      "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n",
      ["Git LFS pointer", "git lfs pull"]
    ),
    ("<!DOCTYPE html>\n<html>", ["HTML page", "download"]),
    ("\u{FEFF}\r\n <HTML lang=\"en\">", ["HTML page"]),
    ("<?xml version=\"1.0\"?><Error>NoSuchKey</Error>", ["XML document"]),
    (#"{"architecture": "x"}"#, ["weight_map"]), ("[1, 2]", ["weight_map"]),
    ("\u{1F}\u{8B}\u{8}\u{0}", ["neither a safetensors"]),
    ("Not Found", ["neither a safetensors"]),
  ])
  func textsAreNamed(_ text: String, _ words: [String]) throws {
    let path = try folder.file(Array(text.utf8))
    let found = #expect(throws: WeightsError.self) { try WeightFile(path: path) }
    #expect(words.allSatisfy { found?.description.contains($0) == true }, "\(found as Any)")
  }

  private static let binaryFiles: [(bytes: [UInt8], word: String)] = [
    ([0x1F, 0x8B, 8, 0], "compressed"), ([0x28, 0xB5, 0x2F, 0xFD], "compressed"),
    (tar, "archive"), ([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A], "HDF5"),
    ([0x1C, 0, 0, 0, 0x54, 0x46, 0x4C, 0x33], "TensorFlow Lite"),
    ([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59], "NumPy"),
    ([0x80, 4, 0x7D, 0x2E], "pickle that torch.save did not write"),
  ]

  private static let tar = [UInt8](repeating: 0x61, count: 257) + Array("ustar".utf8)

  @Test(arguments: binaryFiles.indices)
  func binaryFilesAreNamed(index: Int) throws {
    let (bytes, word) = Self.binaryFiles[index]
    let path = try folder.file(bytes)
    let found = #expect(throws: WeightsError.self) { try WeightFile(path: path) }
    #expect(found?.description.contains(word) == true, "\(found as Any)")
  }

  // MARK: - Objects beside tensors

  private func names(_ value: [UInt8]) throws -> [String] {
    let beside = Pickle.text("b") + value + Pickle.setItem
    let pickle = Pickle.stateDictionary(Pickle.tensor()).dropLast() + beside + Pickle.stop
    return try WeightFile(path: folder.file(ZipBuilder(pickle: Array(pickle)).bytes))
      .dictionaries.flatMap { dictionary in
        dictionary.tensors.map { (dictionary.keys + [$0.name]).joined(separator: "/") }
      }
  }

  /// Every way to make objects gives placeholders, in which tensors are found.
  @Test func objectsAreSearched() throws {
    let type = Pickle.global("somewhere", "Settings")
    let members = Pickle.mark + Pickle.text("w") + Pickle.tensor() + Array("u".utf8)
    let attributes = Pickle.emptyDictionary + members + Array("b".utf8)
    let new = type + Pickle.emptyTuple + [0x81]
    let withKeywords = type + Pickle.emptyTuple + Pickle.emptyDictionary + [0x92]
    let called = type + Pickle.emptyTuple + Pickle.reduce
    let object = Pickle.mark + type + Pickle.none + Array("o".utf8)
    let instance = Pickle.mark + Pickle.none + Array("isomewhere\nSettings\n".utf8)
    for value in [new, withKeywords, called, object, instance] {
      #expect(try names(value) == ["a"])
      #expect(try names(value + attributes) == ["a", "b/w"])
      #expect(try names(value + members) == ["a", "b/w"])
    }
    // The state of an object with slots: (None, {…}).
    let slots = Pickle.none + Pickle.emptyDictionary + members + [0x86] + Array("b".utf8)
    #expect(try names(new + slots) == ["a", "b/w"])
    // A class is an object too, and its result may be called.
    #expect(try names(type) == ["a"])
    #expect(try names(called + Pickle.emptyTuple + Pickle.reduce) == ["a"])
    let list = Pickle.emptyList + Pickle.mark + Pickle.none + Pickle.emptyDictionary + members
    #expect(try names(list + Array("e".utf8)) == ["a", "b/1/w"])
  }

  @Test func valuesWithoutTensorsAreSkipped() throws {
    let values: [[UInt8]] = [
      [0x8A, 9] + [UInt8](repeating: 1, count: 9),
      [0x8B, 10, 0, 0, 0] + [UInt8](repeating: 1, count: 10),
      [0x42, 2, 0, 0, 0, 0xFF, 0xFE], [0x43, 1, 0xFF],
      [0x8E, 1, 0, 0, 0, 0, 0, 0, 0, 0xFF], [0x96, 1, 0, 0, 0, 0, 0, 0, 0, 0xFF],
      [0x8F] + Pickle.mark + Pickle.none + [0x90], Pickle.mark + Pickle.none + [0x91],
    ]
    for value in values { #expect(try names(value) == ["a"], "\(value)") }
  }

  /// Parameters and tensors with attributes of their own.
  @Test func tensorsMayHaveAttributes() throws {
    let rebuilt = Pickle.tensor()
    let parameter =
      Pickle.global("torch._utils", "_rebuild_parameter_with_state")
      + Pickle.tuple(rebuilt, [0x88], Pickle.orderedDictionary, Pickle.emptyDictionary)
      + Pickle.reduce
    #expect(try names(parameter) == ["a", "b"])
    let arguments = Pickle.tuple(
      Pickle.storage(), Pickle.integer(0), Pickle.integers([2]), Pickle.integers([1]), [0x89],
      Pickle.orderedDictionary)
    let typed =
      Pickle.global("torch._tensor", "_rebuild_from_type_v2")
      + Pickle.tuple(
        Pickle.global("torch._utils", "_rebuild_tensor_v2"), Pickle.global("torch", "Tensor"),
        arguments, Pickle.emptyDictionary) + Pickle.reduce
    #expect(try names(typed) == ["a", "b"])
  }

  /// Without limits, 60,000 objects that share 40,000 attributes would take minutes.
  @Test func sharedAttributesAreReadOnce() throws {
    let type = Pickle.global("m", "C") + Array("q\u{0}".utf8)
    let attributes =
      Pickle.emptyDictionary + Array("q\u{1}".utf8) + Pickle.mark
      + (0..<40_000).flatMap { _ in Pickle.none + Pickle.none } + Array("u0".utf8)
    let object = Array("h\u{0}".utf8) + Pickle.emptyTuple + [0x81] + Array("h\u{1}b".utf8)
    let objects = Pickle.emptyList + Pickle.mark + (0..<60_000).flatMap { _ in object }
    #expect(try names(type + Array("0".utf8) + attributes + objects + Array("e".utf8)) == ["a"])
  }

  // MARK: - Divided files

  private func shard(_ name: String, _ tensors: [String]) throws {
    var writer = SafetensorsWriter(metadata: ["format": "pt"])
    for tensor in tensors { writer.append(name: tensor, shape: [1], values: [Float(tensor.count)]) }
    try writer.write(to: "\(folder.path)/\(name)")
  }

  private func index(_ map: String) throws -> String {
    try folder.file(
      Array(#"{"metadata": {"total_size": 8}, "weight_map": {\#(map)}}"#.utf8),
      named: "model.safetensors.index.json")
  }

  @Test func indexesOfShardsAreRead() throws {
    try shard("one.safetensors", ["a", "bb"])
    try shard("two.safetensors", ["ccc", "unlisted"])
    let file = try WeightFile(
      path: index(
        #""a": "one.safetensors", "bb": "one.safetensors", "ccc": "two.safetensors""#))
    #expect(file.format == .index)
    #expect(file.names == ["a", "bb", "ccc"])
    #expect(try file["ccc"]?.floats() == [3])
    #expect(file.metadata == ["format": "pt"])
    #expect(file.paths.count == 3)
    try file.verifyUnchanged()
    for tensor in file.tensors { file.discardPages(of: tensor) }
  }

  @Test(arguments: [
    (#""a": "../one.safetensors""#, "folder of the index"),
    (#""a": "/etc/passwd""#, "folder of the index"),
    (#""a": "sub/one.safetensors""#, "folder of the index"),
    (#""a": "..""#, "folder of the index"), (#""a": """#, "folder of the index"),
    (#""a": 1"#, "not a file name"), (#""a": "three.safetensors""#, "download all of its files"),
    (#""a": "one.safetensors", "b": "one.safetensors""#, "tensor b is not in one.safetensors"),
    (#""a": "one.safetensors", "a": "one.safetensors""#, "twice"),
    (#""a": "model.safetensors.index.json""#, "neither"),
  ])
  func damagedIndexesAreErrors(_ map: String, _ words: String) throws {
    try shard("one.safetensors", ["a"])
    let path = try index(map)
    let error = #expect(throws: WeightsError.self) { try WeightFile(path: path) }
    #expect(error?.description.contains(words) == true, "\(error as Any)")
  }
}
