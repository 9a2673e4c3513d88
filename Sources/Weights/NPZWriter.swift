import Host

/// Writes NumPy's `.npz`: named arrays in a zip archive, stored without compression like
/// `numpy.savez`.
///
/// The same arrays always give the same bytes. Arrays are encoded piece by piece while they are
/// written.
public struct NPZWriter {
  /// Passes an array's elements to a function, piece by piece.
  private typealias Elements = ((UnsafeRawBufferPointer) throws -> Void) throws -> Void

  private struct Entry {
    let name: [UInt8]
    let header: [UInt8]
    let elementBytes: Int
    let elements: Elements

    var byteCount: Int { header.count + elementBytes }

    func write(_ sink: (UnsafeRawBufferPointer) throws -> Void) throws {
      try header.withUnsafeBytes(sink)
      try elements(sink)
    }
  }

  private var entries: [Entry] = []

  /// A writer without arrays.
  public init() {}

  /// Adds an array of floats, `<f4`, the last dimension fastest.
  public mutating func append(_ name: String, shape: [Int], values: [Float]) {
    precondition(
      checkedElementCount(of: shape) == values.count, "the shape does not fit the values")
    append(name, descr: "<f4", shape: shape, elementBytes: 4 * values.count) { sink in
      try values.withUnsafeBytes(sink)
    }
  }

  /// Adds integers, `<i8`, [count].
  public mutating func append(_ name: String, integers: [Int]) {
    append(name, descr: "<i8", shape: [integers.count], elementBytes: 8 * integers.count) { sink in
      try integers.withUnsafeBytes(sink)
    }
  }

  /// Adds strings, `<U` of the longest one's length, [count].
  ///
  /// They are UTF-8. Any other byte becomes a lone surrogate, which Python's `os.fsencode` turns
  /// back into the byte. Trailing NULs are lost, as in NumPy.
  public mutating func append(_ name: String, strings: [[UInt8]]) {
    let length = max(1, strings.map { EscapedText.scalars(of: $0).count }.max() ?? 0)
    append(
      name, descr: "<U\(length)", shape: [strings.count], elementBytes: 4 * length * strings.count
    ) { sink in
      for string in strings {
        var scalars = EscapedText.scalars(of: string)
        scalars.append(contentsOf: repeatElement(0, count: length - scalars.count))
        try scalars.withUnsafeBytes(sink)
      }
    }
  }

  private mutating func append(
    _ name: String, descr: String, shape: [Int], elementBytes: Int, elements: @escaping Elements
  ) {
    entries.append(
      Entry(
        name: Array("\(name).npy".utf8), header: NPYHeader.encoded(descr: descr, shape: shape),
        elementBytes: elementBytes, elements: elements))
  }

  /// Writes the file, complete or not at all.
  ///
  /// - Throws: `WeightsError.unrepresentable` above 4 GiB; `FileError`.
  public func write(to path: String) throws {
    try requireRoom(path)
    let file = try AtomicFile(path: path)
    try encode { try file.write($0) }
    try file.commit()
  }

  /// The bytes of the file.
  ///
  /// - Parameter path: The name in errors.
  /// - Throws: `WeightsError.unrepresentable` above 4 GiB.
  public func encoded(named path: String) throws -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(try requireRoom(path))
    try encode { bytes.append(contentsOf: $0) }
    return bytes
  }

  /// The size of the file.
  @discardableResult
  private func requireRoom(_ path: String) throws(WeightsError) -> Int {
    let size = entries.reduce(22) { $0 + $1.byteCount + 2 * $1.name.count + 76 }
    // Zip64 would allow more, at the cost of headers that repeat every size.
    guard size < UInt32.max else {
      throw .unrepresentable(
        path: path, tensor: "embeddings",
        reason: "an .npz file holds at most 4 GiB here; write .safetensors")
    }
    return size
  }

  private func encode(_ sink: (UnsafeRawBufferPointer) throws -> Void) throws {
    var offset = 0
    func put(_ bytes: [UInt8]) throws {
      try bytes.withUnsafeBytes(sink)
      offset += bytes.count
    }
    var directory: [UInt8] = []
    for entry in entries {
      var checksum = CRC32()
      try entry.write { checksum.update($0) }
      var header: [UInt8] = []
      header.append(littleEndian: UInt16(20))  // version for the reader: 2.0
      header.append(littleEndian: UInt16(0))  // flags
      header.append(littleEndian: UInt16(0))  // stored
      header.append(littleEndian: UInt16(0))  // midnight,
      header.append(littleEndian: UInt16(0x21))  // 1 January 1980: the same bytes every time
      header.append(littleEndian: checksum.value)
      header.append(littleEndian: UInt32(entry.byteCount))
      header.append(littleEndian: UInt32(entry.byteCount))
      header.append(littleEndian: UInt16(entry.name.count))
      header.append(littleEndian: UInt16(0))  // no extra fields
      directory += ZipSignature.centralRecord.bytes + [20, 0] + header
      // No comment, disk 0, no attributes.
      directory.append(contentsOf: repeatElement(0, count: 10))
      directory.append(littleEndian: UInt32(offset))
      directory += entry.name
      try put(ZipSignature.localHeader.bytes + header + entry.name)
      try entry.write(sink)
      offset += entry.byteCount
    }
    let (start, size) = (offset, directory.count)
    var end = ZipSignature.end.bytes + [0, 0, 0, 0]
    for _ in 0..<2 { end.append(littleEndian: UInt16(entries.count)) }
    end.append(littleEndian: UInt32(size))
    end.append(littleEndian: UInt32(start))
    try put(directory + end + [0, 0])
  }
}

/// Bytes that are mostly UTF-8 as Unicode code points, like Python's `surrogateescape`: a byte that
/// is not UTF-8 is a lone surrogate from U+DC80 to U+DCFF.
enum EscapedText {
  private static let surrogates: ClosedRange<UInt32> = 0xDC80...0xDCFF

  static func scalars(of bytes: [UInt8]) -> [UInt32] {
    var scalars: [UInt32] = []
    scalars.reserveCapacity(bytes.count)
    var iterator = bytes.makeIterator()
    var parser = Unicode.UTF8.ForwardParser()
    var offset = 0
    while true {
      switch parser.parseScalar(from: &iterator) {
      case .emptyInput: return scalars
      case .valid(let encoded):
        scalars.append(Unicode.UTF8.decode(encoded).value)
        offset += encoded.count
      case .error(let length):
        scalars += bytes[offset..<offset + length].map { 0xDC00 + UInt32($0) }
        offset += length
      }
    }
  }

  /// `nil` if there are other surrogates, or numbers that are no code points.
  static func bytes(of scalars: some Sequence<UInt32>) -> [UInt8]? {
    var bytes: [UInt8] = []
    for value in scalars {
      if surrogates ~= value {
        bytes.append(UInt8(value - 0xDC00))
      } else if let scalar = Unicode.Scalar(value) {
        bytes += Unicode.UTF8.encode(scalar)!
      } else {
        return nil
      }
    }
    return bytes
  }
}

/// The checksum of zip archives.
private struct CRC32 {
  private var state = UInt32.max

  /// The checksum of all bytes so far.
  var value: UInt32 { ~state }

  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in
      value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1
    }
  }

  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    state = Self.table.withUnsafeBufferPointer { table in
      bytes.reduce(state) { table[Int(($0 ^ UInt32($1)) & 0xFF)] ^ ($0 >> 8) }
    }
  }
}

extension [UInt8] {
  mutating func append(littleEndian value: some FixedWidthInteger) {
    var rest = value.littleEndian
    Swift.withUnsafeBytes(of: &rest) { append(contentsOf: $0) }
  }
}
