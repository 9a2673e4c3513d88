/// The rows of an image in memory, with a number of readable bytes from the beginning of each.
///
/// The kernels read whole vectors. The last rows, where that would leave the image's memory, are
/// copies with zeros behind them.
struct ImageRows {
  private let pixels: UnsafePointer<UInt8>
  private let stride: Int
  private let copies: UnsafePointer<UInt8>
  private let copyStride: Int
  /// The first row that is a copy.
  private let firstCopy: Int

  fileprivate init(
    pixels: UnsafePointer<UInt8>, stride: Int, copies: UnsafePointer<UInt8>, copyStride: Int,
    firstCopy: Int
  ) {
    self.pixels = pixels
    self.stride = stride
    self.copies = copies
    self.copyStride = copyStride
    self.firstCopy = firstCopy
  }

  subscript(y: Int) -> UnsafePointer<UInt8> {
    y < firstCopy ? pixels + y * stride : copies + (y - firstCopy) * copyStride
  }
}

extension Image {
  /// Calls `body` with the rows, of each of which `reach` bytes are readable.
  func withRows(reach: Int, _ body: (ImageRows) -> Void) {
    let stride = 3 * width
    let excess = max(0, reach - stride)
    let copied = min(height, (excess + stride - 1) / stride)
    let copyStride = stride + excess
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: max(1, copied * copyStride)) { copies in
      pixels.withUnsafeBufferPointer { pixels in
        guard let pixels = pixels.baseAddress, let copies = copies.baseAddress else { return }
        copies.initialize(repeating: 0, count: copied * copyStride)
        for row in 0..<copied {
          (copies + row * copyStride).update(
            from: pixels + (height - copied + row) * stride, count: stride)
        }
        body(
          ImageRows(
            pixels: pixels, stride: stride, copies: copies, copyStride: copyStride,
            firstCopy: height - copied))
      }
    }
  }
}

/// A rectangle of whole pixels in an image.
package struct PixelBox: Hashable, Sendable {
  /// The columns, from the left.
  package var columns: Range<Int>
  /// The rows, from the top.
  package var rows: Range<Int>

  package init(columns: Range<Int>, rows: Range<Int>) {
    (self.columns, self.rows) = (columns, rows)
  }
}

extension Image {
  /// The whole image.
  package var bounds: PixelBox { PixelBox(columns: 0..<width, rows: 0..<height) }
}
