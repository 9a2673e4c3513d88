import Kernels

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
  ///   - kernel: Only tests choose one; the result is the same.
  package func resized(
    from box: PixelBox, width: Int, height: Int, interpolation: Interpolation,
    kernel: ResamplingKernel = .selected
  ) -> Image {
    let resampling = Resampling(
      across: ResamplingWeights(
        from: box.columns, of: self.width, to: width, outputs: 0..<width,
        interpolation: interpolation),
      down: ResamplingWeights(
        from: box.rows, of: self.height, to: height, outputs: 0..<height,
        interpolation: interpolation),
      isVerticalFirst: Resampling.isVerticalFirst(
        width: self.width, height: self.height, to: width, by: height),
      kernel: kernel)
    let pixels = [UInt8](unsafeUninitializedCapacity: 3 * width * height) { buffer, filled in
      resampling.forEachRow(of: self) { y, row in
        (buffer.baseAddress! + y * row.count).update(from: row.baseAddress!, count: row.count)
      }
      filled = 3 * width * height
    }
    return Image(width: width, height: height, pixels: pixels, warnings: warnings)
  }
}
