import Glibc

/// Squares of a feature map, with zeros where they lie outside.
struct MapPatch {
  let height: Int
  let width: Int
  /// Floats between positions.
  let stride: Int
  /// Side of the square.
  let size: Int

  /// Floats of a copied square.
  var count: Int { size * size * stride }

  /// A square in place or, at the map's edge, a copy surrounded by zeros.
  ///
  /// - Parameters:
  ///   - top: The square's first row, possibly outside of the map, as may be `left`, its first column.
  ///   - map: The map's first channel that is read.
  ///   - channels: How many are read.
  ///   - copy: `count` floats.
  /// - Returns: The square's first position and the floats between its rows.
  func square(
    top: Int, left: Int, of map: UnsafePointer<Float>, channels: Int,
    copy: UnsafeMutablePointer<Float>
  ) -> (first: UnsafePointer<Float>, rowStride: Int) {
    let first = map + (top * width + left) * stride
    if top >= 0 && left >= 0 && top + size <= height && left + size <= width {
      return (first, width * stride)
    }
    memset(copy, 0, count * MemoryLayout<Float>.stride)
    let columns = max(0, -left)..<max(0, -left, min(size, width - left))
    guard !columns.isEmpty else { return (UnsafePointer(copy), size * stride) }
    let floats = (columns.count - 1) * stride + channels
    for row in max(0, -top)..<max(0, -top, min(size, height - top)) {
      memcpy(
        copy + (row * size + columns.lowerBound) * stride,
        first + (row * width + columns.lowerBound) * stride, floats * MemoryLayout<Float>.stride)
    }
    return (UnsafePointer(copy), size * stride)
  }
}
