extension Image {
  /// The image resized to another size, bit for bit as Pillow's `Image.resize` does it.
  ///
  /// - Parameters:
  ///   - width: The new number of columns, at least 1.
  ///   - height: The new number of rows, at least 1.
  ///   - interpolation: The filter.
  public func resized(width: Int, height: Int, interpolation: Interpolation) -> Image {
    let resampling = Resampling(
      of: self, width: width, height: height, columns: 0..<width, rows: 0..<height,
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

/// A resize of which only a rectangle is wanted; the pixels in it are those of the whole.
///
/// Pillow's two passes: first along the rows, rounded to 8 bits, then along the columns. Only the
/// source rows that the rectangle needs go through the first.
struct Resampling {
  private let image: Image
  private let horizontal: ResamplingWeights
  private let vertical: ResamplingWeights
  private let columnCount: Int
  private let rowCount: Int

  /// Prepares to resize `image` to `width` x `height` and to compute the given part of the result.
  init(
    of image: Image, width: Int, height: Int, columns: Range<Int>, rows: Range<Int>,
    interpolation: Interpolation
  ) {
    self.image = image
    horizontal = ResamplingWeights(
      from: image.width, to: width, outputs: columns, interpolation: interpolation)
    vertical = ResamplingWeights(
      from: image.height, to: height, outputs: rows, interpolation: interpolation)
    columnCount = columns.count
    rowCount = rows.count
  }

  /// Calls `body` with each row of the rectangle from the top: its index and its RGB samples.
  func forEachRow(_ body: (Int, UnsafeBufferPointer<UInt8>) -> Void) {
    let rowBytes = 3 * columnCount
    let narrowRows = vertical.inputs
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: rowBytes * (narrowRows.count + 1)) {
      narrow in
      guard let narrowBase = narrow.baseAddress else { return }
      image.pixels.withUnsafeBufferPointer { source in
        guard let sourceBase = source.baseAddress else { return }
        for (row, y) in narrowRows.enumerated() {
          resampleRow(
            sourceBase + 3 * image.width * y, with: horizontal, into: narrowBase + row * rowBytes)
        }
      }
      let output = narrowBase + rowBytes * narrowRows.count
      withUnsafeTemporaryAllocation(of: Int32.self, capacity: rowBytes) { sums in
        guard let sums = sums.baseAddress else { return }
        for row in 0..<rowCount {
          let first = vertical.starts[row] - narrowRows.lowerBound
          vertical.weights.withUnsafeBufferPointer { weights in
            addRows(
              narrowBase + first * rowBytes, rowBytes: rowBytes,
              weights: weights.baseAddress! + row * vertical.stride, count: vertical.counts[row],
              sums: sums, into: output)
          }
          body(row, UnsafeBufferPointer(start: output, count: rowBytes))
        }
      }
    }
  }
}

/// Half a unit, so that dropping the fraction bits rounds.
private let half: Int32 = 1 << (ResamplingWeights.fractionBits - 1)

/// Drops the fraction bits and bounds the rest to 0…255.
@inline(__always)
private func rounded(_ sum: Int32) -> UInt8 {
  UInt8(truncatingIfNeeded: min(max(sum >> ResamplingWeights.fractionBits, 0), 255))
}

/// Resamples one row of RGB pixels along itself.
private func resampleRow(
  _ source: UnsafePointer<UInt8>, with kernel: ResamplingWeights,
  into target: UnsafeMutablePointer<UInt8>
) {
  kernel.weights.withUnsafeBufferPointer { weights in
    kernel.starts.withUnsafeBufferPointer { starts in
      kernel.counts.withUnsafeBufferPointer { counts in
        var weight = weights.baseAddress!
        var out = target
        for x in 0..<starts.count {
          var (red, green, blue) = (half, half, half)
          var pixel = source + 3 * starts[x]
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

/// Adds up `count` rows of bytes, each times its weight.
private func addRows(
  _ rows: UnsafePointer<UInt8>, rowBytes: Int, weights: UnsafePointer<Int32>, count: Int,
  sums: UnsafeMutablePointer<Int32>, into target: UnsafeMutablePointer<UInt8>
) {
  sums.update(repeating: half, count: rowBytes)
  for tap in 0..<count {
    let weight = weights[tap]
    let row = rows + tap * rowBytes
    for i in 0..<rowBytes { sums[i] &+= Int32(row[i]) &* weight }
  }
  for i in 0..<rowBytes { target[i] = rounded(sums[i]) }
}
