/// A format whose decoder can scale images down.
protocol ScaledDecoding: ImageHeader {
  /// What both sides can be divided by, from the largest divisor to the smallest.
  var divisors: [Int] { get }

  /// Decodes the image as stored, with both sides divided and rounded up.
  func decode(
    _ bytes: UnsafeRawBufferPointer, dividedBy divisor: Int
  ) throws(DecodingFailure) -> Image
}

extension ImageHeader {
  /// What the decoder can divide both sides by, so that twice the needed size remains.
  func divisor(for preprocessing: Preprocessing, turned orientation: Orientation) -> Int {
    guard let header = self as? any ScaledDecoding else { return 1 }
    let upright = orientation.swapsSides ? (height, width) : (width, height)
    let needed = preprocessing.resizedSides(width: upright.0, height: upright.1)
    return header.divisors.first { divisor in
      upright.0 >= 2 * divisor * needed.width && upright.1 >= 2 * divisor * needed.height
    } ?? 1
  }

  /// Decodes the image as stored, scaled down if `divisor` is not 1.
  func decode(
    _ bytes: UnsafeRawBufferPointer, scaledBy divisor: Int
  ) throws(DecodingFailure) -> Image {
    if divisor > 1, let header = self as? any ScaledDecoding {
      return try header.decode(bytes, dividedBy: divisor)
    }
    return try decode(bytes)
  }
}

/// A format that can be decoded row by row.
protocol RowDecoding: ScaledDecoding {
  /// Whether this file can.
  var decodesRows: Bool { get }

  /// Decodes some rows from the top and passes each to `body`: its pixels from the first requested
  /// column on.
  ///
  /// - Returns: The warnings that decoding the whole file gives.
  func decodeRows(
    _ bytes: UnsafeRawBufferPointer, _ request: RowRequest, _ body: (UnsafePointer<UInt8>) -> Void
  ) throws(DecodingFailure) -> [ImageWarning]
}

/// The rows to decode of an image.
struct RowRequest {
  /// What both sides of the image are divided by, rounded up.
  var divisor = 1
  /// The columns that matter; others may be undefined.
  var columns: Range<Int>
  var rows: Range<Int>
  /// The bytes that must be readable, beginning with the first column.
  var reach: Int
}

extension Int {
  /// Divided and rounded up.
  func divided(by divisor: Int) -> Int { (self + divisor - 1) / divisor }
}
