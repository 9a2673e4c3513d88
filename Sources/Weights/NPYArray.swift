import Host

/// An array in NumPy's `.npy` format, as numbers for inference.
///
/// Read: version 1 to 3, little-endian floats of 16 to 64 bits and integers, in C or Fortran order.
/// Written: version 1, `<f4`, C order, the bytes that `numpy.save` writes.
/// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
public struct NPYArray: Sendable, Equatable {
  /// The extent of each dimension; empty for a scalar.
  public let shape: [Int]

  /// The elements, the last dimension fastest.
  public let values: [Float]

  private static let start: [UInt8] = [0x93] + Array("NUMPY".utf8)

  /// An array of values in reading order, one for each element of `shape`.
  public init(shape: [Int], values: [Float]) {
    precondition(
      checkedElementCount(of: shape) == values.count, "the shape does not fit the values")
    self.shape = shape
    self.values = values
  }

  /// Reads a file whole.
  ///
  /// - Throws: `WeightsError`, naming the place and the fault. Nothing is allocated before the file
  ///   is known to hold every element.
  public init(path: String, limits: WeightLimits = WeightLimits()) throws(WeightsError) {
    let file = try MappedFile(path: path)
    var reader = ByteReader(file)
    guard reader.takes(Self.start) else { throw reader.malformed("not a .npy file", at: 0) }
    let version = (try reader.byte(), try reader.byte())
    guard 1...3 ~= version.0, version.1 == 0 else {
      throw reader.unsupported(".npy version \(version.0).\(version.1)")
    }
    let length =
      version.0 == 1 ? Int(try reader.integer(UInt16.self)) : Int(try reader.integer(UInt32.self))
    let data = reader.offset
    _ = try reader.take(length)
    var text = ByteReader(file, range: data..<reader.offset)
    let header = try NPYHeader(&text, limits: limits)
    guard let count = checkedElementCount(of: header.shape),
      let size = header.elementType.byteCount(of: count), size == reader.remaining
    else {
      throw reader.malformed(
        "\(header.shape) of \(header.elementType.rawValue) does not take the \(reader.remaining) "
          + "bytes that follow the header")
    }
    let tensor = TensorView(
      name: "array", elementType: header.elementType, shape: header.shape, strides: header.strides,
      elementCount: count, file: file, range: reader.offset..<reader.end)
    try file.verifyUnchanged()
    shape = header.shape
    values = try tensor.floats()
  }

  /// Writes the file, complete or not at all.
  ///
  /// - Throws: `FileError.cannotCreate` or `.cannotWrite`.
  public func write(to path: String) throws(FileError) {
    try AtomicFile.write(encoded, to: path)
  }

  /// The bytes of the file.
  public var encoded: [UInt8] {
    let extents = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    var header = Array("{'descr': '<f4', 'fortran_order': False, 'shape': (\(extents)), }".utf8)
    // Spaces and a line end, so that the numbers begin at a multiple of 64 bytes.
    let fixed = Self.start.count + 4
    let padding = 63 - (fixed + header.count) % 64
    header += [UInt8](repeating: UInt8(ascii: " "), count: padding) + [UInt8(ascii: "\n")]
    let length = UInt16(truncatingIfNeeded: header.count)
    var bytes = Self.start + [1, 0, UInt8(truncatingIfNeeded: length), UInt8(length >> 8)] + header
    bytes.reserveCapacity(bytes.count + 4 * values.count)
    for value in values {
      let bits = value.bitPattern
      for shift in stride(from: 0, to: 32, by: 8) {
        bytes.append(UInt8(truncatingIfNeeded: bits >> shift))
      }
    }
    return bytes
  }
}
