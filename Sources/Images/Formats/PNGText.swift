import CPNG

/// The orientation's sources in the text chunks of a PNG.
struct PNGText {
  /// The text of a chunk after its keyword, and the type of the chunk.
  private typealias Chunk = (type: UnsafeRawBufferPointer, data: UnsafeRawBufferPointer)
  private var packet: Chunk?
  private var profile: Chunk?

  /// The most bytes of a text that are unpacked; as in Pillow.
  private static let longest = 1 << 20

  /// Keeps a chunk if it matters; the last of each kind counts, and only that is unpacked.
  mutating func read(_ type: UnsafeRawBufferPointer, _ data: UnsafeRawBufferPointer) {
    guard type.begins(with: "tEXt") || type.begins(with: "zTXt") || type.begins(with: "iTXt"),
      let end = data.firstIndex(of: 0)
    else { return }
    let keyword = UnsafeRawBufferPointer(rebasing: data[..<end])
    let text = UnsafeRawBufferPointer(rebasing: data[(end + 1)...])
    if keyword.elementsEqual("Raw profile type exif".utf8) {
      profile = (type, text)
    } else if type.begins(with: "iTXt"), keyword.elementsEqual("XML:com.adobe.xmp".utf8) {
      packet = (type, text)
    }
  }

  /// Adobe's XMP packet.
  var xmp: [UInt8]? { packet.flatMap { Self.text($0.type, $0.data) } }

  /// The EXIF block that ImageMagick writes as hexadecimal digits.
  var rawEXIF: [UInt8]? {
    profile.flatMap { Self.text($0.type, $0.data) }.flatMap(Self.bytes)
  }

  /// The text after a chunk's keyword.
  private static func text(
    _ type: UnsafeRawBufferPointer, _ data: UnsafeRawBufferPointer
  ) -> [UInt8]? {
    if type.begins(with: "tEXt") { return Array(data) }
    if type.begins(with: "zTXt") {
      // The compression method, of which there is only one.
      return data.first == 0 ? unpacked(data.dropFirst()) : nil
    }
    // Compression flag and method, language, NUL, translated keyword, NUL, text.
    guard type.begins(with: "iTXt"), data.count >= 2, let language = data[2...].firstIndex(of: 0),
      let keyword = data[(language + 1)...].firstIndex(of: 0)
    else { return nil }
    let text = data[(keyword + 1)...]
    return data[0] == 0 ? Array(text) : data[1] == 0 ? unpacked(text) : nil
  }

  private static func unpacked(_ data: Slice<UnsafeRawBufferPointer>) -> [UInt8]? {
    let packed = UnsafeRawBufferPointer(rebasing: data)
    // Deflate compresses to 1/1032 at best.
    let capacity = min(longest, 1032 * packed.count + 64)
    var count = 0
    let text = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, filled in
      count = cpng_inflate(packed.baseAddress, packed.count, buffer.baseAddress, buffer.count)
      filled = max(count, 0)
    }
    return count > 0 ? text : nil
  }

  /// The bytes of a profile: an empty line, its name, its length, and hexadecimal digits.
  private static func bytes(_ text: [UInt8]) -> [UInt8]? {
    var bytes: [UInt8] = []
    var (lines, high) = (0, nil as UInt8?)
    for character in text {
      if lines < 3 {
        if character == UInt8(ascii: "\n") { lines += 1 }
        continue
      }
      let digit: UInt8
      switch character {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = character - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = character - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = character - UInt8(ascii: "A") + 10
      case _ where character.isPNMWhitespace: continue
      default: return nil
      }
      if let first = high { bytes.append(first << 4 | digit) }
      high = high == nil ? digit : nil
    }
    return high == nil && !bytes.isEmpty ? bytes : nil
  }
}
