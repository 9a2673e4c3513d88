/// How a TIFF stores numbers.
struct TIFFByteOrder {
  var isLittleEndian: Bool
  /// Whether offsets and counts have eight bytes.
  var isBig: Bool

  /// Detects the byte order from a file's first bytes; `nil` if it is no TIFF.
  init?(magic bytes: UnsafeRawBufferPointer) {
    switch (bytes.byte(at: 0), bytes.byte(at: 1), bytes.byte(at: 2), bytes.byte(at: 3)) {
    case (0x49, 0x49, 42, 0): self.init(isLittleEndian: true, isBig: false)
    case (0x4D, 0x4D, 0, 42): self.init(isLittleEndian: false, isBig: false)
    case (0x49, 0x49, 43, 0): self.init(isLittleEndian: true, isBig: true)
    case (0x4D, 0x4D, 0, 43): self.init(isLittleEndian: false, isBig: true)
    default: return nil
    }
  }

  private init(isLittleEndian: Bool, isBig: Bool) {
    self.isLittleEndian = isLittleEndian
    self.isBig = isBig
  }

  /// The number of `size` bytes at an offset; `nil` if it is outside, or larger than an `Int`.
  func number(_ bytes: UnsafeRawBufferPointer, at offset: Int, size: Int) -> Int? {
    switch size {
    case 1: bytes.byte(at: offset).map(Int.init)
    case 2: read(UInt16.self, bytes, offset)
    case 4: read(UInt32.self, bytes, offset)
    default: read(UInt64.self, bytes, offset)
    }
  }

  private func read<Value: FixedWidthInteger & UnsignedInteger>(
    _ type: Value.Type, _ bytes: UnsafeRawBufferPointer, _ offset: Int
  ) -> Int? {
    isLittleEndian ? bytes.littleEndian(type, at: offset) : bytes.bigEndian(type, at: offset)
  }
}

/// One image file directory of a TIFF.
///
/// TIFF 6.0, section 2; entries outside the file are dropped.
struct TIFFDirectory {
  private let bytes: UnsafeRawBufferPointer
  private let order: TIFFByteOrder
  private var entries: [Int: Entry] = [:]
  /// The offset of the next directory; 0 after the last.
  private(set) var next = 0
  /// The bytes of all values outside the directory.
  ///
  /// In a valid file no two fields share any.
  private(set) var valueBytes = 0

  /// One field: its values are all inside the file.
  private struct Entry {
    var type: Int
    var count: Int
    var offset: Int
  }

  /// The first directory of a file; `nil` if it is cut short.
  init?(_ bytes: UnsafeRawBufferPointer, _ order: TIFFByteOrder) {
    guard
      let offset = order.number(
        bytes, at: order.isBig ? 8 : 4, size: order.isBig ? 8 : 4)
    else { return nil }
    self.init(bytes, order, at: offset)
  }

  /// The directory at an offset; `nil` if it is cut short.
  init?(_ bytes: UnsafeRawBufferPointer, _ order: TIFFByteOrder, at offset: Int) {
    (self.bytes, self.order) = (bytes, order)
    let (wide, head, size) = order.isBig ? (8, 8, 20) : (4, 2, 12)
    guard offset > 0, let count = order.number(bytes, at: offset, size: head), count > 0,
      count <= 65_535, bytes.slice(at: offset + head, count: count * size) != nil
    else { return nil }
    for index in 0..<count {
      let entry = offset + head + index * size
      guard let tag = order.number(bytes, at: entry, size: 2),
        let type = order.number(bytes, at: entry + 2, size: 2),
        let values = order.number(bytes, at: entry + 4, size: wide),
        let unit = Self.unit(type), values <= bytes.count / unit
      else { continue }
      var position = entry + 4 + wide
      if values * unit > wide {
        guard let outside = order.number(bytes, at: position, size: wide),
          bytes.slice(at: outside, count: values * unit) != nil
        else { continue }
        position = outside
        valueBytes += values * unit
      }
      guard entries[tag] == nil else { continue }
      entries[tag] = Entry(type: type, count: values, offset: position)
    }
    next = order.number(bytes, at: offset + head + count * size, size: wide) ?? 0
  }

  /// The size in bytes of one value of a type.
  private static func unit(_ type: Int) -> Int? {
    switch type {
    case 1, 2, 6, 7: 1
    case 3, 8: 2
    case 4, 9, 11, 13: 4
    case 5, 10, 12, 16, 17, 18: 8
    default: nil
    }
  }

  func contains(_ tag: Int) -> Bool { entries[tag] != nil }

  /// The number of a field's values.
  func count(_ tag: Int) -> Int { entries[tag]?.count ?? 0 }

  /// One of a field's unsigned integers.
  func integer(_ tag: Int, at index: Int = 0) -> Int? {
    guard let entry = entries[tag], index < entry.count,
      [1, 3, 4, 6, 7, 8, 9, 13, 16, 17, 18].contains(entry.type), let unit = Self.unit(entry.type)
    else { return nil }
    return order.number(bytes, at: entry.offset + index * unit, size: unit)
  }

  /// At most `limit` of a field's unsigned integers.
  func integers(_ tag: Int, limit: Int) -> [Int] {
    (0..<min(count(tag), limit)).compactMap { integer(tag, at: $0) }
  }

  /// A field's bytes.
  func data(_ tag: Int) -> UnsafeRawBufferPointer? {
    guard let entry = entries[tag], let unit = Self.unit(entry.type) else { return nil }
    return bytes.slice(at: entry.offset, count: entry.count * unit)
  }
}

extension TIFFDirectory {
  /// The name of the camera raw format that a file has, judging by its first directory; `nil` if it
  /// is an ordinary TIFF.
  ///
  /// libtiff would decode these files to the thumbnail in their first directory.
  func cameraRaw(_ bytes: UnsafeRawBufferPointer, _ order: TIFFByteOrder) -> UnsupportedFormat? {
    if contains(Tag.dngVersion) { return UnsupportedFormat("camera raw (DNG)") }
    if bytes.slice(at: 8, count: 2)?.begins(with: "CR") == true {
      return UnsupportedFormat("camera raw (Canon CR2)")
    }
    // The sensor's image is in a directory of its own, usually one that the first points to.
    var others = integers(Tag.subdirectories, limit: 16).compactMap {
      TIFFDirectory(bytes, order, at: $0)
    }
    if next > 0, let second = TIFFDirectory(bytes, order, at: next) { others.append(second) }
    let maker = data(Tag.make).map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) } ?? ""
    let isPreview = (integer(Tag.newSubfileType) ?? 0) & 1 == 1
    let isKnownMaker = Self.makers.contains { maker.uppercased().hasPrefix($0.name) }
    guard
      holdsSensorData || others.contains(where: \.holdsSensorData)
        || isPreview && isKnownMaker && !others.isEmpty
    else { return nil }
    let name = Self.makers.first { maker.uppercased().hasPrefix($0.name) }?.format
    return UnsupportedFormat(name.map { "camera raw (\($0))" } ?? "camera raw")
  }

  private static let makers: [(name: String, format: String)] = [
    ("NIKON", "Nikon NEF"), ("SONY", "Sony ARW"), ("CANON", "Canon"), ("PENTAX", "Pentax PEF"),
    ("RICOH", "Ricoh"), ("SAMSUNG", "Samsung SRW"), ("OLYMPUS", "Olympus ORF"),
    ("PANASONIC", "Panasonic"), ("LEICA", "Leica"), ("HASSELBLAD", "Hasselblad 3FR"),
    ("PHASE ONE", "Phase One IIQ"), ("KODAK", "Kodak"), ("EASTMAN KODAK", "Kodak"),
    ("FUJIFILM", "Fujifilm"), ("EPSON", "Epson ERF"), ("MAMIYA", "Mamiya"), ("LEAF", "Leaf MOS"),
  ]

  /// Whether the pixels are those of a sensor: a mosaic of colours, linear raw data, or compressed
  /// as only cameras do.
  private var holdsSensorData: Bool {
    [32_803, 34_892].contains(integer(Tag.photometric))
      || [32_767, 32_769, 34_713, 65_535, 65_000].contains(integer(Tag.compression))
  }

  enum Tag {
    static let newSubfileType = 254
    static let width = 256
    static let height = 257
    static let bitsPerSample = 258
    static let compression = 259
    static let photometric = 262
    static let fillOrder = 266
    static let make = 271
    static let stripOffsets = 273
    static let orientation = 274
    static let samplesPerPixel = 277
    static let rowsPerStrip = 278
    static let stripByteCounts = 279
    static let planarConfiguration = 284
    static let colorMap = 320
    static let tileWidth = 322
    static let tileLength = 323
    static let tileOffsets = 324
    static let tileByteCounts = 325
    static let subdirectories = 330
    static let extraSamples = 338
    static let sampleFormat = 339
    static let chromaSubsampling = 530
    static let xmp = 700
    static let dngVersion = 50_706
  }
}
