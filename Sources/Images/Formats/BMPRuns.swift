/// Decodes the runs of a bitmap, as Pillow does: pixels are appended, and skipped ones are 0.
struct BMPRuns {
  private let bytes: UnsafeRawBufferPointer
  private var offset: Int
  private let width: Int
  private let height: Int
  private let isTopDown: Bool
  private let palette: [UInt8]
  private let pixels: UnsafeMutablePointer<UInt8>
  /// The number of pixels so far.
  private var count = 0
  /// The column of the next pixel; absolute runs can go beyond the end of the row.
  private var x = 0

  init(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, width: Int, height: Int, isTopDown: Bool,
    palette: [UInt8], pixels: UnsafeMutablePointer<UInt8>
  ) {
    self.bytes = bytes
    self.offset = offset
    self.width = width
    self.height = height
    self.isTopDown = isTopDown
    self.palette = palette
    self.pixels = pixels
  }

  private mutating func next() -> UInt8? {
    defer { offset += 1 }
    return bytes.byte(at: offset)
  }

  /// Adds pixels, not beyond the last.
  private mutating func append(_ index: UInt8, count repeats: Int) {
    let color = 3 * Int(index)
    for _ in 0..<min(repeats, width * height - count) {
      let row = count / width
      let y = isTopDown ? row : height - 1 - row
      let pixel = pixels + 3 * (y * width + count % width)
      for channel in 0..<3 { pixel[channel] = palette[color + channel] }
      count += 1
    }
  }

  /// Returns whether all pixels were written.
  mutating func decode(nibbles: Bool) -> Bool {
    let total = width * height
    loop: while count < total {
      guard let length = next().map(Int.init), let value = next() else { break }
      switch (length, value) {
      case (1..., _):
        let run = min(length, max(0, width - x))
        if nibbles {
          for index in 0..<run { append(index % 2 == 0 ? value >> 4 : value & 15, count: 1) }
        } else {
          append(value, count: run)
        }
        x += run
      case (_, 0):
        append(0, count: (width - count % width) % width)
        x = 0
      case (_, 1):
        break loop
      case (_, 2):
        guard let right = next(), let up = next() else { break loop }
        append(0, count: Int(right) + Int(up) * width)
        x = count % width
      default:
        guard absolute(min(total - count, Int(value)), nibbles: nibbles) else { break loop }
        x += Int(value)
        // Runs begin at even offsets.
        offset += offset % 2
      }
    }
    return count == total
  }

  /// Pixels one by one; returns whether the file has them all.
  private mutating func absolute(_ run: Int, nibbles: Bool) -> Bool {
    if nibbles {
      for index in 0..<(run + 1) / 2 {
        guard let pair = next() else { return false }
        append(pair >> 4, count: 1)
        if 2 * index + 1 < run { append(pair & 15, count: 1) }
      }
    } else {
      for _ in 0..<run {
        guard let value = next() else { return false }
        append(value, count: 1)
      }
    }
    return true
  }
}
