import Foundation

/// A value to save as `torch.save` does.
package indirect enum TorchValue {
  case none
  case integer(Int)
  case text(String)
  case list([TorchValue])
  case dictionary([(String, TorchValue)])
  case tensor(shape: [Int], values: [Float])
  /// An object with attributes, made without calling anything.
  case object(module: String, name: String, attributes: [(String, TorchValue)])
}

/// A PyTorch file, written to the format's specification.
package struct TorchCheckpoint {
  private var pickle: [UInt8] = [0x80, 2]
  private var storages: [[UInt8]] = []

  package init(_ value: TorchValue) {
    append(value)
    pickle.append(UInt8(ascii: "."))
  }

  /// Writes the file, a zip archive.
  package func write(to path: String) throws {
    var file: [UInt8] = []
    var directory: [UInt8] = []
    let entries =
      [("archive/data.pkl", pickle)]
      + storages.enumerated().map { ("archive/data/\($0)", $1) }
    for (name, data) in entries {
      let start = file.count
      let sizes = bytes(UInt32(0)) + bytes(UInt32(data.count)) + bytes(UInt32(data.count))
      let head = bytes(UInt16(0)) + bytes(UInt16(0)) + bytes(UInt32(0)) + sizes
      let length = bytes(UInt16(name.utf8.count)) + bytes(UInt16(0))
      file +=
        Array("PK\u{3}\u{4}".utf8) + bytes(UInt16(0)) + head + length + Array(name.utf8) + data
      directory += Array("PK\u{1}\u{2}".utf8) + bytes(UInt32(0)) + head + length
      directory += [UInt8](repeating: 0, count: 10) + bytes(UInt32(start)) + Array(name.utf8)
    }
    let count = bytes(UInt16(entries.count))
    let end = bytes(UInt32(directory.count)) + bytes(UInt32(file.count)) + bytes(UInt16(0))
    file += directory + Array("PK\u{5}\u{6}".utf8) + bytes(UInt32(0)) + count + count + end
    try Data(file).write(to: URL(fileURLWithPath: path))
  }

  private mutating func append(_ value: TorchValue) {
    switch value {
    case .none: pickle.append(UInt8(ascii: "N"))
    case .integer(let number): pickle += Array("J".utf8) + bytes(Int32(number))
    case .text(let text):
      pickle += Array("X".utf8) + bytes(UInt32(text.utf8.count)) + Array(text.utf8)
    case .list(let elements):
      pickle += Array("](".utf8)
      elements.forEach { append($0) }
      pickle += Array("e".utf8)
    case .dictionary(let members): append(members)
    case .tensor(let shape, let values): append(shape, values)
    case .object(let module, let name, let attributes):
      pickle += Array("c\(module)\n\(name)\n)".utf8) + [0x81]
      append(attributes)
      pickle += Array("b".utf8)
    }
  }

  private mutating func append(_ members: [(String, TorchValue)]) {
    pickle += Array("}(".utf8)
    for (key, value) in members {
      append(.text(key))
      append(value)
    }
    pickle += Array("u".utf8)
  }

  private mutating func append(_ shape: [Int], _ values: [Float]) {
    let key = "\(storages.count)"
    storages.append(values.flatMap { bytes($0.bitPattern) })
    pickle += Array("ctorch._utils\n_rebuild_tensor_v2\n((".utf8)
    append(.text("storage"))
    pickle += Array("ctorch\nFloatStorage\n".utf8)
    append(.text(key))
    append(.text("cpu"))
    append(.integer(values.count))
    pickle += Array("tQ".utf8)
    append(.integer(0))
    var strides = shape.map { _ in 1 }
    for index in shape.indices.dropLast().reversed() {
      strides[index] = strides[index + 1] * shape[index + 1]
    }
    for sizes in [shape, strides] {
      pickle += Array("(".utf8)
      sizes.forEach { append(.integer($0)) }
      pickle += Array("t".utf8)
    }
    pickle += [0x89] + Array("N".utf8) + Array("tR".utf8)
  }

  private func bytes(_ number: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian) { Array($0) }
  }
}
