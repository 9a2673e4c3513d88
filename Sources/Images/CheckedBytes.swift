/// Reads that return `nil` outside the buffer; parsers use only these for offsets from a file.
extension UnsafeRawBufferPointer {
  /// The bytes `offset..<offset + count`; `nil` unless all of them are inside the buffer.
  func slice(at offset: Int, count length: Int) -> UnsafeRawBufferPointer? {
    guard offset >= 0, length >= 0, offset <= count, length <= count - offset else { return nil }
    return UnsafeRawBufferPointer(rebasing: self[offset..<offset + length])
  }

  /// The byte at an offset.
  func byte(at offset: Int) -> UInt8? {
    offset >= 0 && offset < count ? self[offset] : nil
  }

  /// The unsigned integer of `Value`'s size at an offset, most significant byte first.
  func bigEndian<Value: FixedWidthInteger & UnsignedInteger>(
    _: Value.Type, at offset: Int
  ) -> Int? {
    guard let bytes = slice(at: offset, count: Value.bitWidth / 8) else { return nil }
    return Int(exactly: Value(bigEndian: bytes.loadUnaligned(as: Value.self)))
  }

  /// The unsigned integer of `Value`'s size at an offset, least significant byte first.
  func littleEndian<Value: FixedWidthInteger & UnsignedInteger>(
    _: Value.Type, at offset: Int
  ) -> Int? {
    guard let bytes = slice(at: offset, count: Value.bitWidth / 8) else { return nil }
    return Int(exactly: Value(littleEndian: bytes.loadUnaligned(as: Value.self)))
  }

  /// Whether the buffer begins with the given text.
  func begins(with prefix: StaticString) -> Bool {
    prefix.withUTF8Buffer { text in
      slice(at: 0, count: text.count)?.elementsEqual(text) ?? false
    }
  }
}
