/// The tiles of a feature map, divided into chunks: rectangles with about the same number of tiles.
struct TileGrid: Sendable {
  /// Some rows and columns of tiles.
  struct Chunk {
    var rows: Range<Int>
    var columns: Range<Int>

    var count: Int { rows.count * columns.count }
  }

  private let across: Int
  private let down: Int
  private let partsAcross: Int
  private let partsDown: Int

  /// Covers `height` × `width` positions with tiles of `extent` × `extent`, at most `limit` to a
  /// chunk.
  ///
  /// Chunks are as wide as the map unless that exceeds `limit` tiles, so that their positions are
  /// contiguous. Their number is even, so that two threads have the same amount of work.
  init(height: Int, width: Int, extent: Int, limit: Int) {
    across = (width + extent - 1) / extent
    down = (height + extent - 1) / extent
    partsAcross = (across + limit - 1) / limit
    let rows = max(1, limit / ((across + partsAcross - 1) / partsAcross))
    let parts = (down + rows - 1) / rows
    let isOdd = parts > 1 && (parts * partsAcross) % 2 == 1
    partsDown = min(down, isOdd ? parts + 1 : parts)
  }

  var tileCount: Int { across * down }

  var chunkCount: Int { partsAcross * partsDown }

  /// Tiles of the largest chunk, across and down.
  var largestChunk: (across: Int, down: Int) {
    ((across + partsAcross - 1) / partsAcross, (down + partsDown - 1) / partsDown)
  }

  func chunk(_ index: Int) -> Chunk {
    Chunk(
      rows: evenRange(index / partsAcross, of: partsDown, total: down),
      columns: evenRange(index % partsAcross, of: partsAcross, total: across))
  }
}
