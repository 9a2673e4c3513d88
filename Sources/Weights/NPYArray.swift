import Host

/// An array in NumPy's `.npy` format, converted to `Float`.
///
/// Reads versions 1 to 3, little-endian floats of 16 to 64 bits and integers, in C or Fortran
/// order. Writes version 1, `<f4`, in C order, byte for byte like `numpy.save`. Format:
/// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
public struct NPYArray: Sendable, Equatable {
  /// The extent of each dimension; empty for a scalar.
  public let shape: [Int]

  /// The elements, with the last dimension varying fastest.
  public let values: [Float]

  /// Creates an array from values in C order, one for each element of `shape`.
  public init(shape: [Int], values: [Float]) {
    precondition(
      checkedElementCount(of: shape) == values.count, "the shape does not fit the values")
    self.shape = shape
    self.values = values
  }

  /// Reads a whole file.
  ///
  /// - Throws: `WeightsError`, naming the location and the problem. No memory is allocated before
  ///   the file is known to contain every element.
  public init(path: String, limits: WeightLimits = WeightLimits()) throws(WeightsError) {
    let file = try MappedFile(path: path)
    try self.init(file, range: 0..<file.count, limits: limits)
    try file.verifyUnchanged()
  }

  /// Reads an array that fills a range of a file.
  init(_ file: MappedFile, range: Range<Int>, limits: WeightLimits) throws(WeightsError) {
    var reader = ByteReader(file, range: range)
    let header = try NPYHeader(startOf: &reader, limits: limits)
    guard let elementType = header.elementType else {
      throw reader.unsupported("numbers of type '\(header.descr)'; save the array as '<f4'")
    }
    guard let count = checkedElementCount(of: header.shape),
      let size = elementType.byteCount(of: count), size == reader.remaining
    else {
      throw reader.malformed(
        "\(header.shape) of \(elementType.rawValue) does not match the \(reader.remaining) "
          + "bytes that follow the header")
    }
    let tensor = TensorView(
      name: "array", elementType: elementType, shape: header.shape, strides: header.strides,
      elementCount: count, file: file, range: reader.offset..<reader.end)
    shape = header.shape
    values = try tensor.floats()
  }

  /// Writes the file, atomically.
  ///
  /// - Throws: `FileError.cannotCreate` or `.cannotWrite`.
  public func write(to path: String) throws(FileError) {
    try AtomicFile.write(encoded, to: path)
  }

  /// The bytes of the file.
  public var encoded: [UInt8] {
    var bytes = NPYHeader.encoded(descr: "<f4", shape: shape)
    bytes.reserveCapacity(bytes.count + 4 * values.count)
    for value in values { bytes.append(littleEndian: value.bitPattern) }
    return bytes
  }
}

/// The Python dictionary that describes the array of a `.npy` file.
struct NPYHeader {
  /// NumPy's name of the element type, such as `<f4`.
  let descr: String
  let shape: [Int]
  /// Nil for C order.
  let strides: [Int]?

  /// The element type; `nil` for others, such as strings.
  var elementType: ElementType? { Self.elementTypes[descr] }

  private static let start: [UInt8] = [0x93] + Array("NUMPY".utf8)

  private static let elementTypes: [String: ElementType] = [
    "<f2": .f16, "<f4": .f32, "<f8": .f64, "|b1": .bool, "|u1": .u8, "|i1": .i8, "<u2": .u16,
    "<i2": .i16, "<u4": .u32, "<i4": .i32, "<u8": .u64, "<i8": .i64,
  ]

  /// Reads the start of a `.npy` file; the elements follow.
  init(startOf reader: inout ByteReader, limits: WeightLimits) throws(WeightsError) {
    let offset = reader.offset
    guard reader.takes(Self.start) else { throw reader.malformed("not a .npy file", at: offset) }
    let version = (try reader.byte(), try reader.byte())
    guard 1...3 ~= version.0, version.1 == 0 else {
      throw reader.unsupported(".npy version \(version.0).\(version.1)")
    }
    let length =
      version.0 == 1 ? Int(try reader.integer(UInt16.self)) : Int(try reader.integer(UInt32.self))
    let text = reader.offset
    _ = try reader.take(length)
    var header = ByteReader(reader.file, range: text..<reader.offset)
    try self.init(&header, limits: limits)
  }

  /// The start of a `.npy` file of version 1, up to the elements.
  static func encoded(descr: String, shape: [Int]) -> [UInt8] {
    let extents = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    var header = Array(
      "{'descr': '\(descr)', 'fortran_order': False, 'shape': (\(extents)), }".utf8)
    // Spaces and a line end, so that the elements begin at a multiple of 64 bytes.
    let fixed = start.count + 4
    let padding = 63 - (fixed + header.count) % 64
    header += [UInt8](repeating: UInt8(ascii: " "), count: padding) + [UInt8(ascii: "\n")]
    let length = UInt16(truncatingIfNeeded: header.count)
    return start + [1, 0, UInt8(truncatingIfNeeded: length), UInt8(length >> 8)] + header
  }

  /// Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }` and the space after it.
  init(_ reader: inout ByteReader, limits: WeightLimits) throws(WeightsError) {
    var type: String?
    var fortran: Bool?
    var shape: [Int]?
    try Self.expect("{", &reader)
    while !Self.takes("}", &reader) {
      let start = reader.offset
      let key = try Self.string(&reader)
      try Self.expect(":", &reader)
      switch key {
      case "descr" where type == nil: type = try Self.string(&reader)
      case "fortran_order" where fortran == nil:
        if Self.takes("True", &reader) {
          fortran = true
        } else {
          try Self.expect("False", &reader)
          fortran = false
        }
      case "shape" where shape == nil: shape = try Self.tuple(&reader, limit: limits.rank)
      default: throw reader.malformed("'\(key)' is unknown or appears twice", at: start)
      }
      if Self.takes(",", &reader) { continue }
      try Self.expect("}", &reader)
      break
    }
    Self.skipSpace(&reader)
    guard let type, let fortran, let shape, reader.remaining == 0 else {
      throw reader.malformed("the header is incomplete or followed by other data")
    }
    descr = type
    self.shape = shape
    guard fortran, shape.count > 1, let count = checkedElementCount(of: shape), count > 0 else {
      strides = nil
      return
    }
    // The first dimension varies fastest. No product exceeds the element count.
    strides = shape.indices.map { shape[..<$0].reduce(1, *) }
  }

  /// Reads `()`, `(2,)` or `(2, 3)`.
  private static func tuple(
    _ reader: inout ByteReader, limit: Int
  ) throws(WeightsError) -> [Int] {
    var values: [Int] = []
    try expect("(", &reader)
    while !takes(")", &reader) {
      guard values.count < limit else { throw reader.malformed("more than \(limit) dimensions") }
      values.append(try integer(&reader))
      if takes(",", &reader) { continue }
      guard values.count > 1 else { throw reader.malformed("the shape is not a tuple") }
      try expect(")", &reader)
      break
    }
    return values
  }

  private static func integer(_ reader: inout ByteReader) throws(WeightsError) -> Int {
    skipSpace(&reader)
    var digits = ""
    while let byte = reader.peek, UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte {
      digits.unicodeScalars.append(Unicode.Scalar(byte))
      reader.advance()
    }
    guard let value = Int(digits) else { throw reader.malformed("expected an extent") }
    return value
  }

  private static func string(_ reader: inout ByteReader) throws(WeightsError) -> String {
    try expect("'", &reader)
    var text = ""
    while true {
      let byte = try reader.byte()
      guard 0x20..<0x7f ~= byte, byte != UInt8(ascii: "\\") else {
        throw reader.malformed("expected plain text")
      }
      if byte == UInt8(ascii: "'") { return text }
      text.unicodeScalars.append(Unicode.Scalar(byte))
    }
  }

  private static func expect(_ token: String, _ reader: inout ByteReader) throws(WeightsError) {
    guard takes(token, &reader) else { throw reader.malformed("expected \(token)") }
  }

  private static func takes(_ token: String, _ reader: inout ByteReader) -> Bool {
    skipSpace(&reader)
    return reader.takes(token.utf8)
  }

  private static func skipSpace(_ reader: inout ByteReader) {
    while let byte = reader.peek, byte == 0x20 || byte == 0x0a { reader.advance() }
  }
}
