/// A grid of tiles that make one image.
struct HEIFGrid {
  var rows: Int
  var columns: Int
  var width: Int
  var height: Int
}

/// A HEIF file with the primary image alone.
///
/// libheif reads all images, metadata and alpha of a file, however many there are, and of boxes given
/// twice not always the same as ``HEIFItems``. What it gets instead is written here, from the parts
/// that were checked.
struct HEIFExcerpt {
  private(set) var bytes: [UInt8]
  /// The places of the items that were added, and their properties.
  private var places: [UInt8] = []
  private var types: [UInt8] = []
  private var associations: [UInt8] = []
  private var properties: [UInt8] = []
  private var count = 0
  private var propertyNumbers: [Int: Int] = [:]
  private let color: HEIFColor?

  /// - Parameters:
  ///   - tiles: The items that are coded images, in the grid's order.
  ///   - grid: What they make; `nil` if the only one is the primary image.
  ///   - color: What the samples are said to mean; `nil` for what the items say.
  init(
    _ items: HEIFItems, tiles: [Int], grid: HEIFGrid?, isAV1: Bool, color: HEIFColor?
  ) throws(DecodingFailure) {
    self.color = color
    let brand = Array((isAV1 ? "avif" : "heic").utf8)
    bytes = Self.box("ftyp", brand + [0, 0, 0, 0] + "mif1".utf8 + brand)
    let start = bytes.count
    bytes += Self.box("mdat", [])
    var numbers: [Int: Int] = [:]
    for tile in tiles where numbers[tile] == nil {
      try add(tile, of: items, try HEIFStream.plainData(of: tile, items))
      numbers[tile] = count
    }
    var references: [UInt8] = []
    if let grid {
      var data = [0, 1, UInt8(grid.rows - 1), UInt8(grid.columns - 1)]
      data += Self.number(grid.width, 4) + Self.number(grid.height, 4)
      try add(items.primary, of: items, data)
      let parts = tiles.flatMap { Self.number(numbers[$0] ?? 0, 2) }
      references = Self.box(
        "dimg", Self.number(count, 2) + Self.number(tiles.count, 2) + parts)
    }
    guard count < 65_535, tiles.count <= 65_535 else { throw .unsupported("\(count) tiles") }
    bytes.replaceSubrange(start..<start + 4, with: Self.number(bytes.count - start, 4))
    let full: [UInt8] = [0, 0, 0, 0]
    let handler = Self.box(
      "hdlr", full + full + Array("pict".utf8) + [UInt8](repeating: 0, count: 13))
    var meta = full + handler
    meta += Self.box("pitm", full + Self.number(count, 2))
    meta += Self.box("iinf", full + Self.number(count, 2) + types)
    // Offsets and lengths have 4 bytes; there is no base.
    meta += Self.box("iloc", full + [0x44, 0] + Self.number(count, 2) + places)
    let wide: [UInt8] = [0, 0, 0, 1]
    let uses = Self.box("ipma", wide + Self.number(count, 4) + associations)
    meta += Self.box("iprp", Self.box("ipco", properties) + uses)
    if !references.isEmpty { meta += Self.box("iref", full + references) }
    bytes += Self.box("meta", meta)
  }

  /// Adds an item, its data and those of its properties that decoding needs.
  private mutating func add(
    _ item: Int, of items: HEIFItems, _ data: [UInt8]
  ) throws(DecodingFailure) {
    count += 1
    let number = Self.number(count, 2)
    let type = items.type(of: item).map(Array.init) ?? []
    types += Self.box("infe", [2, 0, 0, 0] + number + [0, 0] + type + [0])
    places += number + [0, 0, 0, 1]
    places += Self.number(bytes.count, 4) + Self.number(data.count, 4)
    bytes += data
    var own: [Int] = []
    if let color {
      if propertyNumbers.isEmpty {
        propertyNumbers[0] = 1
        let content = [0, 1, 0, 13] + Self.number(color.matrix, 2) + [color.isFullRange ? 0x80 : 0]
        properties += Self.box("colr", Array("nclx".utf8) + content)
      }
      own.append(1)
    }
    // Of each type the first counts, as for those who checked it.
    var seen: Set<String> = color == nil ? [] : ["colr"]
    for (index, property, _) in items.associations(of: item) where property.isForDecoder {
      let type = String(decoding: property.type, as: UTF8.self)
      guard seen.insert(type).inserted else { continue }
      if propertyNumbers[index] == nil {
        propertyNumbers[index] = propertyNumbers.count + 1
        var content = Array(property.content)
        // The lengths of units have four bytes now.
        if type == "hvcC", content.count > 21 { content[21] |= 3 }
        properties += Self.box(type, content)
      }
      own.append(propertyNumbers[index] ?? 0)
    }
    guard propertyNumbers.count < 0x8000 else { throw .unsupported("so many properties") }
    // All are essential.
    associations += number + [UInt8(own.count)] + own.flatMap { Self.number(0x8000 | $0, 2) }
  }

  private static func number(_ value: Int, _ size: Int) -> [UInt8] {
    (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * (size - 1 - $0))) }
  }

  private static func box(_ type: String, _ content: [UInt8]) -> [UInt8] {
    number(8 + content.count, 4) + type.utf8 + content
  }
}

extension HEIFBox {
  /// Whether decoding depends on this property: the size, the codec's configuration, and colours.
  fileprivate var isForDecoder: Bool {
    has("ispe") || has("hvcC") || has("av1C") || has("pixi")
      || has("colr") && content.begins(with: "nclx")
  }

  /// Whether this property is known: if not, but essential, the image cannot be shown.
  var isKnownProperty: Bool {
    isForDecoder
      || [
        "colr", "pasp", "irot", "imir", "clap", "auxC", "a1op", "a1lx", "lsel", "rloc", "clli",
        "mdcv",
        "cclv", "amve",
      ].contains { has($0) }
  }
}
