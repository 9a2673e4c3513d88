import Glibc

/// Gathers the values under the kernel for some output positions, as rows of a matrix.
///
/// Row r contains, for output position `positions.lowerBound + r`, the kernel's rows from top to
/// bottom, in each its columns from left to right, in each the input channels, with zeros beyond
/// the edges. Only a panel of rows is gathered at a time, never the whole image, so that it is
/// still in the cache when the matrix product reads it.
struct Im2col: Sendable {
  let geometry: ConvolutionGeometry

  /// Fills `panel`, `positions.count` rows of `geometry.depth` floats.
  func gather(
    _ positions: Range<Int>, of image: UnsafePointer<Float>,
    into panel: UnsafeMutablePointer<Float>
  ) {
    let g = geometry
    var row = positions.lowerBound / g.outputWidth
    var column = positions.lowerBound % g.outputWidth
    var target = panel
    for _ in positions {
      gather(row: row, column: column, of: image, into: target)
      target += g.depth
      column += 1
      if column == g.outputWidth {
        column = 0
        row += 1
      }
    }
  }

  /// Fills one row of a panel: the values under the kernel for one output position.
  @inline(__always)
  func gather(
    row: Int, column: Int, of image: UnsafePointer<Float>,
    into target: UnsafeMutablePointer<Float>
  ) {
    let g = geometry
    var target = target
    let top = row * g.stride - g.paddingTop
    let left = column * g.stride - g.paddingLeft
    let first = max(0, -left)
    let last = min(g.kernel, g.inputWidth - left)
    for tap in 0..<g.kernel {
      let line = top + tap
      guard line >= 0 && line < g.inputHeight && first < last else {
        zero(target, g.kernel * g.inputChannels)
        target += g.kernel * g.inputChannels
        continue
      }
      zero(target, first * g.inputChannels)
      target += first * g.inputChannels
      let source = image + (line * g.inputWidth + left + first) * g.inputStride
      copy(source, positions: last - first, to: target)
      target += (last - first) * g.inputChannels
      zero(target, (g.kernel - last) * g.inputChannels)
      target += (g.kernel - last) * g.inputChannels
    }
  }

  @inline(__always)
  private func zero(_ target: UnsafeMutablePointer<Float>, _ count: Int) {
    if count > 0 { memset(target, 0, count * MemoryLayout<Float>.stride) }
  }

  @inline(__always)
  private func copy(
    _ source: UnsafePointer<Float>, positions: Int, to target: UnsafeMutablePointer<Float>
  ) {
    let channels = geometry.inputChannels
    if channels == geometry.inputStride {
      copyRun(source, positions * channels, to: target)
    } else {
      for position in 0..<positions {
        memcpy(
          target + position * channels, source + position * geometry.inputStride,
          channels * MemoryLayout<Float>.stride)
      }
    }
  }

  /// Copies a run of floats.
  ///
  /// Short runs, such as the nine floats in a row under the stem's kernel, are copied without a
  /// function call, which would cost more than the copy.
  @inline(__always)
  private func copyRun(
    _ source: UnsafePointer<Float>, _ count: Int, to target: UnsafeMutablePointer<Float>
  ) {
    guard count >= 4 && count <= 16 else {
      memcpy(target, source, count * MemoryLayout<Float>.stride)
      return
    }
    var index = 0
    while index < count {
      // The last four may overlap the previous ones.
      let place = min(index, count - 4)
      let four = UnsafeRawPointer(source + place).loadUnaligned(as: SIMD4<Float>.self)
      UnsafeMutableRawPointer(target + place).storeBytes(of: four, as: SIMD4<Float>.self)
      index += 4
    }
  }
}
