import CLanes
import Kernels

/// Intel AMX: products of tiles, with sixteen times as many multiply-adds per cycle as FMA.
///
/// Everything around the product is AVX-512.
typealias Native = Lanes16

/// 32 × 32 sums fill four of the eight tiles; two more hold rows of A, and two columns of B.
private let side = 32
/// Rows, and words of a row, of a tile.
private let tileSide = 16

/// The GEMM in bf16.
public func bf16Kernel() -> GEMMKernel {
  GEMMKernel(
    elementType: "bf16", elementsPerWord: 2, mr: side, nr: side, depthUnit: tileSide,
    convert: roundPanel, run: { multiply($0, BF16Tiles.self, ApproximateEpilogue.self) })
}

/// The GEMM in int8.
public func int8Kernel() -> GEMMKernel {
  GEMMKernel(
    elementType: "int8", elementsPerWord: 4, mr: side, nr: side, depthUnit: tileSide,
    convert: quantizePanel, run: { multiply($0, Int8Tiles.self, DequantizeEpilogue.self) })
}

@inline(never)
private func roundPanel(_ panel: Panel) { convert(panel, RoundRow.self, Native.self) }

@inline(never)
private func quantizePanel(_ panel: Panel) { convert(panel, QuantizeRow.self, Native.self) }

/// The products of loaded tiles.
private protocol TileProduct {
  static func topLeft()
  static func topRight()
  static func bottomLeft()
  static func bottomRight()
}

private enum BF16Tiles: TileProduct {
  @inline(__always) static func topLeft() { clanes_tile_bf16_top_left() }
  @inline(__always) static func topRight() { clanes_tile_bf16_top_right() }
  @inline(__always) static func bottomLeft() { clanes_tile_bf16_bottom_left() }
  @inline(__always) static func bottomRight() { clanes_tile_bf16_bottom_right() }
}

private enum Int8Tiles: TileProduct {
  @inline(__always) static func topLeft() { clanes_tile_bytes_top_left() }
  @inline(__always) static func topRight() { clanes_tile_bytes_top_right() }
  @inline(__always) static func bottomLeft() { clanes_tile_bytes_bottom_left() }
  @inline(__always) static func bottomRight() { clanes_tile_bytes_bottom_right() }
}

/// A block, 32 rows at a time.
///
/// Tiles are loaded whole: rows of A behind the last, and columns of B beside the last, are read but
/// not used.
@inline(never)
private func multiply<P: TileProduct, E: GEMMEpilogue>(_ block: GEMMBlock, _: P.Type, _: E.Type) {
  let epilogue = E(block)
  clanes_tiles_begin()
  var row = 0
  while row < block.m {
    let rows = min(side, block.m - row)
    clanes_tiles_zero()
    let a = block.a + row * block.lda
    switch (rows > tileSide, block.n > tileSide) {
    case (true, true): accumulate(a, block, P.self, twoRows: true, twoColumns: true)
    case (true, false): accumulate(a, block, P.self, twoRows: true, twoColumns: false)
    case (false, true): accumulate(a, block, P.self, twoRows: false, twoColumns: true)
    case (false, false): accumulate(a, block, P.self, twoRows: false, twoColumns: false)
    }
    store(clanes_tiles_store(), block, row..<row + rows, epilogue)
    epilogue.revisit(block, rows: row..<row + rows, width: block.n, Native.self)
    row += rows
  }
  clanes_tiles_end()
}

@inline(__always)
private func accumulate<P: TileProduct>(
  _ a: UnsafePointer<Float>, _ block: GEMMBlock, _: P.Type, twoRows: Bool, twoColumns: Bool
) {
  var segment = a
  var b = block.b
  for _ in 0..<block.segments {
    var a = segment
    for _ in 0..<block.k / tileSide {
      clanes_tile_load_top(a, block.lda)
      clanes_tile_load_left(b, block.n)
      P.topLeft()
      if twoRows {
        clanes_tile_load_bottom(a + tileSide * block.lda, block.lda)
        P.bottomLeft()
      }
      if twoColumns {
        clanes_tile_load_right(b + tileSide, block.n)
        P.topRight()
        if twoRows { P.bottomRight() }
      }
      a += tileSide
      b += tileSide * block.n
    }
    segment += block.segmentStride
  }
}

/// Takes sums, in rows of 32, through the epilogue to C.
@inline(__always)
private func store<E: GEMMEpilogue>(
  _ sums: UnsafePointer<Float>, _ block: GEMMBlock, _ rows: Range<Int>, _ epilogue: E
) {
  for row in rows {
    let source = sums + (row - rows.lowerBound) * side
    let target = block.c + row * block.ldc
    let epilogue = epilogue.moved(rows: row, columns: 0)
    var column = 0
    while column + Native.count <= block.n {
      let value = epilogue.moved(rows: 0, columns: column)
        .apply(Native.load(source + column), Native.self)
      Native.store(value, target + column)
      column += Native.count
    }
    if column < block.n {
      let value = epilogue.moved(rows: 0, columns: column)
        .apply(Native.Half.load(source + column), Native.Half.self)
      Native.Half.store(value, target + column)
    }
  }
}
