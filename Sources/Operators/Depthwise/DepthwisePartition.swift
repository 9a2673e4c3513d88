/// Parts of a depthwise convolution's input that stay in the L2 cache while several passes go over them.
///
/// Small maps are cut into blocks of channels, so that no rows are shared by two parts, large ones into
/// strips of rows.
struct DepthwisePartition: Sendable {
  /// Blocks of channels, which begin at multiples of 16.
  let blocks: [Range<Int>]
  /// Strips of rows.
  let strips: Int

  /// Channels of the widest block.
  let widest: Int

  /// - Parameters:
  ///   - rows: Rows of a map.
  ///   - width: Positions of a row as it is kept.
  ///   - stride: Floats of a position.
  ///   - floats: What a part may take.
  init(rows: Int, width: Int, stride: Int, floats: Int) {
    let vectors = (stride + 15) / 16
    // Blocks only where 128 channels would fit, because memory delivers short runs slowly.
    let fitting = floats / (rows * width * 16)
    let count = fitting >= min(8, vectors) ? (vectors + fitting - 1) / fitting : 1
    blocks = (0..<count).map {
      let range = evenRange($0, of: count, total: vectors)
      return range.lowerBound * 16..<min(range.upperBound * 16, stride)
    }
    widest = blocks.map(\.count).max() ?? stride
    let stripRows = max(1, floats / (width * widest))
    strips = (rows + stripRows - 1) / stripRows
  }
}
