/// The orientation of an image's stored rows and columns, numbered like EXIF tag 0x0112.
///
/// Each case is named after the operation that makes the stored image upright.
enum Orientation: Int, CaseIterable {
  case upright = 1
  case mirror = 2
  case halfTurn = 3
  case flip = 4
  case transpose = 5
  case quarterTurnClockwise = 6
  case transverse = 7
  case quarterTurnCounterclockwise = 8

  /// Whether width and height are swapped.
  var swapsSides: Bool {
    switch self {
    case .upright, .mirror, .halfTurn, .flip: false
    case .transpose, .quarterTurnClockwise, .transverse, .quarterTurnCounterclockwise: true
    }
  }

  /// Whether the columns of the upright image run against the axis that they are stored along.
  var reversesColumns: Bool {
    switch self {
    case .mirror, .halfTurn, .quarterTurnClockwise, .transverse: true
    case .upright, .flip, .transpose, .quarterTurnCounterclockwise: false
    }
  }

  /// Whether the rows of the upright image run against the axis that they are stored along.
  var reversesRows: Bool {
    switch self {
    case .halfTurn, .flip, .transverse, .quarterTurnCounterclockwise: true
    case .upright, .mirror, .transpose, .quarterTurnClockwise: false
    }
  }

  /// Turns an image upright, in place unless width and height are swapped.
  func turnUpright(_ image: inout Image) {
    // Where stored pixel (x, y) goes: origin + x * column + y * row, counted in pixels of the
    // upright image.
    let (w, h) = (image.width, image.height)
    switch self {
    case .upright: break
    case .mirror: image.mirror()
    case .halfTurn: image.reverse()
    case .flip:
      image.reverse()
      image.mirror()
    case .transpose: image.swapSides(origin: 0, column: h, row: 1)
    case .quarterTurnClockwise: image.swapSides(origin: h - 1, column: h, row: -1)
    case .transverse: image.swapSides(origin: w * h - 1, column: -h, row: -1)
    case .quarterTurnCounterclockwise: image.swapSides(origin: h * (w - 1), column: -h, row: 1)
    }
  }
}

extension Image {
  /// Reverses the pixels of each row.
  mutating func mirror() {
    for y in 0..<height { reversePixels(y * width..<(y + 1) * width) }
  }

  /// Reverses all pixels.
  fileprivate mutating func reverse() {
    reversePixels(0..<width * height)
  }

  private mutating func reversePixels(_ range: Range<Int>) {
    pixels.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      var first = base + 3 * range.lowerBound
      var last = base + 3 * range.upperBound - 3
      while first < last {
        swap(&first[0], &last[0])
        swap(&first[1], &last[1])
        swap(&first[2], &last[2])
        first += 3
        last -= 3
      }
    }
  }

  /// Moves each pixel to `origin + x * column + y * row` of an image whose sides are swapped.
  fileprivate mutating func swapSides(origin: Int, column: Int, row: Int) {
    // Square blocks keep both the rows read and the columns written in the L1 cache.
    let block = 32
    pixels = [UInt8](unsafeUninitializedCapacity: pixels.count) { buffer, filled in
      pixels.withUnsafeBufferPointer { stored in
        guard let from = stored.baseAddress, let to = buffer.baseAddress else { return }
        for top in stride(from: 0, to: height, by: block) {
          for left in stride(from: 0, to: width, by: block) {
            for y in top..<min(top + block, height) {
              var source = from + 3 * (y * width + left)
              var target = to + 3 * (origin + left * column + y * row)
              for _ in left..<min(left + block, width) {
                target[0] = source[0]
                target[1] = source[1]
                target[2] = source[2]
                source += 3
                target += 3 * column
              }
            }
          }
        }
      }
      filled = pixels.count
    }
    (width, height) = (height, width)
  }
}

/// Finds the orientation in an image's metadata by the rules of Pillow's `ImageOps.exif_transpose`:
/// EXIF decides; XMP counts only if EXIF has no orientation entry at all.
///
/// Images with damaged or out-of-range data count as upright, so no image fails because of its
/// metadata.
extension Orientation {
  init(exif: UnsafeRawBufferPointer?, xmp: UnsafeRawBufferPointer?) {
    self.init(value: exif.flatMap(exifOrientationValue), xmp: xmp)
  }

  /// Like ``init(exif:xmp:)``, for a value that was read from EXIF already.
  init(value: Int?, xmp: UnsafeRawBufferPointer?) {
    let value = value ?? xmp.flatMap(xmpOrientationValue)
    self = value.flatMap(Orientation.init(rawValue:)) ?? .upright
  }
}

/// The value of tag 0x0112 in the first directory of a TIFF structure.
///
/// It is 0 if the entry is not an integer, `nil` if there is no such entry. This takes one pass
/// over at most 65 535 entries and follows no pointers to other directories, so it cannot loop.
/// TIFF 6.0, section 2; an entry is tag, type, count, value or offset.
private func exifOrientationValue(_ data: UnsafeRawBufferPointer) -> Int? {
  var tiff = data
  for _ in 0..<2 where tiff.begins(with: "Exif\0\0") {
    tiff = UnsafeRawBufferPointer(rebasing: tiff[6...])
  }
  let littleEndian: Bool
  switch (tiff.byte(at: 0), tiff.byte(at: 1)) {
  case (UInt8(ascii: "I"), UInt8(ascii: "I")): littleEndian = true
  case (UInt8(ascii: "M"), UInt8(ascii: "M")): littleEndian = false
  default: return nil
  }
  func short(at offset: Int) -> Int? {
    littleEndian
      ? tiff.littleEndian(UInt16.self, at: offset) : tiff.bigEndian(UInt16.self, at: offset)
  }
  func long(at offset: Int) -> Int? {
    littleEndian
      ? tiff.littleEndian(UInt32.self, at: offset) : tiff.bigEndian(UInt32.self, at: offset)
  }
  // Some writers swap the two bytes of the 42; Pillow reads their files too.
  guard let version = short(at: 2), version == 42 || version == 42 << 8,
    let directory = long(at: 4), let count = short(at: directory)
  else { return nil }

  var outsideBytes = 0
  for index in 0..<count {
    let entry = directory + 2 + 12 * index
    guard let tag = short(at: entry), let type = short(at: entry + 2),
      let values = long(at: entry + 4), var position = long(at: entry + 8)
    else { return nil }
    guard let unit = unitSize(ofType: type) else { continue }
    let size = values * unit
    if size > 4 {
      // Values that are longer than the file are skipped; after one beyond the end of the file, the
      // rest of the directory cannot be trusted either.
      outsideBytes += size
      if outsideBytes > tiff.count { continue }
      guard tiff.slice(at: position, count: size) != nil else { return nil }
    } else {
      position = entry + 8
    }
    guard tag == 0x0112, size > 0 else { continue }
    switch type {
    case 3, 8: return short(at: position)
    case 4, 9, 13: return long(at: position)
    case 6: return tiff.byte(at: position).map(Int.init)
    default: return 0
    }
  }
  return nil
}

/// The size in bytes of one value of a TIFF field type; `nil` for types that do not exist.
private func unitSize(ofType type: Int) -> Int? {
  switch type {
  case 1, 2, 6, 7: return 1
  case 3, 8: return 2
  case 4, 9, 11, 13: return 4
  case 5, 10, 12, 16: return 8
  default: return nil
  }
}

/// The digit in the first `tiff:Orientation="6"` or `<tiff:Orientation>6` of an XMP packet.
private func xmpOrientationValue(_ packet: UnsafeRawBufferPointer) -> Int? {
  let name: StaticString = "tiff:Orientation"
  var start = 0
  while let found = packet[start...].firstIndex(of: UInt8(ascii: "t")) {
    start = found + 1
    let rest = UnsafeRawBufferPointer(rebasing: packet[found...])
    guard rest.begins(with: name) else { continue }
    let value = UnsafeRawBufferPointer(rebasing: rest[name.utf8CodeUnitCount...])
    let digit =
      value.begins(with: "=\"")
      ? value.byte(at: 2)
      : value.begins(with: ">") ? value.byte(at: 1) : nil
    if let digit, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) {
      return Int(digit - UInt8(ascii: "0"))
    }
  }
  return nil
}
