import Testing
import TestSupport
import Weights

@Suite struct HostilePickleTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func open(_ pickle: [UInt8], limits: WeightLimits = WeightLimits()) throws -> WeightFile {
    try WeightFile(path: folder.file(ZipBuilder(pickle: pickle).bytes), limits: limits)
  }

  private func reason(
    _ pickle: [UInt8], limits: WeightLimits = WeightLimits(),
    _ location: SourceLocation = #_sourceLocation
  ) throws -> String {
    let error = #expect(throws: WeightsError.self, sourceLocation: location) {
      try open(pickle, limits: limits)
    }
    return error?.description ?? ""
  }

  /// The valid input that the other tests modify.
  @Test func theBuilderMakesAStateDictionary() throws {
    let file = try open(Pickle.stateDictionary(Pickle.tensor()))
    #expect(file.names == ["a"])
    #expect(try file["a"]?.floats() == [0, 0])
  }

  /// Neither the name nor the call has any effect: the value is not a tensor.
  @Test(arguments: [
    ("os", "system"), ("posix", "system"), ("builtins", "eval"), ("__builtin__", "eval"),
    ("subprocess", "Popen"), ("torch", "load"), ("torch", "FloatStorage.from_file"),
    ("functools", "partial"), ("torch.storage", "_load_from_bytes"),
    ("torch._utils ", "_rebuild_tensor_v2"), ("", ""),
  ])
  func otherNamesAreInert(_ module: String, _ name: String) throws {
    let call = Pickle.global(module, name) + Pickle.tuple(Pickle.text("true")) + Pickle.reduce
    #expect(try reason(Pickle.stateDictionary(call)).contains("no tensors"))
    let beside = Pickle.text("b") + call + Pickle.setItem
    let pickle = Pickle.stateDictionary(Pickle.tensor()).dropLast() + beside + Pickle.stop
    #expect(try open(Array(pickle)).names == ["a"])
  }

  @Test func stackGlobalIsInertToo() throws {
    let call = Pickle.text("os") + Pickle.text("system") + [0x93]
    #expect(try reason(Pickle.stateDictionary(call)).contains("no tensors"))
    let tuple = Pickle.emptyTuple + Pickle.text("system") + [0x93]
    #expect(try reason(Pickle.stateDictionary(tuple)).contains("other than a string"))
  }

  /// `EXT1`, `EXT4`, `PERSID`, `NEXT_BUFFER`, `READONLY_BUFFER`, `INT`, `STRING`.
  @Test(arguments: ["\u{82}", "\u{84}", "P", "\u{97}", "\u{98}", "I", "S"])
  func otherInstructionsAreRefused(_ instruction: Character) throws {
    let byte = UInt8(try #require(instruction.unicodeScalars.first).value)
    let found = try reason(Pickle.stateDictionary([byte]))
    #expect(found.contains("0x\(String(byte, radix: 16))"))
  }

  @Test func onlyFunctionsAreCalled() throws {
    let dictionary = Pickle.emptyDictionary + Pickle.emptyTuple + Pickle.reduce
    #expect(try reason(Pickle.stateDictionary(dictionary)).contains("not a function"))
    let type = Pickle.global("torch", "FloatStorage") + Pickle.emptyTuple + Pickle.reduce
    #expect(try reason(Pickle.stateDictionary(type)).contains("call of a type"))
    let list = Pickle.global("collections", "OrderedDict") + Pickle.emptyList + Pickle.reduce
    #expect(try reason(Pickle.stateDictionary(list)).contains("not a function"))
    let attributes = Pickle.tensor() + Pickle.emptyDictionary + Array("b".utf8)
    #expect(try reason(Pickle.stateDictionary(attributes)).contains("attributes"))
  }

  @Test(arguments: [
    Pickle.tensor(offset: 3),
    Pickle.tensor(offset: -1),
    Pickle.tensor(offset: .max),
    Pickle.tensor(offset: .min),
    Pickle.tensor(shape: [5]),
    Pickle.tensor(shape: [2], strides: [4]),
    Pickle.tensor(shape: [2], strides: [-1]),
    Pickle.tensor(shape: [2], strides: [.max]),
    Pickle.tensor(shape: [-2], strides: [1]),
    Pickle.tensor(shape: [2, 2], strides: [1]),
    Pickle.tensor(shape: [], strides: [1]),
    Pickle.tensor(shape: [1 << 32, 1 << 32], strides: [0, 0]),
    Pickle.tensor(shape: [1 << 40], strides: [0]),
    Pickle.tensor(shape: [0], strides: [1]) + Pickle.integer(1) + Pickle.reduce,
    Pickle.tensor(offset: 5, shape: [0], strides: [1]),
    Pickle.tensor(shape: [1, 1, 1, 1, 1, 1, 1, 1, 1], strides: [1, 1, 1, 1, 1, 1, 1, 1, 1]),
    Pickle.tensor(storage: Pickle.storage(count: 5)),
    Pickle.tensor(storage: Pickle.storage(count: 3)),
    Pickle.tensor(storage: Pickle.storage(count: -4)),
    Pickle.tensor(storage: Pickle.storage(count: 1 << 62)),
    Pickle.tensor(storage: Pickle.storage(type: "HalfStorage")),
    Pickle.tensor(storage: Pickle.storage(key: "1")),
    Pickle.tensor(storage: Pickle.storage(key: "../data.pkl")),
    Pickle.tensor(storage: Pickle.integer(0)),
    Pickle.tuple(Pickle.text("storage")) + Array("Q".utf8),
    Pickle.global("torch._utils", "_rebuild_tensor_v2") + Pickle.emptyTuple + Pickle.reduce,
    Pickle.global("torch._utils", "_rebuild_parameter")
      + Pickle.tuple(Pickle.none, Pickle.none, Pickle.none) + Pickle.reduce,
  ])
  func impossibleTensorsAreErrors(_ value: [UInt8]) throws {
    let path = try folder.file(ZipBuilder(pickle: Pickle.stateDictionary(value)).bytes)
    #expect(throws: WeightsError.self, "\(String(decoding: value, as: UTF8.self))") {
      try WeightFile(path: path)
    }
  }

  /// An axis of extent 1 may have any stride: it is never taken.
  @Test func strideOfASingleElementDoesNotMatter() throws {
    let file = try open(Pickle.stateDictionary(Pickle.tensor(shape: [2, 1], strides: [2, .max])))
    #expect(file["a"]?.strides == [2, 0])
    #expect(try file["a"]?.floats() == [0, 0])
  }

  @Test(arguments: [
    [], [0x80], [0x80, 2], [0x80, 1] + Pickle.none + Pickle.stop, [0x80, 6] + Pickle.stop,
    Pickle.stop, Pickle.none + Pickle.none + Pickle.stop, Pickle.mark + Pickle.none + Pickle.stop,
    Pickle.none + Pickle.stop + Pickle.none, Array("0".utf8), Array("1".utf8), Array("2".utf8),
    Array("t".utf8), Array("s".utf8), Array("u".utf8), Array("R".utf8), Array("Q".utf8), [0x85],
    Array("(0".utf8), Array("N(R".utf8), Array("N(0t.".utf8), Array("N(0l.".utf8),
    Array("](s".utf8), Array("}Na.".utf8), Array("]NNs.".utf8),
    Array("}(Nu.".utf8), Array("h\u{0}.".utf8), Array("Nq\u{1}.".utf8), Array("q\u{0}".utf8),
    [0x4e, 0x72, 0xff, 0xff, 0xff, 0xff], [0x6a, 0xff, 0xff, 0xff, 0xff], Array("cos".utf8),
    [0x8a, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1], [0x58, 0xff, 0xff, 0xff, 0xff, 0x41],
    [0x8d, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [0x58, 1, 0, 0, 0, 0xff],
    Pickle.none + Pickle.stop, Pickle.emptyList + Pickle.stop,
    Pickle.emptyDictionary + Pickle.text("a") + Pickle.none + Pickle.setItem + Pickle.stop,
    // A list that contains itself.
    Array("]q\u{0}h\u{0}a.".utf8),
  ])
  func malformedProgramsAreErrors(_ program: [UInt8]) throws {
    let path = try folder.file(ZipBuilder(pickle: program).bytes)
    #expect(throws: WeightsError.self, "\(program)") { try WeightFile(path: path) }
  }

  /// A dictionary that contains itself, next to a tensor, does no harm.
  @Test func cyclesEnd() throws {
    let pickle =
      Pickle.start + Pickle.emptyDictionary + Array("q\u{0}".utf8) + Pickle.text("self")
      + Array("h\u{0}s".utf8) + Pickle.text("a") + Pickle.tensor() + Pickle.setItem + Pickle.stop
    #expect(try open(pickle).names == ["a"])
  }

  @Test func duplicateTensorNamesAreAnError() throws {
    let member = Pickle.text("a") + Pickle.tensor() + Pickle.setItem
    let pickle = Pickle.start + Pickle.emptyDictionary + member + member + Pickle.stop
    #expect(try reason(pickle).contains("is a duplicate"))
  }

  @Test func nestingIsBounded() throws {
    let marks = [UInt8](repeating: UInt8(ascii: "("), count: 1_000_000)
    #expect(try reason(marks).contains("nested deeper"))
    let lists = [UInt8](repeating: UInt8(ascii: "]"), count: 1_000_000)
    #expect(try reason(lists).contains("values on its stack"))
  }

  /// A million tuples, each inside the next: releasing them must not recurse.
  @Test func deepTuplesAreReleased() throws {
    let tuples = [UInt8](repeating: 0x85, count: 900_000)
    let pickle = Pickle.stateDictionary(Pickle.none + tuples)
    #expect(try reason(pickle).contains("no tensors"))
  }

  /// Each level contains the one below twice, giving 2^60 leaves if they were visited.
  @Test func sharedTuplesAreNotExpanded() throws {
    let levels = (0..<60).flatMap { _ in [UInt8(ascii: "2"), 0x86] }
    #expect(try reason(Pickle.stateDictionary(Pickle.none + levels)).contains("no tensors"))
  }

  @Test func valuesAreBounded() throws {
    var limits = WeightLimits()
    limits.pickleObjects = 1000
    let lists = (0..<2000).flatMap { _ in Pickle.emptyList + Array("0".utf8) }
    #expect(try reason(lists, limits: limits).contains("creates more than 1000"))
    let items = Pickle.emptyList + (0..<2000).flatMap { _ in Pickle.none + Array("a".utf8) }
    #expect(try reason(items, limits: limits).contains("creates more than 1000"))

    limits = WeightLimits()
    limits.pickleMemo = 100
    let memo = (0..<200).flatMap { _ -> [UInt8] in Pickle.none + [0x94] + Array("0".utf8) }
    #expect(try reason(memo, limits: limits).contains("stores value 100"))

    limits = WeightLimits()
    limits.pickleBytes = 100
    #expect(
      try reason(Pickle.stateDictionary(Pickle.tensor()), limits: limits).contains("more than 100"))

    limits = WeightLimits()
    limits.tensors = 0
    #expect(
      try reason(Pickle.stateDictionary(Pickle.tensor()), limits: limits).contains("more than 0"))
  }

  /// One long shape, requested again and again, must not be copied each time.
  @Test func longShapesAreNotCopied() throws {
    let long = [Int](repeating: 1, count: 1000)
    for tensor in [
      Pickle.tensor(shape: long, strides: []), Pickle.tensor(shape: [], strides: long),
    ] {
      #expect(try reason(Pickle.stateDictionary(tensor)).contains("more than 8 numbers"))
    }
  }
}
