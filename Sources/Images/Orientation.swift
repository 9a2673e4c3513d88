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

  /// The picture turned upright.
  func upright(_ image: Image) -> Image {
    // Where stored pixel (x, y) goes: origin + x * column + y * row, counted in pixels of the
    // upright picture.
    let (w, h) = (image.width, image.height)
    switch self {
    case .upright:
      return image
    case .mirror:
      return image.rearranged(width: w, height: h, origin: w - 1, column: -1, row: w)
    case .halfTurn:
      return image.rearranged(width: w, height: h, origin: w * h - 1, column: -1, row: -w)
    case .flip:
      return image.rearranged(width: w, height: h, origin: w * (h - 1), column: 1, row: -w)
    case .transpose:
      return image.rearranged(width: h, height: w, origin: 0, column: h, row: 1)
    case .quarterTurnClockwise:
      return image.rearranged(width: h, height: w, origin: h - 1, column: h, row: -1)
    case .transverse:
      return image.rearranged(width: h, height: w, origin: w * h - 1, column: -h, row: -1)
    case .quarterTurnCounterclockwise:
      return image.rearranged(width: h, height: w, origin: h * (w - 1), column: -h, row: 1)
    }
  }
}

extension Image {
  /// The same pixels, each at `origin + x * column + y * row` of an image of the given size.
  fileprivate func rearranged(
    width newWidth: Int, height newHeight: Int, origin: Int, column: Int, row: Int
  ) -> Image {
    // Square blocks keep both the rows read and the columns written within the first-level cache.
    let block = 32
    let turned = [UInt8](unsafeUninitializedCapacity: pixels.count) { buffer, filled in
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
    return Image(width: newWidth, height: newHeight, pixels: turned, warnings: warnings)
  }
}
