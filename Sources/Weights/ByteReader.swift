/// A position in a mapped file that cannot leave the range it was given.
///
/// Numbers are little-endian, as in every format read here; offsets are those of the file, so that
/// errors point to the byte.
struct ByteReader {
  let file: MappedFile
  private(set) var offset: Int
  let end: Int
  // The whole file's, so that an offset means the same here and there.
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

  /// The next byte, left where it is.
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

  /// An unsigned 64-bit count or offset; one above `Int.max` cannot lie in any file.
  mutating func size() throws(WeightsError) -> Int {
    let start = offset
    guard let value = Int(exactly: try integer(UInt64.self)) else {
      throw malformed("a size is beyond the file", at: start)
    }
    return value
  }

  mutating func string(_ length: Int) throws(WeightsError) -> String {
    let start = offset
    let bytes = try take(length)
    // ASCII, nearly every name, is valid by itself; the validating initialiser is slower by far.
    if bytes.allSatisfy({ $0 < 0x80 }) { return String(decoding: bytes, as: UTF8.self) }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw malformed("text is not UTF-8", at: start)
    }
    return text
  }

  /// Whether the next bytes are `expected`; they are taken if so.
  mutating func takes(_ expected: some Collection<UInt8>) -> Bool {
    guard bytes[offset..<end].starts(with: expected) else { return false }
    offset += expected.count
    return true
  }

  /// A reader of the next `length` bytes, or of all that is left if that is less.
  func prefix(_ length: Int) -> ByteReader {
    ByteReader(file, range: offset..<offset + min(length, remaining))
  }

  /// Continues where another reader of the same bytes stopped.
  mutating func move(to place: Int) {
    precondition(offset...end ~= place)
    offset = place
  }

  /// Moves past the byte that `peek` showed.
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
