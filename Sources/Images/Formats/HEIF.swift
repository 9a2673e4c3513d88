import CImageLibraries

/// The contents of a HEIF file's boxes: the size of its primary image, and how it is coded.
///
/// ISO/IEC 23008-12. The image is one coded image or a grid of tiles. The sizes that the bit streams
/// declare must be those in the boxes, and each tile is decoded once, so that the pixels and the
/// file's size bound the time. libheif gets a ``HEIFExcerpt``.
struct HEIFHeader {
  /// The size after turning and cropping.
  private(set) var width: Int
  private(set) var height: Int
  /// The size of the decoded image.
  private var coded: (width: Int, height: Int)
  private var isAV1 = false
  private var chroma = 0
  private var color = HEIFColor()
  /// What turns and crops the image, in order.
  private var transformations: [Transformation] = []
  /// The bytes of the largest tile's planes, and of those of a grid.
  private var tileBytes = 0
  private var gridBytes = 0
  private var samplesBytes = 1
  private var frames = 1
  /// The coded images, and the grid that they make if there is one.
  private var tiles: [Int]
  private var grid: HEIFGrid?
  /// The bytes of all tiles and of their configurations.
  private var codedBytes = 0

  fileprivate enum Transformation {
    case turn(Orientation)
    case crop(x: Int, y: Int, width: Int, height: Int)
  }

  /// The pixels of the most difficult HEVC image that are decoded in a second.
  private static let pixelsPerSecond = 5_000_000

  init(_ bytes: UnsafeRawBufferPointer, limits: DecodingLimits) throws(DecodingFailure) {
    let items = try HEIFItems(bytes)
    coded = try Self.size(of: items.primary, items, limits)
    (width, height) = coded
    var size = coded
    tiles = [items.primary]
    if items.type(of: items.primary)?.begins(with: "grid") == true {
      (tiles, size, grid) = try Self.grid(items, coded: coded, limits)
    }
    var work = 0
    var known: [Int: (stream: HEIFStream, count: Int)] = [:]
    for tile in tiles {
      let entry: (stream: HEIFStream, count: Int)
      if let earlier = known[tile] {
        entry = earlier
      } else {
        entry = try stream(of: tile, items, size: size)
        known[tile] = entry
      }
      codedBytes += entry.count
      // A grid of one tile many times would take many times as long.
      guard codedBytes <= bytes.count + 1 << 20 else {
        throw .overLimit("its tiles are decoded more than once")
      }
      work += entry.stream.work
      frames = max(frames, entry.stream.frames)
      (chroma, color) = (entry.stream.chroma, entry.stream.color)
      tileBytes = max(tileBytes, entry.stream.planeBytes)
      if entry.stream.bits > 8 { samplesBytes = 2 }
    }
    // Larger files may take longer.
    guard work <= max(limits.seconds * Self.pixelsPerSecond, bytes.count * 40) else {
      throw .overLimit(
        "the slices or tiles of its \(coded.width)x\(coded.height) pixels may take more than "
          + "\(limits.seconds) s of processor time")
    }
    if grid != nil { gridBytes = 3 * samplesBytes * coded.width * coded.height }
    // What the boxes say of the colours counts more than the streams, and the image more than a tile.
    let boxes = items.properties(of: tiles[0]) + items.properties(of: items.primary)
    color = boxes.compactMap { HEIFColor($0) }.last ?? color
    for item in known.keys + [items.primary] {
      for (_, property, isEssential) in items.associations(of: item)
      where isEssential && !property.isKnownProperty {
        throw .unsupported("the property \(Self.name(property.type)), which the image needs")
      }
    }
    for property in items.properties(of: items.primary) { try add(property) }
    // Each takes a moment, and a byte of the file.
    guard transformations.count <= 3 else {
      throw .unsupported("\(transformations.count) turns and crops")
    }
  }

  /// The size that an item declares, checked against the limits.
  private static func size(
    of item: Int, _ items: HEIFItems, _ limits: DecodingLimits
  ) throws(DecodingFailure) -> (width: Int, height: Int) {
    guard let box = items.properties(of: item).first(where: { $0.has("ispe") }) else {
      throw .malformed("an image has no size")
    }
    var fields = HEIFFields(box.content, at: 4)
    let size = (width: try fields.number(4), height: try fields.number(4))
    try limits.check(width: size.width, height: size.height)
    return size
  }

  /// The tiles of a grid, and their size: they cover the image without waste.
  private static func grid(
    _ items: HEIFItems, coded: (width: Int, height: Int), _ limits: DecodingLimits
  ) throws(DecodingFailure) -> (tiles: [Int], size: (width: Int, height: Int), grid: HEIFGrid) {
    let data = try items.data(of: items.primary)
    let tiles = items.parts(of: items.primary)
    guard data.count >= 8, let first = tiles.first else {
      throw .malformed("its grid is cut short")
    }
    let (rows, columns) = (Int(data[2]) + 1, Int(data[3]) + 1)
    let size = try Self.size(of: first, items, limits)
    guard tiles.count == rows * columns,
      (columns - 1) * size.width < coded.width, columns * size.width >= coded.width,
      (rows - 1) * size.height < coded.height, rows * size.height >= coded.height
    else { throw .malformed("its grid does not have the size of its tiles") }
    return (
      tiles, size,
      HEIFGrid(rows: rows, columns: columns, width: coded.width, height: coded.height)
    )
  }

  /// The bit stream of a tile, and the number of its bytes and its configuration's.
  private mutating func stream(
    of item: Int, _ items: HEIFItems, size: (width: Int, height: Int)
  ) throws(DecodingFailure) -> (stream: HEIFStream, count: Int) {
    let properties = items.properties(of: item)
    let data = try items.data(of: item)
    let stream: HEIFStream
    let configurationBytes: Int
    let type = items.type(of: item)
    switch type {
    case let type? where type.begins(with: "av01"):
      guard let box = properties.first(where: { $0.has("av1C") }) else {
        throw .malformed("a tile has no configuration")
      }
      isAV1 = true
      stream = try HEIFStream(av1: box.content, data)
      configurationBytes = box.content.count
    case let type? where type.begins(with: "hvc1"):
      guard let box = properties.first(where: { $0.has("hvcC") }) else {
        throw .malformed("a tile has no configuration")
      }
      stream = try HEIFStream(hevc: box.content, data)
      configurationBytes = box.content.count
    default:
      throw .unsupported("an image of \(type.map { "the type \(Self.name($0))" } ?? "no type")")
    }
    // Coding takes whole blocks of up to 64 x 64 pixels.
    guard stream.width <= (size.width + 63) & ~63, stream.height <= (size.height + 63) & ~63 else {
      throw .malformed(
        "a tile has \(stream.width)x\(stream.height) pixels, not \(size.width)x\(size.height)")
    }
    return (stream, data.count + configurationBytes)
  }

  /// Four characters of a file for a message.
  private static func name(_ type: UnsafeRawBufferPointer) -> String {
    String(type.map { 0x20..<0x7F ~= $0 ? Character(Unicode.Scalar($0)) : "?" })
  }

  /// Adds the transformation that a property demands, if any.
  private mutating func add(_ property: HEIFBox) throws(DecodingFailure) {
    var fields = HEIFFields(property.content)
    if property.has("irot") {
      let turn: [Orientation] = [
        .upright, .quarterTurnCounterclockwise, .halfTurn, .quarterTurnClockwise,
      ]
      let orientation = turn[try fields.number(1) & 3]
      transformations.append(.turn(orientation))
      if orientation.swapsSides { (width, height) = (height, width) }
    } else if property.has("imir") {
      transformations.append(.turn(try fields.number(1) & 1 == 0 ? .flip : .mirror))
    } else if property.has("clap") {
      // Width, height and the centre's distance from the image's, each as a fraction.
      var values: [Double] = []
      for _ in 0..<4 {
        let above = Int32(truncatingIfNeeded: try fields.number(4))
        let below = Int32(truncatingIfNeeded: try fields.number(4))
        guard below != 0 else { throw .malformed("its crop is not a rectangle") }
        values.append(Double(above) / Double(below))
      }
      let (across, down) = (values[0].rounded(), values[1].rounded())
      let x = (values[2] + Double(width - 1) / 2 - (across - 1) / 2).rounded(.down)
      let y = (values[3] + Double(height - 1) / 2 - (down - 1) / 2).rounded(.down)
      guard across >= 1, down >= 1, x >= 0, y >= 0, x + across <= Double(width),
        y + down <= Double(height)
      else { throw .malformed("its crop is outside the image") }
      transformations.append(.crop(x: Int(x), y: Int(y), width: Int(across), height: Int(down)))
      (width, height) = (Int(across), Int(down))
    }
  }
}

extension HEIFHeader: ImageHeader {
  /// EXIF repeats what the boxes say, and is ignored.
  var orientation: Orientation { .upright }
  var pixelBytes: Int { 3 * coded.width * coded.height }

  /// The decoder keeps a tile's frames, its state and a copy; libheif keeps another, the grid, and the
  /// image as RGB.
  ///
  /// At the end, turning and cropping take a second image.
  var codecBytes: Int {
    max(
      (3 + frames) * tileBytes + gridBytes + samplesBytes * pixelBytes + 2 * codedBytes + 256
        * tiles.count
        + 16 << 20,
      transformations.isEmpty ? 0 : pixelBytes)
  }

  func decode(_ bytes: UnsafeRawBufferPointer) throws(DecodingFailure) -> Image {
    if let reason = (isAV1 ? ImageFormat.avif : .heic).missingLibrary {
      throw .unavailable(reason)
    }
    // HEIC's colours are libheif's, as in Python's pillow-heif; AVIF's are those of Pillow.
    let isConverted = isAV1 && chroma != 0 && cheif_returns_planes() == 0
    let excerpt = try HEIFExcerpt(
      HEIFItems(bytes), tiles: tiles, grid: grid, isAV1: isAV1,
      color: isAV1 ? .copied(from: color, asRGB: isConverted) : nil
    ).bytes
    var decoded = cheif_image()
    let request = isAV1 && !isConverted ? CInt(chroma) : -1
    guard cheif_decode(excerpt, excerpt.count, request, &decoded) != 0 else {
      throw .malformed(
        withUnsafeBytes(of: &decoded.message) { text in
          String(
            text.prefix { $0 != 0 }.map {
              0x20..<0x7F ~= $0 ? Character(Unicode.Scalar($0)) : " "
            })
        })
    }
    defer { cheif_free(&decoded) }
    let planes = HEIFPlanes(decoded, chroma: isAV1 ? chroma : nil, color: color)
    guard planes.width >= coded.width, planes.height >= coded.height, planes.areValid else {
      throw .malformed("its tiles do not have the declared size")
    }
    var image = planes.image(width: coded.width, height: coded.height)
    for transformation in transformations {
      switch transformation {
      case .turn(let orientation): orientation.turnUpright(&image)
      case .crop(let x, let y, let width, let height):
        image.crop(x: x, y: y, width: width, height: height)
      }
    }
    return image
  }
}

extension Image {
  /// Keeps a rectangle inside the image.
  fileprivate mutating func crop(x: Int, y: Int, width: Int, height: Int) {
    let stride = 3 * self.width
    pixels = [UInt8](unsafeUninitializedCapacity: 3 * width * height) { buffer, filled in
      for row in 0..<height {
        let start = (y + row) * stride + 3 * x
        _ = UnsafeMutableBufferPointer(rebasing: buffer[(3 * width * row)...])
          .initialize(from: pixels[start..<start + 3 * width])
      }
      filled = buffer.count
    }
    (self.width, self.height) = (width, height)
  }
}
