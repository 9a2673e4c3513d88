extension ActivationMap {
  /// The image with the map's positive part over it.
  ///
  /// Where nothing is hot the image stays as it is, a little paler, so that heat is the only strong
  /// colour; what lies outside `region`, which the map does not cover, is dark and gray.
  ///
  /// - Parameters:
  ///   - image: The image.
  ///   - region: The part of it that the map covers.
  ///   - longestSide: The greatest side of the result; larger images are shrunk.
  public func overlaid(
    on image: Image, region: ImageRegion, longestSide: Int = 1024
  ) -> Image {
    let (image, region) = Self.shrunk(image, region, longestSide: longestSide)
    let rows = smoothRows(
      at: (0..<image.height).map {
        (Double($0) + 0.5 - region.y) / region.height * Double(height)
      })
    let columns = (0..<image.width).map {
      Taps(
        at: (Double($0) + 0.5 - region.x) / region.width * Double(width), count: width)
    }
    let seenColumns = Self.seen(region.x, region.width, within: image.width)
    let seenRows = Self.seen(region.y, region.height, within: image.height)
    let scale = 1 / max(greatest.value, .leastNormalMagnitude)
    let colors = Colormap()
    var pixels = image.pixels
    for y in 0..<image.height {
      for x in 0..<image.width {
        let start = 3 * (y * image.width + x)
        let color = SIMD3<Float>(
          Float(pixels[start]), Float(pixels[start + 1]), Float(pixels[start + 2]))
        let shown: SIMD3<Float>
        if seenRows.contains(y), seenColumns.contains(x) {
          let heat = greatest.value > 0 ? min(max(columns[x].sum { rows[y][$0] } * scale, 0), 1) : 0
          shown = Self.blend(color, colors[heat], heat: heat)
        } else {
          shown = 0.5 * SIMD3(repeating: Self.gray(color))
        }
        for channel in 0..<3 {
          pixels[start + channel] = UInt8(min(max(shown[channel], 0), 255).rounded())
        }
      }
    }
    return Image(width: image.width, height: image.height, pixels: pixels)
  }

  /// The image's own light and dark stay visible under the heat.
  private static func blend(
    _ color: SIMD3<Float>, _ hot: SIMD3<Float>, heat: Float
  ) -> SIMD3<Float> {
    let gray = SIMD3(repeating: gray(color))
    let base = gray + 0.35 * (color - gray)
    // The heat's colour takes on some of the image's own light, so that edges stay visible in it.
    let lit = hot * (0.6 + 0.4 * gray / 255)
    return base + 0.8 * smooth(heat) * (lit - base)
  }

  /// From 0 to 1 without a kink at either end.
  private static func smooth(_ x: Float) -> Float { x * x * (3 - 2 * x) }

  /// The luma of BT.601.
  private static func gray(_ color: SIMD3<Float>) -> Float {
    (color * SIMD3(0.299, 0.587, 0.114)).sum()
  }

  /// The pixels along an axis whose middles lie within the region.
  private static func seen(_ start: Double, _ extent: Double, within size: Int) -> Range<Int> {
    let first = min(max((start - 0.5).rounded(.up), 0), Double(size))
    let end = min(max((start + extent - 0.5).rounded(.up), first), Double(size))
    return Int(first)..<Int(end)
  }

  private static func shrunk(
    _ image: Image, _ region: ImageRegion, longestSide: Int
  ) -> (Image, ImageRegion) {
    let longest = max(image.width, image.height)
    guard longest > longestSide else { return (image, region) }
    let width = max(1, image.width * longestSide / longest)
    let height = max(1, image.height * longestSide / longest)
    return (
      image.resized(width: width, height: height, interpolation: .bicubic),
      region.scaled(
        Double(width) / Double(image.width), Double(height) / Double(image.height))
    )
  }
}
