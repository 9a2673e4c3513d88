extension Image {
  /// The resized image, bit-identical to that of Pillow's `Image.resize`.
  ///
  /// - Parameters:
  ///   - width: The new number of columns, at least 1.
  ///   - height: The new number of rows, at least 1.
  ///   - interpolation: The filter.
  public func resized(width: Int, height: Int, interpolation: Interpolation) -> Image {
    resized(from: bounds, width: width, height: height, interpolation: interpolation)
  }

  /// A part of the image, resized: bit-identical to Pillow's `Image.resize(…, box=…)`.
  ///
  /// At the edges of the part, the filter also uses the pixels beside it.
  ///
  /// - Parameters:
  ///   - box: The part, within the image and not empty.
  ///   - width: The new number of columns, at least 1.
  ///   - height: The new number of rows, at least 1.
  ///   - interpolation: The filter.
  package func resized(
    from box: PixelBox, width: Int, height: Int, interpolation: Interpolation
  ) -> Image {
    let resampling = Resampling(
      of: self, box: box, width: width, height: height, columns: 0..<width, rows: 0..<height,
      interpolation: interpolation)
    let pixels = [UInt8](unsafeUninitializedCapacity: 3 * width * height) { buffer, filled in
      resampling.forEachRow { y, row in
        (buffer.baseAddress! + y * row.count).update(from: row.baseAddress!, count: row.count)
      }
      filled = 3 * width * height
    }
    return Image(width: width, height: height, pixels: pixels, warnings: warnings)
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

/// A resize that computes only a rectangle of the result, with the same pixels as in the whole.
///
/// There are two passes, each rounded to 8 bits, so their order affects the last bit. The first
/// pass covers only the input that the rectangle needs.
struct Resampling {
  private let image: Image
  private let horizontal: ResamplingWeights
  private let vertical: ResamplingWeights
  private let isVerticalFirst: Bool

  /// Prepares to resize a part of `image`, by default the whole, to `width` x `height` and to compute
  /// the given part of the result.
  init(
    of image: Image, box: PixelBox? = nil, width: Int, height: Int, columns: Range<Int>,
    rows: Range<Int>, interpolation: Interpolation
  ) {
    self.image = image
    let box = box ?? image.bounds
    horizontal = ResamplingWeights(
      from: box.columns, of: image.width, to: width, outputs: columns,
      interpolation: interpolation)
    vertical = ResamplingWeights(
      from: box.rows, of: image.height, to: height, outputs: rows, interpolation: interpolation)
    // Pillow resizes rows first; since version 13, columns first if the height shrinks by more than
    // twice as many pixels as the width. It compares with the whole image even if there is a box.
    let fewerRows = image.height - height
    isVerticalFirst = fewerRows > 0 && fewerRows > 2 * (image.width - width)
  }

  /// Calls `body` with each row of the rectangle from the top: its index and its RGB samples.
  func forEachRow(_ body: (Int, UnsafeBufferPointer<UInt8>) -> Void) {
    image.pixels.withUnsafeBufferPointer { source in
      guard let source = source.baseAddress else { return }
      if isVerticalFirst {
        resampleVerticallyFirst(source, body)
      } else {
        resampleHorizontallyFirst(source, body)
      }
    }
  }

  /// Resizes all needed rows, then computes weighted sums of them.
  private func resampleHorizontallyFirst(
    _ source: UnsafePointer<UInt8>, _ body: (Int, UnsafeBufferPointer<UInt8>) -> Void
  ) {
    let inputs = vertical.inputs
    let rowBytes = 3 * horizontal.count
    withScratch(bytes: rowBytes * (inputs.count + 1), sums: rowBytes) { narrow, sums in
      for (row, y) in inputs.enumerated() {
        resampleRow(
          source + 3 * image.width * y, from: 0, with: horizontal, into: narrow + row * rowBytes)
      }
      let output = narrow + inputs.count * rowBytes
      for row in 0..<vertical.count {
        let first = narrow + (vertical.starts[row] - inputs.lowerBound) * rowBytes
        vertical.withWeights(of: row) {
          addRows(first, count: rowBytes, stride: rowBytes, weights: $0, sums: sums, into: output)
        }
        body(row, UnsafeBufferPointer(start: output, count: rowBytes))
      }
    }
  }

  /// Computes weighted sums of whole rows, then resizes each sum.
  private func resampleVerticallyFirst(
    _ source: UnsafePointer<UInt8>, _ body: (Int, UnsafeBufferPointer<UInt8>) -> Void
  ) {
    let stride = 3 * image.width
    let left = horizontal.inputs.lowerBound
    let wideBytes = 3 * horizontal.inputs.count
    let rowBytes = 3 * horizontal.count
    withScratch(bytes: wideBytes + rowBytes, sums: wideBytes) { wide, sums in
      let output = wide + wideBytes
      for row in 0..<vertical.count {
        let first = source + vertical.starts[row] * stride + 3 * left
        vertical.withWeights(of: row) {
          addRows(first, count: wideBytes, stride: stride, weights: $0, sums: sums, into: wide)
        }
        resampleRow(wide, from: left, with: horizontal, into: output)
        body(row, UnsafeBufferPointer(start: output, count: rowBytes))
      }
    }
  }
}

/// Provides memory for pixels and for the sums of one row.
private func withScratch(
  bytes: Int, sums: Int, _ body: (UnsafeMutablePointer<UInt8>, UnsafeMutablePointer<Int32>) -> Void
) {
  withUnsafeTemporaryAllocation(of: UInt8.self, capacity: bytes) { bytes in
    withUnsafeTemporaryAllocation(of: Int32.self, capacity: sums) { sums in
      guard let bytes = bytes.baseAddress, let sums = sums.baseAddress else { return }
      body(bytes, sums)
    }
  }
}

/// Half a unit, so that dropping the fraction bits rounds.
private let half: Int32 = 1 << (ResamplingWeights.fractionBits - 1)

/// Drops the fraction bits and clamps the result to 0…255.
@inline(__always)
private func rounded(_ sum: Int32) -> UInt8 {
  UInt8(truncatingIfNeeded: min(max(sum >> ResamplingWeights.fractionBits, 0), 255))
}

/// Resamples one row of RGB pixels along itself; `source` begins with column `first`.
private func resampleRow(
  _ source: UnsafePointer<UInt8>, from first: Int, with kernel: ResamplingWeights,
  into target: UnsafeMutablePointer<UInt8>
) {
  kernel.weights.withUnsafeBufferPointer { weights in
    kernel.starts.withUnsafeBufferPointer { starts in
      kernel.counts.withUnsafeBufferPointer { counts in
        var weight = weights.baseAddress!
        var out = target
        for x in 0..<starts.count {
          var (red, green, blue) = (half, half, half)
          var pixel = source + 3 * (starts[x] - first)
          for tap in 0..<counts[x] {
            let share = weight[tap]
            red &+= Int32(pixel[0]) &* share
            green &+= Int32(pixel[1]) &* share
            blue &+= Int32(pixel[2]) &* share
            pixel += 3
          }
          out[0] = rounded(red)
          out[1] = rounded(green)
          out[2] = rounded(blue)
          out += 3
          weight += kernel.stride
        }
      }
    }
  }
}

/// The weighted sum of rows of `count` bytes that are `stride` bytes apart.
private func addRows(
  _ rows: UnsafePointer<UInt8>, count: Int, stride: Int, weights: UnsafeBufferPointer<Int32>,
  sums: UnsafeMutablePointer<Int32>, into target: UnsafeMutablePointer<UInt8>
) {
  sums.update(repeating: half, count: count)
  for tap in 0..<weights.count {
    let weight = weights[tap]
    let row = rows + tap * stride
    for i in 0..<count { sums[i] &+= Int32(row[i]) &* weight }
  }
  for i in 0..<count { target[i] = rounded(sums[i]) }
}
