/// Small BMP, GIF and TIFF files that require a lot of memory or work.
extension Bomb {
  private static func little(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  // MARK: BMP

  /// A bitmap of index 0 alone: each four bytes skip 255 rows.
  static func bmp(side: Int, nibbles: Bool = false) -> [UInt8] {
    let skips = (0..<side / 255).flatMap { _ in [0, 2, 0, 255] as [UInt8] }
    let data = skips + (0..<side % 255).flatMap { _ in [0, 2, 0, 1] as [UInt8] } + [0, 1]
    return bmp(width: side, height: side, bits: nibbles ? 4 : 8, runs: data)
  }

  /// A bitmap of runs of one pixel.
  static func bmp(width: Int, height: Int) -> [UInt8] {
    let row: [UInt8] = (0..<width).flatMap { [1, UInt8(truncatingIfNeeded: $0)] } + [0, 0]
    return bmp(
      width: width, height: height, bits: 8,
      runs: [[UInt8]](repeating: row, count: height).flatMap { $0 } + [0, 1])
  }

  private static func bmp(width: Int, height: Int, bits: Int, runs: [UInt8]) -> [UInt8] {
    let palette = [UInt8](repeating: 7, count: 4 << bits)
    return Array("BM".utf8) + little(0, 8) + little(54 + palette.count, 4) + little(40, 4)
      + little(width, 4) + little(height, 4) + little(1, 2) + little(bits, 2)
      + little(bits == 4 ? 2 : 1, 4) + little(runs.count, 4) + little(0, 16) + palette + runs
  }

  // MARK: GIF

  /// A GIF of index 0 alone, in the longest strings that its codes can stand for.
  static func gif(side: Int, screen: Int? = nil) -> [UInt8] {
    var bits = BitWriter(leastFirst: true)
    bits.put(256, 9)
    bits.put(0, 9)
    var (written, next, size) = (1, 258, 9)
    while written < side * side {
      // The code that is added next is the last string and its first index.
      let code = min(next, 4095)
      bits.put(code, size)
      written += code - 256
      next = min(next + 1, 4096)
      if next == 1 << size, size < 12 { size += 1 }
    }
    bits.put(257, size)
    let blocks = stride(from: 0, to: bits.bytes.count, by: 255).flatMap { start in
      let block = bits.bytes[start..<min(start + 255, bits.bytes.count)]
      return [UInt8(block.count)] + block
    }
    return Array("GIF89a".utf8) + little(screen ?? side, 2) + little(screen ?? side, 2) + [0, 0, 0]
      + Array(",".utf8) + little(0, 4) + little(side, 2) + little(side, 2) + [0, 8] + blocks
      + [0, UInt8(ascii: ";")]
  }

  /// A GIF of frames of one pixel.
  static func gifOfManyFrames(_ count: Int) -> [UInt8] {
    let frame: [UInt8] = [0x2C, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0]
    return Array("GIF89a".utf8) + [1, 0, 1, 0, 0, 0, 0] + (0..<count).flatMap { _ in frame } + [
      0x3B
    ]
  }

  // MARK: TIFF

  /// JBIG data of a bitmap that takes next to no bits, turned around as libtiff does.
  static func jbig(side: Int, planes: UInt8) -> [UInt8] {
    let header: [UInt8] = [0, 0, planes, 0]
    let sizes = (0..<3).flatMap { _ in little(side, 4).reversed() }
    return (header + sizes + [8, 0, 0, 0] + little(0, 8) + [0xFF, 2]).map { byte in
      (0..<8).reduce(0) { $0 << 1 | byte >> $1 & 1 }
    }
  }

  /// A TIFF whose strips or tiles all have the same data.
  ///
  /// - Parameter fields: Further fields, which may replace those of a fixed tag: tag, type, count, and
  ///   value or offset.
  static func tiff(
    side: Int, height: Int? = nil, width: Int? = nil, bits: Int, samples: Int, photometric: Int,
    compression: Int, rows: Int, tileSide: Int? = nil,
    fields: [(tag: Int, type: Int, count: Int, value: Int)] = [], data: [UInt8]
  ) -> [UInt8] {
    let across = tileSide.map { (side + $0 - 1) / $0 } ?? 1
    let count = tileSide == nil ? (side + rows - 1) / rows : across * across
    let offsets = 8 + data.count + data.count % 2
    let counts = offsets + 4 * count
    let depths = counts + 4 * count
    let directory = depths + 2 * samples
    func outside(_ values: Int, _ offset: Int, only value: Int) -> Int {
      values == 1 ? value : offset
    }
    var entries: [(Int, Int, Int, Int)] = [
      (256, 4, 1, width ?? side), (257, 4, 1, height ?? side),
      (258, 3, samples, samples < 3 ? bits : depths),
      (259, 3, 1, compression), (262, 3, 1, photometric), (277, 3, 1, samples),
    ]
    if let tileSide {
      entries += [
        (322, 4, 1, tileSide), (323, 4, 1, tileSide),
        (324, 4, count, outside(count, offsets, only: 8)),
        (325, 4, count, outside(count, counts, only: data.count)),
      ]
    } else {
      entries += [
        (273, 4, count, outside(count, offsets, only: 8)), (278, 4, 1, rows),
        (279, 4, count, outside(count, counts, only: data.count)),
      ]
    }
    if samples == 4 { entries.append((338, 3, 1, 2)) }
    entries += fields
    return [0x49, 0x49, 42, 0] + little(directory, 4) + data
      + [UInt8](repeating: 0, count: data.count % 2)
      + (0..<count).flatMap { _ in little(8, 4) }
      + (0..<count).flatMap { _ in little(data.count, 4) }
      + (0..<samples).flatMap { _ in little(bits, 2) } + little(entries.count, 2)
      + entries.sorted { $0.0 < $1.0 }.flatMap {
        little($0.0, 2) + little($0.1, 2) + little($0.2, 4) + little($0.3, 4)
      } + little(0, 4)
  }

  /// TIFF's LZW of zeros: strings that grow by one, until the table is full and cleared.
  static func tiffLZWZeros(_ count: Int) -> [UInt8] {
    var bits = BitWriter(leastFirst: false)
    var written = 0
    while written < count {
      bits.put(256, 9)
      bits.put(0, 9)
      written += 1
      var (next, size) = (258, 9)
      while written < count, next < 4093 {
        bits.put(next, size)
        written += next - 256
        next += 1
        // The size grows one code earlier than in GIF.
        if next + 1 == 1 << size { size += 1 }
      }
      if written >= count { bits.put(257, size) }
    }
    return bits.bytes
  }
}
