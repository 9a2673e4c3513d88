/// Pieces of a pickle, to be joined by `+`.
enum Pickle {
  static let start: [UInt8] = [0x80, 0x02]
  static let mark = Array("(".utf8)
  static let stop = Array(".".utf8)
  static let reduce = Array("R".utf8)
  static let setItem = Array("s".utf8)
  static let emptyTuple = Array(")".utf8)
  static let emptyList = Array("]".utf8)
  static let emptyDictionary = Array("}".utf8)
  static let none = Array("N".utf8)

  static func text(_ value: String) -> [UInt8] {
    Array("X".utf8) + littleEndian(UInt32(value.utf8.count)) + Array(value.utf8)
  }

  static func integer(_ value: Int) -> [UInt8] { [0x8a, 8] + littleEndian(Int64(value)) }

  static func global(_ module: String, _ name: String) -> [UInt8] {
    Array("c\(module)\n\(name)\n".utf8)
  }

  static func tuple(_ elements: [UInt8]...) -> [UInt8] {
    mark + elements.joined() + Array("t".utf8)
  }

  static func integers(_ values: [Int]) -> [UInt8] {
    mark + values.flatMap(integer) + Array("t".utf8)
  }

  static let orderedDictionary = global("collections", "OrderedDict") + emptyTuple + reduce

  /// The storage `data/0`.
  static func storage(
    type: String = "FloatStorage", key: String = "0", count: Int = 4
  ) -> [UInt8] {
    tuple(text("storage"), global("torch", type), text(key), text("cpu"), integer(count))
      + Array("Q".utf8)
  }

  static func tensor(
    storage: [UInt8] = storage(), offset: Int = 0, shape: [Int] = [2], strides: [Int] = [1]
  ) -> [UInt8] {
    global("torch._utils", "_rebuild_tensor_v2")
      + tuple(
        storage, integer(offset), integers(shape), integers(strides), [0x89], orderedDictionary)
      + reduce
  }

  /// A whole pickle of a dictionary with one member, `a`.
  static func stateDictionary(_ value: [UInt8]) -> [UInt8] {
    start + emptyDictionary + text("a") + value + setItem + stop
  }
}
