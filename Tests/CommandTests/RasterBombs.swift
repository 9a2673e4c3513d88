/// Small BMP, GIF and TIFF files that require a lot of memory or work.
extension Bomb {
  private static func little(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  // MARK: BMP

  /// A bitmap of index 0 alone: each four bytes skip 255 rows.
  static func bmp(side: Int) -> [UInt8] {
    let skips = (0..<side / 255).flatMap { _ in [0, 2, 0, 255] as [UInt8] }
    let data = skips + (0..<side % 255).flatMap { _ in [0, 2, 0, 1] as [UInt8] } + [0, 1]
    let palette = [UInt8](repeating: 7, count: 1024)
    return Array("BM".utf8) + little(0, 8) + little(54 + 1024, 4) + little(40, 4)
      + little(side, 4) + little(side, 4) + little(1, 2) + little(8, 2) + little(1, 4)
      + little(data.count, 4) + little(0, 16) + palette + data
  }

  // MARK: GIF

  /// A GIF of index 0 alone, in the longest strings that its codes can stand for.
  static func gif(side: Int) -> [UInt8] {
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
    return Array("GIF89a".utf8) + little(side, 2) + little(side, 2) + [0, 0, 0]
      + Array(",".utf8) + little(0, 4) + little(side, 2) + little(side, 2) + [0, 8] + blocks
      + [0, UInt8(ascii: ";")]
  }

  // MARK: TIFF

  /// A TIFF whose strips or tiles all have the same data.
  static func tiff(
    side: Int, bits: Int, samples: Int, photometric: Int, compression: Int, rows: Int,
    tileSide: Int? = nil, data: [UInt8]
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
      (256, 4, 1, side), (257, 4, 1, side), (258, 3, samples, samples < 3 ? bits : depths),
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
