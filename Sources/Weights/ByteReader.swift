/// A position in a mapped file, confined to a range.
///
/// Numbers are little-endian, as in every format read here; offsets count from the start of the
/// file, so that errors can name the byte.
struct ByteReader {
  let file: MappedFile
  private(set) var offset: Int
  let end: Int
  // Relative to the whole file, so that offsets mean the same everywhere.
  private let bytes: UnsafeRawBufferPointer

  init(_ file: MappedFile, range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= file.count)
    self.file = file
    bytes = file.bytes
    offset = range.lowerBound
    end = range.upperBound
  }

  init(_ file: MappedFile) { self.init(file, range: 0..<file.count) }

  var remaining: Int { end - offset }

  /// The next byte, without consuming it.
  var peek: UInt8? { offset < end ? bytes[offset] : nil }

  mutating func byte() throws(WeightsError) -> UInt8 {
    guard offset < end else { throw endOfData }
    defer { offset += 1 }
    return bytes[offset]
  }

  /// The next `length` bytes.
  mutating func take(_ length: Int) throws(WeightsError) -> UnsafeRawBufferPointer {
    guard let range = checkedRange(at: offset, length: length, within: end) else { throw endOfData }
    offset = range.upperBound
    return UnsafeRawBufferPointer(rebasing: bytes[range])
  }

  mutating func integer<Value: FixedWidthInteger & BitwiseCopyable>(
    _: Value.Type
  ) throws(WeightsError) -> Value {
    Value(littleEndian: try take(Value.bitWidth / 8).loadUnaligned(as: Value.self))
  }

  /// An unsigned 64-bit count or offset; values above `Int.max` exceed any file.
  mutating func size() throws(WeightsError) -> Int {
    let start = offset
    guard let value = Int(exactly: try integer(UInt64.self)) else {
      throw malformed("a size exceeds the file", at: start)
    }
    return value
  }

  mutating func string(_ length: Int) throws(WeightsError) -> String {
    let start = offset
    let bytes = try take(length)
    // ASCII, as in nearly every name, is always valid; the validating initialiser is much slower.
    if bytes.allSatisfy({ $0 < 0x80 }) { return String(decoding: bytes, as: UTF8.self) }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw malformed("text is not UTF-8", at: start)
    }
    return text
  }

  /// Consumes `expected` if it is next.
  mutating func takes(_ expected: some Collection<UInt8>) -> Bool {
    guard bytes[offset..<end].starts(with: expected) else { return false }
    offset += expected.count
    return true
  }

  /// A reader of the next `length` bytes, or of all that remain if fewer.
  func prefix(_ length: Int) -> ByteReader {
    ByteReader(file, range: offset..<offset + min(length, remaining))
  }

  /// Continues where another reader of the same file stopped.
  mutating func move(to place: Int) {
    precondition(offset...end ~= place)
    offset = place
  }

  /// Moves past the byte that `peek` returned.
  mutating func advance() {
    precondition(offset < end)
    offset += 1
  }

  var endOfData: WeightsError { malformed("the data ends too early", at: offset) }

  func malformed(_ reason: String, at place: Int? = nil) -> WeightsError {
    .malformed(path: file.path, reason: "\(reason) (byte \(place ?? offset))")
  }

  func unsupported(_ reason: String) -> WeightsError {
    .unsupported(path: file.path, reason: reason)
  }
}

// Sizes and offsets from a file are untrusted, and only these functions do arithmetic on them. nil
// means overflow, a negative operand, or a range that does not fit.

/// `count × size`.
package func checkedProduct(_ count: Int, _ size: Int) -> Int? {
  guard count >= 0, size >= 0 else { return nil }
  let (product, overflow) = count.multipliedReportingOverflow(by: size)
  return overflow ? nil : product
}

/// `offset ..< offset + length`, if that range is within `0 ..< limit`.
package func checkedRange(at offset: Int, length: Int, within limit: Int) -> Range<Int>? {
  guard offset >= 0, length >= 0 else { return nil }
  let (end, overflow) = offset.addingReportingOverflow(length)
  guard !overflow, end <= limit else { return nil }
  return offset..<end
}

/// The smallest multiple of `alignment` that is at least `value`.
package func checkedAlignUp(_ value: Int, to alignment: Int) -> Int? {
  precondition(alignment > 0)
  guard value >= 0 else { return nil }
  let (padded, overflow) = value.addingReportingOverflow(alignment - 1)
  return overflow ? nil : padded - padded % alignment
}

/// The number of elements in a shape; 1 for a scalar, which has an empty shape.
package func checkedElementCount(of shape: [Int]) -> Int? {
  var count = 1
  for extent in shape {
    guard let next = checkedProduct(count, extent) else { return nil }
    count = next
  }
  return count
}
