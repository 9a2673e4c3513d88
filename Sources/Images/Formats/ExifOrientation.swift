/// Finds the orientation in a picture's metadata by the rules of Pillow's `ImageOps.exif_transpose`:
/// EXIF decides; XMP is asked only where EXIF has no orientation entry at all.
///
/// Whatever is damaged or out of range counts as upright: no picture fails because of metadata.
extension Orientation {
  init(exif: UnsafeRawBufferPointer?, xmp: UnsafeRawBufferPointer?) {
    let value = exif.flatMap(exifOrientationValue) ?? xmp.flatMap(xmpOrientationValue)
    self = value.flatMap(Orientation.init(rawValue:)) ?? .upright
  }
}

/// The value of tag 0x0112 in the first directory of a TIFF structure; 0 where the entry holds no
/// integer, `nil` where there is no such entry.
///
/// One pass over at most 65 535 entries that follows no pointer to another directory, so that
/// there is nothing to loop in. TIFF 6.0, section 2; an entry is tag, type, count, value or offset.
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
  // Some writers swap the two bytes of the 42; Pillow reads these files all the same.
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
      // Values that together exceed the file are passed over; one that lies beyond its end means
      // that the rest of the directory cannot be trusted either.
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

/// The bytes that one value of a TIFF field type takes; `nil` for types that do not exist.
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
