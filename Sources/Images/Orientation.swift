/// How the stored rows and columns of a picture lie, numbered as EXIF's tag 0x0112 does.
///
/// Each case says what has to be done to the stored picture to see it upright.
enum Orientation: Int, CaseIterable {
  case upright = 1
  case mirror = 2
  case halfTurn = 3
  case flip = 4
  case transpose = 5
  case quarterTurnClockwise = 6
  case transverse = 7
  case quarterTurnCounterclockwise = 8

  /// Whether the upright picture is as wide as the stored one is high.
  var swapsSides: Bool {
    switch self {
    case .upright, .mirror, .halfTurn, .flip: false
    case .transpose, .quarterTurnClockwise, .transverse, .quarterTurnCounterclockwise: true
    }
  }

  /// Turns a picture upright; in place, unless its sides are swapped.
  func turnUpright(_ image: inout Image) {
    // Where stored pixel (x, y) goes: origin + x * column + y * row, counted in pixels of the
    // upright picture.
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
  fileprivate mutating func mirror() {
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
    // Square blocks keep both the rows read and the columns written within the first-level cache.
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
