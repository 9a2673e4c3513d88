import Host
import Images

/// A compact description of an image's pixels: a hash to recognise exact copies and a thumbnail to
/// recognise edited ones.
public struct ImageFingerprint: Sendable, Equatable {
  /// Pixels along each side of the thumbnail.
  static let side = 32

  private let hash: SIMD2<UInt64>
  /// `side × side` values of luma.
  private let thumbnail: [UInt8]
  private let mean: Float
  /// The square root of the sum of squared deviations from the mean.
  private let norm: Float

  /// Computes the fingerprint of an image.
  public init(_ image: Image) {
    hash = Self.hash(of: image)
    let small = image.resized(width: Self.side, height: Self.side, interpolation: .bilinear).pixels
    thumbnail = stride(from: 0, to: small.count, by: 3).map { index in
      // BT.601, in units of 1/65536.
      let luma =
        19_595 * Int(small[index]) + 38_470 * Int(small[index + 1]) + 7_471 * Int(small[index + 2])
      return UInt8((luma + 32_768) >> 16)
    }
    let (sum, squares) = thumbnail.reduce((0, 0)) { ($0.0 + Int($1), $0.1 + Int($1) * Int($1)) }
    mean = Float(sum) / Float(thumbnail.count)
    norm = Float(max(0, Double(squares) - Double(sum) * Double(sum) / Double(thumbnail.count)))
      .squareRoot()
  }

  /// Whether both images have the same pixels.
  func isExactCopy(of other: ImageFingerprint) -> Bool {
    hash == other.hash && thumbnail == other.thumbnail
  }

  /// Whether the thumbnail has no structure to correlate.
  var isPlain: Bool { norm <= Float(Self.side) }

  /// The similarity of the thumbnails, −1…1: their correlation.
  func similarity(to other: ImageFingerprint) -> Float {
    // Plain images have no structure to correlate, so only their brightness is compared.
    if isPlain || other.isPlain {
      return isPlain && other.isPlain && abs(mean - other.mean) <= 2 ? 1 : 0
    }
    let product = Double(Self.product(thumbnail, other.thumbnail))
    let covariance = product - Double(mean) * Double(other.mean) * Double(thumbnail.count)
    return Float(covariance / (Double(norm) * Double(other.norm)))
  }

  /// Two images that differ by a crop of 5 % correlate more than this.
  static let leastOfCrops: Float = 0.5

  /// The highest correlation of the thumbnails, −1…1, if one of the images is the middle or a corner
  /// of the other, cropped by 5 %.
  func croppedSimilarity(to other: ImageFingerprint) -> Float {
    func greatest(_ crops: [[Float]], _ others: [Float]) -> Float {
      crops.map { Self.correlation($0, others) }.max() ?? -1
    }
    return max(
      greatest(croppedThumbnails, other.centredThumbnail),
      greatest(other.croppedThumbnails, centredThumbnail))
  }

  /// The thumbnail minus its mean.
  var centredThumbnail: [Float] { thumbnail.map { Float($0) - mean } }

  /// The crops in the middle and in the corners, stretched to the thumbnail's size by linear
  /// interpolation, minus their means.
  var croppedThumbnails: [[Float]] {
    let values = centredThumbnail
    return Self.crops.map { crop in
      let (columns, rows) = (Self.taps(from: crop.x), Self.taps(from: crop.y))
      var cropped = [Float](repeating: 0, count: values.count)
      for (y, row) in rows.enumerated() {
        let (upper, lower) = (row.index * Self.side, (row.index + 1) * Self.side)
        for (x, column) in columns.enumerated() {
          let (left, right) = (column.index, column.index + 1)
          let above =
            values[upper + left] + column.weight * (values[upper + right] - values[upper + left])
          let below =
            values[lower + left] + column.weight * (values[lower + right] - values[lower + left])
          cropped[y * Self.side + x] = above + row.weight * (below - above)
        }
      }
      let mean = cropped.reduce(0, +) / Float(cropped.count)
      return cropped.map { $0 - mean }
    }
  }

  /// The number of cropped thumbnails.
  static var cropCount: Int { crops.count }

  /// The left and upper edges of the crops, as fractions of the side.
  private static let crops: [SIMD2<Float>] = [
    SIMD2(0.5, 0.5), SIMD2(0, 0), SIMD2(1, 0), SIMD2(0, 1), SIMD2(1, 1),
  ].map { $0 * cropping }

  /// The fraction of each side that a crop removes.
  private static let cropping: Float = 0.05

  /// Pearson's correlation of two centred thumbnails.
  private static func correlation(_ first: [Float], _ second: [Float]) -> Float {
    var (squares, product) = (SIMD2<Float>(), Float(0))
    for index in first.indices {
      let pair = SIMD2(first[index], second[index])
      squares += pair * pair
      product += pair.x * pair.y
    }
    return squares.min() > 0 ? product / (squares.x * squares.y).squareRoot() : 0
  }

  /// For each pixel of a crop along one axis: the pixel before it, and the weight of the next one.
  private static func taps(from start: Float) -> [(index: Int, weight: Float)] {
    (0..<side).map { pixel in
      let place =
        start * Float(side) + (Float(pixel) + 0.5) * (1 - cropping) - 0.5
      let index = min(max(Int(place.rounded(.down)), 0), side - 2)
      return (index, min(max(place - Float(index), 0), 1))
    }
  }

  /// The scalar product of two thumbnails.
  private static func product(_ first: [UInt8], _ second: [UInt8]) -> Int {
    first.withUnsafeBytes { first in
      second.withUnsafeBytes { second in
        var sums = SIMD16<UInt32>()
        for index in stride(from: 0, to: side * side, by: 16) {
          let a = first.loadUnaligned(fromByteOffset: index, as: SIMD16<UInt8>.self)
          let b = second.loadUnaligned(fromByteOffset: index, as: SIMD16<UInt8>.self)
          sums &+= SIMD16<UInt32>(
            truncatingIfNeeded: SIMD16<UInt16>(truncatingIfNeeded: a)
              &* SIMD16<UInt16>(truncatingIfNeeded: b))
        }
        return Int(sums.wrappedSum())
      }
    }
  }

  /// A key for dictionaries: equal for exact copies.
  var key: SIMD2<UInt64> { hash }

  /// The hash of the size and all pixels.
  private static func hash(of image: Image) -> SIMD2<UInt64> {
    var hash = ContentHash()
    hash.append(UInt64(image.width))
    hash.append(UInt64(image.height))
    image.pixels.withUnsafeBytes { hash.append($0) }
    return hash.words
  }
}
