import Glibc

/// The contents of a JPEG's markers.
///
/// The walk covers the whole file, so that the number of scans is known and a file without an end
/// marker is rejected as truncated; libjpeg would only warn and fill the rest with gray.
/// ITU-T T.81, annex B.
struct JPEGHeader: Sendable {
  var width = 0
  var height = 0
  var components: [Component] = []
  var scans = 0
  /// The samples that the decoder visits in all scans.
  var visitedSamples = 0
  /// Whether the coefficients of the whole image are kept until the last scan has been read.
  var keepsCoefficients = false
  /// The bytes of all entropy-coded segments.
  var entropyBytes = 0
  var isArithmetic = false
  var orientation: Orientation = .upright

  /// One component: its identifier, and its sampling factors, 1…4.
  struct Component {
    var identifier: UInt8
    var across: Int
    var down: Int
  }
}

extension JPEGHeader {
  /// Walks over the markers of a file that begins with `FF D8 FF`.
  init(_ bytes: UnsafeRawBufferPointer, limits: DecodingLimits) throws(DecodingFailure) {
    var exif: [UInt8] = []
    var xmp: UnsafeRawBufferPointer?
    var offset = 2
    walk: while true {
      guard let marker = bytes.nextMarker(from: &offset) else {
        throw .malformed("the data ends before the end-of-image marker: the file is truncated")
      }
      switch marker {
      case 0xD9:
        break walk
      case 0xD0...0xD7:
        continue  // These stand alone: no segment follows.
      case 0x01...0xBF where scans == 0:
        throw .malformed("an unknown marker at byte \(offset - 2)")
      case 0x01:
        continue
      case 0xD8:
        throw .malformed("a second start-of-image marker at byte \(offset - 2)")
      default:
        break
      }
      // The length includes its own two bytes; libjpeg treats a smaller one as two.
      guard let length = bytes.bigEndian(UInt16.self, at: offset).map({ max($0, 2) }),
        let segment = bytes.slice(at: offset + 2, count: length - 2)
      else {
        throw .malformed("the segment at byte \(offset - 2) is cut short: the file is truncated")
      }
      offset += length
      switch marker {
      case 0xC0...0xC3, 0xC5...0xC7, 0xC9...0xCB, 0xCD...0xCF:
        try readFrame(marker, segment, limits: limits)
      case 0xDA:
        try readScan(segment, limits: limits)
        let start = offset
        bytes.skipEntropyCodedData(from: &offset)
        entropyBytes += offset - start
      case 0xE1 where scans == 0 && segment.begins(with: "Exif\0\0"):
        // A long EXIF block continues in further segments, each with the same prefix. The
        // orientation is near its start.
        if exif.count < 1 << 20 { exif.append(contentsOf: segment[6...]) }
      case 0xE1 where scans == 0 && segment.begins(with: "http://ns.adobe.com/xap/1.0/\0"):
        xmp = UnsafeRawBufferPointer(rebasing: segment[29...])
      default:
        break
      }
    }
    guard scans > 0 else { throw .malformed("it has no image data") }
    guard !components.isEmpty else { throw .malformed("it has no frame header") }
    try checkDensity()
    orientation = exif.withUnsafeBytes { data in
      Orientation(exif: data.isEmpty ? nil : data, xmp: xmp)
    }
  }

  /// Reads a frame header: precision, height, width, components.
  private mutating func readFrame(
    _ marker: UInt8, _ segment: UnsafeRawBufferPointer, limits: DecodingLimits
  ) throws(DecodingFailure) {
    guard components.isEmpty else { throw .malformed("it has a second frame header") }
    switch marker {
    case 0xC0, 0xC1, 0xC2, 0xC9, 0xCA:
      keepsCoefficients = marker == 0xC2 || marker == 0xCA
      isArithmetic = marker >= 0xC9
    case 0xC3: throw .unsupported("lossless coding (SOF3)")
    case 0xCB: throw .unsupported("lossless arithmetic coding (SOF11)")
    default: throw .unsupported("hierarchical coding")
    }
    guard let precision = segment.byte(at: 0), let height = segment.bigEndian(UInt16.self, at: 1),
      let width = segment.bigEndian(UInt16.self, at: 3), let count = segment.byte(at: 5),
      segment.count == 6 + 3 * Int(count)
    else { throw .malformed("the frame header has the wrong length") }
    guard precision == 8 else { throw .unsupported("\(precision) bits per sample") }
    guard [1, 3, 4].contains(count) else {
      throw .unsupported("\(count) components; 1, 3 or 4 are supported")
    }
    try limits.check(width: width, height: height)
    (self.width, self.height) = (width, height)
    components = (0..<Int(count)).map { index in
      let factors = Int(segment[7 + 3 * index])
      return Component(
        identifier: segment[6 + 3 * index], across: factors >> 4, down: factors & 15)
    }
    guard components.allSatisfy({ (1...4).contains($0.across) && (1...4).contains($0.down) }) else {
      throw .malformed("a sampling factor is outside 1...4")
    }
  }

  /// Reads a scan header: the number of components in one byte, then two bytes for each component.
  private mutating func readScan(
    _ segment: UnsafeRawBufferPointer, limits: DecodingLimits
  ) throws(DecodingFailure) {
    guard !components.isEmpty else { throw .malformed("a scan precedes the frame header") }
    guard let count = segment.byte(at: 0), segment.count >= 1 + 2 * Int(count) else {
      throw .malformed("a scan header has the wrong length")
    }
    if scans == 0, Int(count) < components.count { keepsCoefficients = true }
    scans += 1
    guard scans <= limits.jpegScans else {
      throw .overLimit("it has more than \(limits.jpegScans) scans")
    }
    for index in 0..<Int(count) {
      let visited = components.filter { $0.identifier == segment[1 + 2 * index] }
      // Arithmetic coding takes about eight times as long.
      visitedSamples += 64 * (visited.map(blocks).max() ?? 0) * (isArithmetic ? 8 : 1)
    }
    guard visitedSamples <= limits.jpegVisitedSamples else {
      throw .overLimit(
        "its first \(scans) scans visit \(visitedSamples) samples, "
          + "the limit is \(limits.jpegVisitedSamples)")
    }
  }

  /// The number of blocks of 8 x 8 coefficients in a component: whole MCUs, including edges.
  func blocks(of component: Component) -> Int {
    let across = components.map(\.across).max() ?? 1
    let down = components.map(\.down).max() ?? 1
    let columns = (width + 8 * across - 1) / (8 * across) * component.across
    let rows = (height + 8 * down - 1) / (8 * down) * component.down
    return columns * rows
  }

  /// Rejects a file that is far too short for its pixels, before allocating memory for them.
  ///
  /// A Huffman code takes at least one bit per block, and a block of the coarsest sampling covers
  /// 32 x 32 pixels. Arithmetic coding has no such bound.
  private func checkDensity() throws(DecodingFailure) {
    let mostPixels = 8 * 32 * 32 * (entropyBytes + 128)
    guard isArithmetic || width * height <= mostPixels else {
      throw .malformed("\(entropyBytes) bytes of image data cannot hold \(width)x\(height) pixels")
    }
  }
}

extension UnsafeRawBufferPointer {
  /// The next marker code at or after `offset`, which is moved past it; `nil` at the end.
  ///
  /// Bytes between segments are skipped, as in libjpeg.
  fileprivate func nextMarker(from offset: inout Int) -> UInt8? {
    while offset < count {
      guard let position = firstIndex(of: 0xFF, from: offset) else { return nil }
      offset = position + 1
      while byte(at: offset) == 0xFF { offset += 1 }
      guard let code = byte(at: offset) else { return nil }
      offset += 1
      if code != 0 { return code }
    }
    return nil
  }

  /// Moves `offset` to the marker that ends an entropy-coded segment, or to the end.
  fileprivate func skipEntropyCodedData(from offset: inout Int) {
    while let position = firstIndex(of: 0xFF, from: offset) {
      offset = position
      guard let code = byte(at: position + 1) else { return }
      switch code {
      case 0x00, 0xD0...0xD7: offset += 2
      case 0xFF: offset += 1
      default: return
      }
    }
    offset = count
  }

  private func firstIndex(of value: UInt8, from offset: Int) -> Int? {
    guard let base = baseAddress, offset < count,
      let found = memchr(base + offset, CInt(value), count - offset)
    else { return nil }
    return UnsafeRawPointer(found) - base
  }
}

extension JPEGHeader: ImageHeader {
  /// CMYK is decoded as it is and then converted to RGB in place.
  var pixelBytes: Int { samples * width * height }

  /// The coefficients if they are kept, 128 bytes for each block; and for each component, a few rows
  /// before and after upsampling.
  var codecBytes: Int {
    let coefficients =
      keepsCoefficients ? components.reduce(0) { $0 + 128 * blocks(of: $1) } : 0
    return coefficients + 64 * components.count * width
  }

  var samples: Int { components.count == 4 ? 4 : 3 }
}
