/// Reads the tensors that a pickle describes.
///
/// A Python pickle is a program for a stack machine that may call any function of any module. This
/// machine supports only the instructions of `PickleOpcode`, and knows only the names of
/// `TorchGlobal`. All other names, and the objects that would be made with them, become inert
/// placeholders: nothing is looked up, constructed or called. Stack, memo, nesting and the number of
/// values are bounded by `WeightLimits`.
struct PickleMachine {
  var reader: ByteReader
  var heap: PickleHeap
  let limits: WeightLimits
  private var stack: [PickleValue] = []
  private var marks: [Int] = []
  private var memo: [PickleValue] = []

  init(_ reader: ByteReader, limits: WeightLimits) {
    self.reader = reader
    self.limits = limits
    heap = PickleHeap(limit: limits.pickleObjects)
  }

  /// Runs to the end of the pickle and leaves `reader` just after it.
  mutating func run() throws(WeightsError) -> PickleValue {
    while true {
      let start = reader.offset
      let byte = try reader.byte()
      guard let opcode = PickleOpcode(rawValue: byte) else {
        throw refused("the pickle instruction 0x\(String(byte, radix: 16))", at: start)
      }
      if opcode == .stop {
        guard stack.count == 1, marks.isEmpty else {
          throw reader.malformed("the pickle ends with values left over", at: start)
        }
        return stack.removeLast()
      }
      try execute(opcode, at: start)
    }
  }

  private mutating func execute(_ opcode: PickleOpcode, at start: Int) throws(WeightsError) {
    switch opcode {
    case .stop: break
    case .protocol:
      let version = try reader.byte()
      guard 2...5 ~= version else {
        throw reader.unsupported("pickle protocol \(version); torch.save writes protocol 2")
      }
    case .frame: _ = try reader.size()

    case .none: try push(.none)
    case .newTrue: try push(.bool(true))
    case .newFalse: try push(.bool(false))
    case .uint8: try push(.integer(Int(try reader.byte())))
    case .uint16: try push(.integer(Int(try reader.integer(UInt16.self))))
    case .int32: try push(.integer(Int(try reader.integer(Int32.self))))
    case .long: try push(try long(Int(try reader.byte())))
    case .longLong: try push(try long(Int(try reader.integer(Int32.self))))
    case .float: try push(.real(Double(bitPattern: try reader.integer(UInt64.self).byteSwapped)))
    case .unicode, .string: try pushText(Int(try reader.integer(UInt32.self)))
    case .shortUnicode, .shortString: try pushText(Int(try reader.byte()))
    case .longUnicode: try pushText(try reader.size())
    case .bytes: try skip(Int(try reader.integer(UInt32.self)))
    case .shortBytes: try skip(Int(try reader.byte()))
    case .longBytes, .byteArray: try skip(try reader.size())

    case .mark:
      guard marks.count < limits.pickleDepth else {
        throw reader.malformed("the pickle is nested deeper than \(limits.pickleDepth)", at: start)
      }
      marks.append(stack.count)
    case .pop: _ = try pop()
    case .popMark: _ = try popToMark()
    case .duplicate: try push(try top())

    case .emptyTuple: try push(.tuple(try make([])))
    case .tuple1: try pushTuple(1)
    case .tuple2: try pushTuple(2)
    case .tuple3: try pushTuple(3)
    case .tuple: try push(.tuple(try make(try popToMark())))
    case .emptyList: try push(.list(try make([])))
    case .list: try push(.list(try make(try popToMark())))
    case .emptySet: try push(.opaque)
    case .frozenSet:
      _ = try popToMark()
      try push(.opaque)
    case .append: try extendList(with: [try pop()])
    case .appends: try extendList(with: try popToMark())
    case .addItems:
      _ = try popToMark()
      guard case .opaque = try top() else {
        throw reader.malformed("the pickle adds to something that is not a set", at: start)
      }
    case .emptyDictionary: try push(.dictionary(try make([])))
    case .dictionary:
      let place = try make([])
      try extendDictionary(place, with: try popToMark())
      try push(.dictionary(place))
    case .setItem:
      let value = try pop()
      try setItems([try pop(), value])
    case .setItems: try setItems(try popToMark())

    case .get: try recall(Int(try reader.byte()))
    case .longGet: try recall(Int(try reader.integer(UInt32.self)))
    case .put: try memoize(Int(try reader.byte()))
    case .longPut: try memoize(Int(try reader.integer(UInt32.self)))
    case .memoize: try memoize(memo.count)

    case .global:
      let module = try line()
      try pushGlobal(module: module, name: try line())
    case .stackGlobal:
      let name = try pop().text
      guard let module = try pop().text, let name else {
        throw reader.malformed(
          "the pickle names a global with something other than a string", at: start)
      }
      try pushGlobal(module: module, name: name)
    case .persistentID: try push(try storage(try pop(), at: start))
    case .reduce:
      let arguments = try pop()
      try call(try pop(), arguments, at: start)
    case .newObject:
      let arguments = try pop()
      try construct(try pop(), arguments, at: start)
    case .newObjectWithKeywords:
      _ = try pop()
      let arguments = try pop()
      try construct(try pop(), arguments, at: start)
    case .object:
      let elements = try popToMark()
      guard let type = elements.first else { throw underflow }
      try construct(type, .tuple(try make([])), at: start)
    case .instance:
      let module = try line()
      let name = try line()
      _ = try popToMark()
      try pushGlobal(module: module, name: name)
      try construct(try pop(), .tuple(try make([])), at: start)
    case .build:
      let state = try pop()
      try setState(of: try top(), to: state, at: start)
    }
  }

  func refused(_ what: String, at place: Int) -> WeightsError {
    .refused(
      path: reader.file.path,
      reason: "the pickle requests \(what) (byte \(place)), which weights do not need. Save only "
        + "the weights, in Python: torch.save(model.state_dict(), \"weights.pth\")")
  }

  /// Creates a collection; throws at the limit.
  mutating func make(_ elements: [PickleValue]) throws(WeightsError) -> Int {
    guard let place = heap.make(elements) else { throw tooMuch }
    return place
  }

  /// Adds alternating keys and values.
  mutating func extendDictionary(
    _ place: Int, with elements: [PickleValue]
  ) throws(WeightsError) {
    guard elements.count.isMultiple(of: 2) else {
      throw reader.malformed("a dictionary in the pickle has a key without a value")
    }
    guard heap.extend(place, with: elements) else { throw tooMuch }
  }

  var tooMuch: WeightsError {
    reader.malformed("the pickle creates more than \(limits.pickleObjects) values")
  }

  mutating func push(_ value: PickleValue) throws(WeightsError) {
    guard stack.count < limits.pickleStack else {
      throw reader.malformed("the pickle has more than \(limits.pickleStack) values on its stack")
    }
    stack.append(value)
  }

  private mutating func pop() throws(WeightsError) -> PickleValue {
    guard stack.count > marks.last ?? 0 else { throw underflow }
    return stack.removeLast()
  }

  private func top() throws(WeightsError) -> PickleValue {
    guard let value = stack.last, stack.count > marks.last ?? 0 else { throw underflow }
    return value
  }

  private mutating func popToMark() throws(WeightsError) -> [PickleValue] {
    guard let mark = marks.popLast() else { throw underflow }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[mark...])
  }

  private var underflow: WeightsError {
    reader.malformed("the pickle takes more values than are on its stack")
  }

  private mutating func pushTuple(_ count: Int) throws(WeightsError) {
    var elements: [PickleValue] = []
    for _ in 0..<count { elements.append(try pop()) }
    try push(.tuple(try make(elements.reversed())))
  }

  private mutating func pushText(_ length: Int) throws(WeightsError) {
    try push(.text(try reader.string(length)))
  }

  /// Skips bytes that no tensor depends on.
  private mutating func skip(_ length: Int) throws(WeightsError) {
    _ = try reader.take(length)
    try push(.opaque)
  }

  private mutating func extendList(with elements: [PickleValue]) throws(WeightsError) {
    switch try top() {
    case .list(let place):
      guard heap.extend(place, with: elements) else { throw tooMuch }
    // A subclass of `list`, or something that behaves like one.
    case .object, .opaque: break
    default: throw reader.malformed("the pickle appends to something that is not a list")
    }
  }

  private mutating func setItems(_ elements: [PickleValue]) throws(WeightsError) {
    switch try top() {
    case .dictionary(let place): try extendDictionary(place, with: elements)
    case .object(let object):
      guard let place = heap.items(of: object) else { throw tooMuch }
      try extendDictionary(place, with: elements)
    default:
      throw reader.malformed("the pickle sets a member of something that is not a dictionary")
    }
  }

  private mutating func recall(_ index: Int) throws(WeightsError) {
    guard memo.indices.contains(index) else {
      throw reader.malformed("the pickle fetches value \(index), which it never stored")
    }
    try push(memo[index])
  }

  /// Stores the top of the stack; picklers number stored values from zero.
  private mutating func memoize(_ index: Int) throws(WeightsError) {
    guard index <= memo.count, index < limits.pickleMemo else {
      throw reader.malformed("the pickle stores value \(index) after only \(memo.count) others")
    }
    if index == memo.count { memo.append(try top()) } else { memo[index] = try top() }
  }

  private mutating func pushGlobal(module: String, name: String) throws(WeightsError) {
    if let global = TorchGlobal(module: module, name: name) { return try push(.global(global)) }
    guard let index = heap.add(name: "\(module).\(name)") else { throw tooMuch }
    try push(.foreign(index))
  }

  /// A signed little-endian integer of `length` bytes.
  ///
  /// Above eight bytes it is no size or offset, but for example the seed of a random generator.
  private mutating func long(_ length: Int) throws(WeightsError) -> PickleValue {
    let bytes = try reader.take(length)
    guard bytes.count <= 8 else { return .opaque }
    var value: UInt64 = 0
    for (index, byte) in bytes.enumerated() { value |= UInt64(byte) << (8 * index) }
    let unused = 64 - 8 * bytes.count
    return .integer(bytes.isEmpty ? 0 : Int(Int64(bitPattern: value << unused) >> unused))
  }

  /// Text up to the end of the line.
  private mutating func line() throws(WeightsError) -> String {
    var text = ByteReader(reader.file, range: reader.offset..<reader.end)
    var length = 0
    while try reader.byte() != UInt8(ascii: "\n") { length += 1 }
    return try text.string(length)
  }
}
