import CImageLibraries

/// What the samples of an image mean: the matrix coefficients of ITU-T H.273, 2 if unknown.
struct HEIFColor {
  var matrix = 2
  var isFullRange = true

  init() {}

  /// What to tell libheif so that it copies the samples unchanged.
  ///
  /// Newer versions expand limited range; older ones convert everything to RGB, except what is declared
  /// to be RGB already.
  static func copied(from color: HEIFColor, asRGB: Bool) -> HEIFColor {
    var declared = HEIFColor()
    declared.matrix = asRGB ? 0 : color.matrix
    return declared
  }

  /// Reads a `colr` box; `nil` if it has a profile instead.
  init?(_ box: HEIFBox) {
    guard box.has("colr"), box.content.begins(with: "nclx"),
      let matrix = box.content.bigEndian(UInt16.self, at: 8), let range = box.content.byte(at: 10)
    else { return nil }
    (self.matrix, isFullRange) = (matrix, range & 0x80 != 0)
  }
}

/// The planes of a decoded HEIF image, and their conversion to RGB.
///
/// Luma and chroma are converted as in Pillow's AVIF decoder, unlike in libheif: chroma is
/// interpolated, and colours have 6 fractional bits.
struct HEIFPlanes {
  private let planes: [Plane]
  private let isRGB: Bool
  private let color: HEIFColor

  private struct Plane {
    var samples: UnsafePointer<UInt8>
    /// The bytes from a row to the next, and the samples from a column to the next.
    var stride: Int
    var step: Int
    var width: Int
    var height: Int
    var bits: Int
  }

  /// - Parameters:
  ///   - chroma: The digits of an AV1 stream's sampling, or 0 if it has no chroma; `nil` if the planes
  ///     are red, green and blue.
  init(_ image: cheif_image, chroma: Int?, color: HEIFColor) {
    var planes = [image.planes.0, image.planes.1, image.planes.2].compactMap { plane in
      plane.samples.map {
        Plane(
          samples: $0, stride: Int(plane.stride), step: 1, width: Int(plane.width),
          height: Int(plane.height), bits: Int(plane.bits))
      }
    }
    if image.is_rgb != 0, let chroma, planes.count == 3 {
      // The identity matrix: luma is green, and each chroma sample is repeated.
      planes = [planes[1], planes[2], planes[0]]
      for index in 1...2 where chroma != 444 {
        planes[index].step = 2
        planes[index].width = (planes[index].width + 1) / 2
        if chroma == 420 {
          planes[index].stride *= 2
          planes[index].height = (planes[index].height + 1) / 2
        }
      }
    }
    // The identity matrix of the file itself.
    isRGB = chroma == nil || chroma == 444 && color.matrix == 0
    if chroma == 444, color.matrix == 0, planes.count == 3 {
      planes = [planes[2], planes[0], planes[1]]
    }
    self.planes = planes
    self.color = color
  }

  var width: Int { planes.first?.width ?? 0 }
  var height: Int { planes.first?.height ?? 0 }

  /// Whether there are one or three planes that belong together.
  var areValid: Bool {
    guard let first = planes.first, planes.count == 1 || planes.count == 3 else { return false }
    return planes.allSatisfy { plane in
      guard (8...16).contains(plane.bits), plane.bits == first.bits else { return false }
      let bytes = plane.bits > 8 ? 2 : 1
      guard plane.stride >= plane.width * plane.step * bytes - bytes else { return false }
      let isHalfWide = plane.width == (first.width + 1) / 2
      let isHalfHigh = plane.height == (first.height + 1) / 2
      return (plane.width == first.width || isHalfWide)
        && (plane.height == first.height || isHalfHigh)
    }
  }

  /// The upper left part of the image.
  func image(width: Int, height: Int) -> Image {
    let pixels = [UInt8](unsafeUninitializedCapacity: 3 * width * height) { buffer, filled in
      guard let pixels = buffer.baseAddress else { return }
      let conversion = YCbCrConversion(color, isGray: planes.count == 1)
      withUnsafeTemporaryAllocation(of: Int32.self, capacity: 3 * width) { rows in
        guard let rows = rows.baseAddress else { return }
        for y in 0..<height {
          for (channel, plane) in planes.enumerated() {
            fill(rows + channel * width, width, y, from: plane)
          }
          let row = pixels + 3 * width * y
          for x in 0..<width {
            let first = rows[x]
            if planes.count == 1 {
              let gray = isRGB ? first : conversion.gray(first)
              (row[3 * x], row[3 * x + 1], row[3 * x + 2]) = (clamp(gray), clamp(gray), clamp(gray))
              continue
            }
            let (second, third) = (rows[width + x], rows[2 * width + x])
            let color: (Int32, Int32, Int32)
            if isRGB {
              color = (first, second, third)
            } else {
              color = conversion.rgb(first, second, third)
            }
            (row[3 * x], row[3 * x + 1], row[3 * x + 2]) = (
              clamp(color.0), clamp(color.1), clamp(color.2)
            )
          }
        }
      }
      filled = buffer.count
    }
    return Image(width: width, height: height, pixels: pixels, warnings: [])
  }

  private func clamp(_ value: Int32) -> UInt8 {
    UInt8(truncatingIfNeeded: max(0, min(255, value)))
  }

  /// One row of samples of 8 bits, enlarged to the image's width and height.
  ///
  /// A chroma sample of 4:2:0 lies between four pixels. Each pixel gets 9, 3, 3 and 1 sixteenths of
  /// the samples around it.
  private func fill(
    _ row: UnsafeMutablePointer<Int32>, _ width: Int, _ y: Int, from plane: Plane
  ) {
    let isHalfWide = plane.width != planes[0].width
    let isHalfHigh = plane.height != planes[0].height
    let near = isHalfHigh ? y / 2 : y
    let far =
      isHalfHigh ? max(0, min(plane.height - 1, y % 2 == 0 ? near - 1 : near + 1)) : near
    let step = plane.step
    if plane.bits > 8 {
      let shift = Int32(plane.bits - 8)
      enlarge(row, width, plane, near, far, isHalfWide, isHalfHigh) { line, x in
        Int32(
          UnsafeRawPointer(line).loadUnaligned(fromByteOffset: 2 * step * x, as: UInt16.self))
          >> shift
      }
    } else {
      enlarge(row, width, plane, near, far, isHalfWide, isHalfHigh) { line, x in
        Int32(line[step * x])
      }
    }
  }

  @inline(__always)
  private func enlarge(
    _ row: UnsafeMutablePointer<Int32>, _ width: Int, _ plane: Plane, _ near: Int, _ far: Int,
    _ isHalfWide: Bool, _ isHalfHigh: Bool,
    _ sample: (UnsafePointer<UInt8>, Int) -> Int32
  ) {
    let nearLine = plane.samples + near * plane.stride
    let farLine = plane.samples + far * plane.stride
    for x in 0..<width {
      if !isHalfWide {
        row[x] =
          isHalfHigh
          ? (3 * sample(nearLine, x) + sample(farLine, x) + 2) >> 2 : sample(nearLine, x)
        continue
      }
      let own = x / 2
      // The last column has its own sample alone, in odd widths, too.
      let other =
        x == width - 1 ? own : max(0, min(plane.width - 1, x % 2 == 0 ? own - 1 : own + 1))
      if !isHalfHigh || near == far {
        row[x] = (3 * sample(nearLine, own) + sample(nearLine, other) + 2) >> 2
      } else {
        let nearSum = 3 * sample(nearLine, own) + sample(nearLine, other)
        let farSum = 3 * sample(farLine, own) + sample(farLine, other)
        row[x] = (3 * nearSum + farSum + 8) >> 4
      }
    }
  }
}

/// The conversion of luma and chroma of 8 bits to RGB, in 6 fractional bits.
private struct YCbCrConversion {
  private let luma: Int32
  private let bias: Int32
  private let (redOfRed, greenOfBlue, greenOfRed, blueOfBlue): (Int32, Int32, Int32, Int32)

  /// BT.601's coefficients if they are not known.
  init(_ color: HEIFColor, isGray: Bool) {
    let isFullRange = color.isFullRange
    let (red, blue): (Double, Double) =
      switch color.matrix {
      case 1: (0.2126, 0.0722)
      case 4: (0.30, 0.11)
      case 7: (0.212, 0.087)
      case 9: (0.2627, 0.0593)
      default: (0.299, 0.114)
      }
    let green = 1 - red - blue
    let chromaScale = isFullRange ? 64.0 : 64 * 255 / 224.0
    let lumaScale = isFullRange ? 1 : 255 / 219.0
    // Luma is multiplied with 257 and divided by 65 536. libyuv has 1.164 for 255 / 219, except for
    // BT.2020 and gray.
    let written = isFullRange || isGray || color.matrix == 9 ? lumaScale : 1.164
    luma = Int32((64 * written * 65_536 / 257).rounded())
    bias = Int32(isFullRange ? 32 : 32 - (64 * 16 * lumaScale).rounded())
    func scaled(_ factor: Double) -> Int32 { Int32((factor * chromaScale).rounded()) }
    redOfRed = scaled(2 * (1 - red))
    blueOfBlue = min(128, scaled(2 * (1 - blue)))
    greenOfBlue = scaled(2 * (1 - blue) * blue / green)
    greenOfRed = scaled(2 * (1 - red) * red / green)
  }

  @inline(__always)
  private func scaledLuma(_ value: Int32) -> Int32 {
    (value &* 257 &* luma) >> 16 &+ bias
  }

  func gray(_ value: Int32) -> Int32 { scaledLuma(value) >> 6 }

  @inline(__always)
  func rgb(_ value: Int32, _ chromaBlue: Int32, _ chromaRed: Int32) -> (Int32, Int32, Int32) {
    let (y, blue, red) = (scaledLuma(value), chromaBlue &- 128, chromaRed &- 128)
    return (
      (y &+ redOfRed &* red) >> 6, (y &- greenOfBlue &* blue &- greenOfRed &* red) >> 6,
      (y &+ blueOfBlue &* blue) >> 6
    )
  }
}
