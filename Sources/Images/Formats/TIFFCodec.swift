/// What the codecs of TIFF need besides a segment, read from the codecs' own headers.
struct TIFFCodec {
  let compression: Int
  let layout: TIFFLayout
  /// Whether the first pixel is in the highest bit of a byte, as usual.
  let isHighFirst: Bool

  init(_ directory: TIFFDirectory, compression: Int, layout: TIFFLayout) throws(DecodingFailure) {
    (self.compression, self.layout) = (compression, layout)
    let order = directory.integer(TIFFDirectory.Tag.fillOrder) ?? 1
    isHighFirst = order == 1
    // libtiff turns the bits of all bytes around, even if they are no pixels.
    guard isHighFirst || ![34_925, 50_001].contains(compression), (1...2).contains(order) else {
      throw .unsupported("the bit order \(order) with this compression")
    }
  }

  /// The most memory in bytes that decoding one of the segments takes.
  ///
  /// - Throws: If a segment declares sizes that are not its own, or the work for all of them exceeds
  ///   a limit.
  func memory(
    of segments: TIFFSegments, in bytes: UnsafeRawBufferPointer, limits: DecodingLimits
  ) throws(DecodingFailure) -> Int {
    switch compression {
    case 7: return try jpeg(segments, bytes, limits)
    case 34_661: return try jbig(segments, bytes)
    case 34_887: return 16 * segments.largest
    case 34_925: return try lzma(segments, bytes)
    case 50_000: return 128 << 20  // libzstd's largest window.
    case 50_001:
      var most = 0
      for index in 0..<segments.count {
        guard let data = segments.data(of: index, in: bytes), data.begins(with: "RIFF") else {
          continue  // libtiff reports what is wrong.
        }
        let header = try WebPHeader(data, limits: limits)
        guard header.width * header.height <= segments.largest else {
          throw .malformed("WebP data has \(header.width)x\(header.height) pixels")
        }
        most = max(most, 4 * header.width * header.height + header.codecBytes)
      }
      return most
    // The dictionaries of LZW and deflate, and Pixar's tables.
    default: return 1 << 20
    }
  }

  /// Each segment is a JPEG, whose scans and coefficients count as those of a file.
  private func jpeg(
    _ segments: TIFFSegments, _ bytes: UnsafeRawBufferPointer, _ limits: DecodingLimits
  ) throws(DecodingFailure) -> Int {
    var (most, visited) = (0, 0)
    for index in 0..<segments.count {
      guard let data = segments.data(of: index, in: bytes),
        data.byte(at: 0) == 0xFF, data.byte(at: 1) == 0xD8
      else { continue }
      let header = try JPEGHeader(data, limits: limits)
      most = max(most, header.codecBytes)
      visited += header.visitedSamples
      guard visited <= limits.jpegVisitedSamples else {
        throw .overLimit(
          "its scans visit more than \(limits.jpegVisitedSamples) samples")
      }
    }
    return most + 1 << 20
  }

  /// JBIG has a header of 20 bytes: resolution layers, planes, width, height.
  ///
  /// libtiff reads and writes it with the bits of each byte turned around in the usual bit order.
  private func jbig(
    _ segments: TIFFSegments, _ bytes: UnsafeRawBufferPointer
  ) throws(DecodingFailure) -> Int {
    for index in 0..<segments.count {
      guard let data = segments.data(of: index, in: bytes)?.prefix(20), data.count == 20 else {
        continue
      }
      let header = data.map { isHighFirst ? $0.bitsReversed : $0 }
      func number(at offset: Int) -> Int {
        header[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
      }
      let place = segments.place(of: index)
      guard header[..<3] == [0, 0, 1], number(at: 4) == place.width, number(at: 8) == place.height
      else { throw .malformed("JBIG data of another size, or in several layers") }
    }
    return 2 * segments.largest + 1 << 20
  }

  /// The largest dictionary of the segments' xz streams.
  private func lzma(
    _ segments: TIFFSegments, _ bytes: UnsafeRawBufferPointer
  ) throws(DecodingFailure) -> Int {
    var most = 0
    for index in 0..<segments.count {
      guard let data = segments.data(of: index, in: bytes) else { continue }
      guard let dictionary = xzDictionary(data) else {
        throw .unsupported("LZMA data that is not one block of LZMA2")
      }
      most = max(most, dictionary)
    }
    return most + 1 << 20
  }
}

extension UInt8 {
  /// The bits from the lowest to the highest.
  fileprivate var bitsReversed: UInt8 {
    (0..<8).reduce(0) { $0 << 1 | self >> $1 & 1 }
  }
}

/// The size in bytes of the dictionary of an xz stream; `nil` unless it is a single block.
///
/// The .xz file format 1.0.4, sections 2.1, 3.1 and 5.3. The chunks are walked to their end, as a
/// second block could ask for another dictionary.
func xzDictionary(_ stream: UnsafeRawBufferPointer) -> Int? {
  guard stream.byte(at: 0) == 0xFD, stream.slice(at: 1, count: 5)?.begins(with: "7zXZ\0") == true,
    let check = stream.byte(at: 7), let size = stream.byte(at: 12), size > 0,
    let flags = stream.byte(at: 13), flags & 0x3C == 0
  else { return nil }
  var offset = 14
  func number() -> Int? {
    var value = 0
    for shift in stride(from: 0, to: 56, by: 7) {
      guard let byte = stream.byte(at: offset) else { return nil }
      offset += 1
      value |= Int(byte & 0x7F) << shift
      if byte & 0x80 == 0 { return value }
    }
    return nil
  }
  if flags & 0x40 != 0 { guard number() != nil else { return nil } }
  if flags & 0x80 != 0 { guard number() != nil else { return nil } }
  var dictionary: Int?
  for _ in 0...Int(flags & 3) {
    guard let filter = number(), let count = number(), count <= 64 else { return nil }
    if filter == 0x21 {
      guard let bits = stream.byte(at: offset), bits < 40 else { return nil }
      dictionary = (2 | Int(bits & 1)) << (Int(bits) / 2 + 11)
    }
    offset += count
  }
  offset = 12 + (Int(size) + 1) * 4
  chunks: while let control = stream.byte(at: offset) {
    switch control {
    case 0: break chunks
    case 1, 2:
      guard let count = stream.bigEndian(UInt16.self, at: offset + 1) else { return nil }
      offset += 3 + count + 1
    case 0x80...:
      guard let count = stream.bigEndian(UInt16.self, at: offset + 3) else { return nil }
      offset += (control >= 0xC0 ? 6 : 5) + count + 1
    default: return nil
    }
  }
  offset += 1
  let checkBytes = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64][Int(check & 15)]
  offset = (offset + 3) / 4 * 4 + checkBytes
  // The index begins with 0, a block with its size. A file that is cut short has neither.
  guard stream.byte(at: offset) ?? 0 == 0 else { return nil }
  return dictionary
}
