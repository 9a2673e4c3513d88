/// How the stored rows of an image become the network's input: the resize, and where each row of its
/// result goes.
///
/// An image that is stored on its side, or mirrored, is resized as it is stored; only the result is
/// turned. Its pixels are the same as if it had been turned first.
struct PreparationPlan {
  /// The resize of the stored image.
  let resampling: Resampling
  /// Whether the crop extends beyond the image.
  let isPadded: Bool
  /// Where the rows of the result go.
  let places: RowPlaces

  /// - Parameters:
  ///   - width: The columns of the stored image.
  ///   - height: Its rows.
  ///   - orientation: How it is turned upright.
  init(
    _ preprocessing: Preprocessing, width: Int, height: Int, orientation: Orientation = .upright
  ) {
    let upright =
      orientation.swapsSides ? (width: height, height: width) : (width: width, height: height)
    let resized = preprocessing.resizedSides(width: upright.width, height: upright.height)
    let crop = preprocessing.crop
    let columns = CropAxis(size: resized.width, crop: crop)
    let rows = CropAxis(size: resized.height, crop: crop)
    var across = ResamplingWeights(
      from: 0..<upright.width, of: upright.width, to: resized.width, outputs: columns.kept,
      interpolation: preprocessing.interpolation)
    var down = ResamplingWeights(
      from: 0..<upright.height, of: upright.height, to: resized.height, outputs: rows.kept,
      interpolation: preprocessing.interpolation)
    if orientation.reversesColumns { across = across.reversed(of: upright.width) }
    if orientation.reversesRows { down = down.reversed(of: upright.height) }
    let isVerticalFirst = Resampling.isVerticalFirst(
      width: upright.width, height: upright.height, to: resized.width, by: resized.height)
    resampling =
      orientation.swapsSides
      ? Resampling(across: down, down: across, isVerticalFirst: !isVerticalFirst)
      : Resampling(across: across, down: down, isVerticalFirst: isVerticalFirst)

    isPadded = columns.kept.count < crop || rows.kept.count < crop
    let columnStep = orientation.reversesColumns ? -3 : 3
    let lineStep = orientation.reversesRows ? -3 * crop : 3 * crop
    let firstColumn = columns.padding + (orientation.reversesColumns ? columns.kept.count - 1 : 0)
    let firstLine = rows.padding + (orientation.reversesRows ? rows.kept.count - 1 : 0)
    places = RowPlaces(
      origin: 3 * (firstLine * crop + firstColumn),
      rowStep: orientation.swapsSides ? columnStep : lineStep,
      pixelStep: orientation.swapsSides ? lineStep : columnStep)
  }
}

/// Where the rows of a resized image go in the network's input.
struct RowPlaces {
  fileprivate let origin: Int
  fileprivate let rowStep: Int
  fileprivate let pixelStep: Int

  /// The offset of a row's first value, and from each pixel to the next.
  subscript(row: Int) -> (first: Int, step: Int) { (origin + row * rowStep, pixelStep) }
}

/// The network's input, which receives bytes as normalised values.
///
/// It cannot be copied, so that no row copies the tables.
struct NormalizedTarget: ~Copyable {
  private let base: UnsafeMutablePointer<Float>
  private let count: Int
  private let normalization: ByteNormalization

  /// - Throws: ``PreprocessingError/wrongBufferSize(expected:found:)``.
  init(
    _ preprocessing: Preprocessing, _ output: UnsafeMutableBufferPointer<Float>
  ) throws(PreprocessingError) {
    guard output.count == preprocessing.valueCount, let base = output.baseAddress else {
      throw .wrongBufferSize(expected: preprocessing.valueCount, found: output.count)
    }
    (self.base, count) = (base, output.count)
    normalization = ByteNormalization(preprocessing)
  }

  /// Makes everything black if the crop extends beyond the image.
  func fillPadding(_ plan: PreparationPlan) {
    guard plan.isPadded else { return }
    let black: [UInt8] = [0, 0, 0]
    black.withUnsafeBufferPointer { black in
      for i in stride(from: 0, to: count, by: 3) { normalization.write(black, to: base + i) }
    }
  }

  /// Writes a row of pixels.
  func write(_ row: UnsafeBufferPointer<UInt8>, to place: (first: Int, step: Int)) {
    normalization.write(row, to: base + place.first, step: place.step)
  }
}
