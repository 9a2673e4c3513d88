/// The strips or tiles of a TIFF.
struct TIFFSegments {
  let isTiled: Bool
  /// Where each is in the file, and its size; libtiff ignores a size of 0.
  let stored: [(offset: Int, count: Int)]
  /// The number of segments of one plane.
  let perPlane: Int
  /// The bytes of one row of a segment.
  let rowBytes: Int
  /// The bytes of a whole segment.
  let largest: Int
  private let size: (width: Int, height: Int)
  private let across: Int
  private let image: (width: Int, height: Int)

  var count: Int { stored.count }

  init(
    _ directory: TIFFDirectory, width: Int, height: Int, layout: TIFFLayout,
    limits: DecodingLimits
  ) throws(DecodingFailure) {
    typealias Tag = TIFFDirectory.Tag
    image = (width, height)
    isTiled = directory.contains(Tag.tileWidth)
    if isTiled {
      guard let tileWidth = directory.integer(Tag.tileWidth),
        let tileHeight = directory.integer(Tag.tileLength), tileWidth > 0, tileHeight > 0,
        tileWidth <= 1 << 24, tileHeight <= 1 << 24
      else { throw .malformed("its tiles have no size") }
      size = (tileWidth, tileHeight)
    } else {
      let rows = directory.integer(Tag.rowsPerStrip) ?? height
      guard rows > 0 else { throw .malformed("its strips have no rows") }
      size = (width, min(rows, height))
    }
    across = (width + size.width - 1) / size.width
    let down = (height + size.height - 1) / size.height
    perPlane = across * down
    // Tiles reach beyond the edges of the image, and are decoded as a whole.
    let padded = across * size.width * down * size.height
    guard !isTiled || padded / 2 <= limits.pixels else {
      throw .overLimit("its tiles have \(padded) pixels, more than twice the limit")
    }
    rowBytes = (size.width * layout.bitsPerPixel + 7) / 8
    largest = rowBytes * size.height

    let (offsets, counts) =
      isTiled && directory.contains(Tag.tileOffsets)
      ? (Tag.tileOffsets, Tag.tileByteCounts) : (Tag.stripOffsets, Tag.stripByteCounts)
    let total = perPlane * layout.planes
    guard directory.count(offsets) >= total else {
      throw .malformed(
        "it has \(directory.count(offsets)) \(isTiled ? "tiles" : "strips"), not \(total)")
    }
    stored = (0..<total).map { index in
      (directory.integer(offsets, at: index) ?? .max, directory.integer(counts, at: index) ?? 0)
    }
  }

  /// Rejects segments that share so many bytes that copying them takes long, as libtiff does for some
  /// bit orders.
  ///
  /// Equal tiles may share their bytes.
  func checkOverlap(in bytes: UnsafeRawBufferPointer) throws(DecodingFailure) {
    var total = 0
    for index in 0..<count {
      total += data(of: index, in: bytes)?.count ?? 0
      guard total <= bytes.count + 1 << 28 else {
        throw .malformed("its \(isTiled ? "tiles" : "strips") overlap")
      }
    }
  }

  /// The bytes of a segment when decoded: the last strip is shorter.
  func bytes(of index: Int) -> Int {
    rowBytes * (isTiled ? size.height : place(of: index).height)
  }

  /// The part of the image that a segment covers.
  func place(of index: Int) -> (x: Int, y: Int, width: Int, height: Int) {
    let position = index % perPlane
    let x = position % across * size.width
    let y = position / across * size.height
    return (x, y, min(size.width, image.width - x), min(size.height, image.height - y))
  }

  /// The encoded bytes of a segment, as far as they are in the file.
  func data(of index: Int, in bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    let (offset, count) = stored[index]
    guard offset < bytes.count else { return nil }
    return bytes.slice(
      at: offset, count: count > 0 ? min(count, bytes.count - offset) : bytes.count - offset)
  }
}
