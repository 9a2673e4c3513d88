/// The first bytes of a HEIF file: which brands it has.
struct HEIFBrands {
  var isAVIF: Bool

  /// Reads a `ftyp` box; `nil` if its brands are of another kind of file.
  init?(magic bytes: UnsafeRawBufferPointer) {
    guard bytes.slice(at: 4, count: 4)?.begins(with: "ftyp") == true,
      let size = bytes.bigEndian(UInt32.self, at: 0)
    else { return nil }
    func isBrand(at offset: Int, _ names: [StaticString]) -> Bool {
      bytes.slice(at: offset, count: 4).map { brand in names.contains { brand.begins(with: $0) } }
        ?? false
    }
    let hevc: [StaticString] = ["heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs"]
    if isBrand(at: 8, ["avif", "avis"]) {
      isAVIF = true
    } else if isBrand(at: 8, hevc) {
      isAVIF = false
    } else if isBrand(at: 8, ["mif1", "mif2", "msf1", "miaf"]) {
      // Of any codec; the compatible brands follow the major one and its version.
      isAVIF = stride(from: 16, to: min(size, bytes.count), by: 4).contains {
        isBrand(at: $0, ["avif", "avis"])
      }
    } else {
      return nil
    }
  }
}

/// One box of the ISO base media file format: its type and contents.
struct HEIFBox {
  let type: UnsafeRawBufferPointer
  let content: UnsafeRawBufferPointer
  /// Where the next box begins.
  let end: Int
  /// The version of a full box, whose contents begin after it and its flags.
  var version: UInt8 { content.byte(at: 0) ?? 0 }

  func has(_ type: StaticString) -> Bool { self.type.begins(with: type) }

  /// The boxes in a range of bytes; those that do not fit are dropped.
  static func list(_ bytes: UnsafeRawBufferPointer?) -> [HEIFBox] {
    var boxes: [HEIFBox] = []
    guard let bytes else { return boxes }
    var offset = 0
    while let length = bytes.bigEndian(UInt32.self, at: offset),
      let type = bytes.slice(at: offset + 4, count: 4)
    {
      var (size, head) = (length, 8)
      if length == 1 {
        guard let long = bytes.bigEndian(UInt64.self, at: offset + 8) else { break }
        (size, head) = (long, 16)
      } else if length == 0 {
        size = bytes.count - offset
      }
      guard size >= head, size <= bytes.count - offset,
        let content = bytes.slice(at: offset + head, count: size - head)
      else { break }
      boxes.append(HEIFBox(type: type, content: content, end: offset + size))
      offset += size
    }
    return boxes
  }
}

/// A cursor over the fields of a box, most significant byte first.
struct HEIFFields {
  private let bytes: UnsafeRawBufferPointer
  private(set) var offset: Int

  init(_ bytes: UnsafeRawBufferPointer, at offset: Int = 0) {
    (self.bytes, self.offset) = (bytes, offset)
  }

  /// The next number of `size` bytes, 0 to 8.
  mutating func number(_ size: Int) throws(DecodingFailure) -> Int {
    guard let field = bytes.slice(at: offset, count: size), size < 8 || field[0] < 0x80 else {
      throw .malformed("a box at its start is cut short")
    }
    offset += size
    return field.reduce(0) { $0 << 8 | Int($1) }
  }

  mutating func data(_ count: Int) throws(DecodingFailure) -> UnsafeRawBufferPointer {
    guard let field = bytes.slice(at: offset, count: count) else {
      throw .malformed("a box at its start is cut short")
    }
    offset += count
    return field
  }
}

/// The items of a HEIF file: images, and what images are made of.
///
/// ISO/IEC 14496-12, section 8.11, and ISO/IEC 23008-12.
struct HEIFItems {
  private let file: UnsafeRawBufferPointer
  private(set) var primary = 0
  private var types: [Int: UnsafeRawBufferPointer] = [:]
  private var extents: [Int: (inside: Bool, ranges: [(offset: Int, count: Int)])] = [:]
  private var properties: [HEIFBox] = []
  private var associations: [Int: [(index: Int, isEssential: Bool)]] = [:]
  private var parts: [Int: [Int]] = [:]
  private var inside: UnsafeRawBufferPointer?

  init(_ bytes: UnsafeRawBufferPointer) throws(DecodingFailure) {
    file = bytes
    let boxes = HEIFBox.list(bytes)
    // Whatever it is needed for, data that does not fit is missing.
    if bytes.slice(at: (boxes.last?.end ?? 0) + 4, count: 4)?.begins(with: "mdat") == true {
      throw .malformed("its data is cut short: the file is truncated")
    }
    guard let meta = boxes.first(where: { $0.has("meta") }),
      let content = meta.content.slice(at: 4, count: meta.content.count - 4)
    else { throw .malformed("it has no list of images: the file is truncated, or a video") }
    for box in HEIFBox.list(content) {
      if box.has("pitm") {
        var fields = HEIFFields(box.content, at: 4)
        primary = try fields.number(box.version == 0 ? 2 : 4)
      } else if box.has("iinf") {
        try readTypes(box)
      } else if box.has("iloc") {
        try readExtents(box)
      } else if box.has("iref") {
        try readParts(box)
      } else if box.has("idat") {
        inside = box.content
      } else if box.has("iprp") {
        for part in HEIFBox.list(box.content) {
          if part.has("ipco") { properties = HEIFBox.list(part.content) }
          if part.has("ipma") { try readAssociations(part) }
        }
      }
    }
  }

  private mutating func readTypes(_ box: HEIFBox) throws(DecodingFailure) {
    let start = box.version == 0 ? 6 : 8
    for entry in HEIFBox.list(box.content.slice(at: start, count: box.content.count - start))
    where entry.has("infe") && entry.version >= 2 {
      var fields = HEIFFields(entry.content, at: 4)
      let item = try fields.number(entry.version == 2 ? 2 : 4)
      _ = try fields.number(2)
      types[item] = try fields.data(4)
    }
  }

  private mutating func readExtents(_ box: HEIFBox) throws(DecodingFailure) {
    var fields = HEIFFields(box.content, at: 4)
    let sizes = try fields.number(2)
    let (offsetSize, lengthSize, baseSize) = (sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15)
    let indexSize = box.version == 0 ? 0 : sizes & 15
    // Other sizes would let a few bytes stand for thousands of pieces.
    guard [offsetSize, lengthSize, baseSize, indexSize].allSatisfy([0, 4, 8].contains) else {
      throw .malformed("the places of its images are not numbers of 4 or 8 bytes")
    }
    for _ in 0..<(try fields.number(box.version < 2 ? 2 : 4)) {
      let item = try fields.number(box.version < 2 ? 2 : 4)
      let method = box.version == 0 ? 0 : try fields.number(2) & 15
      _ = try fields.number(2)
      let base = try fields.number(baseSize)
      var ranges: [(offset: Int, count: Int)] = []
      let pieces = try fields.number(2)
      guard pieces <= 1 || indexSize + offsetSize + lengthSize > 0 else {
        throw .malformed("an image has pieces without places")
      }
      for _ in 0..<pieces {
        _ = try fields.number(indexSize)
        let (offset, overflow) = base.addingReportingOverflow(try fields.number(offsetSize))
        guard !overflow else { throw .malformed("an image is outside the file") }
        ranges.append((offset, try fields.number(lengthSize)))
      }
      if method < 2 { extents[item] = (method == 1, ranges) }
    }
  }

  private mutating func readParts(_ box: HEIFBox) throws(DecodingFailure) {
    let wide = box.version == 0 ? 2 : 4
    for reference in HEIFBox.list(box.content.slice(at: 4, count: box.content.count - 4))
    where reference.has("dimg") {
      var fields = HEIFFields(reference.content)
      let item = try fields.number(wide)
      var list: [Int] = []
      for _ in 0..<(try fields.number(2)) { list.append(try fields.number(wide)) }
      parts[item] = list
    }
  }

  private mutating func readAssociations(_ box: HEIFBox) throws(DecodingFailure) {
    var fields = HEIFFields(box.content, at: 3)
    let flags = try fields.number(1)
    for _ in 0..<(try fields.number(4)) {
      let item = try fields.number(box.version == 0 ? 2 : 4)
      for _ in 0..<(try fields.number(1)) {
        let value = try fields.number(flags & 1 == 1 ? 2 : 1)
        let essential = flags & 1 == 1 ? 0x8000 : 0x80
        associations[item, default: []].append((value & (essential - 1), value >= essential))
      }
    }
  }

  func type(of item: Int) -> UnsafeRawBufferPointer? { types[item] }

  /// The properties of an item, in the order in which they are to be applied.
  func properties(of item: Int) -> [HEIFBox] { associations(of: item).map(\.property) }

  /// The properties of an item, where they are in the list of all, and whether the image is wrong
  /// without them.
  func associations(of item: Int) -> [(index: Int, property: HEIFBox, isEssential: Bool)] {
    (associations[item] ?? []).compactMap { index, isEssential in
      properties.indices.contains(index - 1)
        ? (index, properties[index - 1], isEssential) : nil
    }
  }

  /// The images that a derived image is made of.
  func parts(of item: Int) -> [Int] { parts[item] ?? [] }

  /// The bytes of an item, which may be in several pieces.
  func data(of item: Int) throws(DecodingFailure) -> [UInt8] {
    guard let (isInside, ranges) = extents[item] else { throw .malformed("an image has no data") }
    let source = isInside ? inside ?? UnsafeRawBufferPointer(rebasing: file[..<0]) : file
    var data: [UInt8] = []
    for (offset, count) in ranges {
      let length = count == 0 && ranges.count == 1 ? max(source.count - offset, 0) : count
      guard let piece = source.slice(at: offset, count: length) else {
        throw .malformed("an image is outside the file: the file is truncated")
      }
      guard data.count + length <= file.count else {
        throw .malformed("an image has more bytes than the file")
      }
      data += piece
    }
    return data
  }
}
