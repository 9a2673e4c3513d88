import CLanes
import Kernels

/// Intel AMX: products of tiles, with over ten times as many multiply-adds per cycle as FMA.
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
    convert: roundPanel, run: multiplyBF16)
}

/// The GEMM with operands split into two bf16.
public func bf16x3Kernel() -> GEMMKernel {
  GEMMKernel(
    elementType: "bf16x3", elementsPerWord: 2, mr: side, nr: side, depthUnit: tileSide, terms: 2,
    convert: splitPanel, run: multiplySplit)
}

/// The GEMM in int8.
public func int8Kernel() -> GEMMKernel {
  GEMMKernel(
    elementType: "int8", elementsPerWord: 4, mr: side, nr: side, depthUnit: tileSide,
    convert: quantizePanel, run: multiplyInt8)
}

@inline(never)
private func roundPanel(_ panel: Panel) { convert(panel, RoundRow.self, Native.self) }

@inline(never)
private func splitPanel(_ panel: Panel) { convert(panel, SplitRow.self, Native.self) }

@inline(never)
private func quantizePanel(_ panel: Panel) { convert(panel, QuantizeRowTo8.self, Native.self) }

@inline(never)
private func multiplyBF16(_ block: GEMMBlock) {
  block.nonlinearity.accept(Product<FloatSums>(block: block, format: .bf16))
}

@inline(never)
private func multiplySplit(_ block: GEMMBlock) {
  block.nonlinearity.accept(Product<FloatSums>(block: block, format: .split))
}

@inline(never)
private func multiplyInt8(_ block: GEMMBlock) {
  block.nonlinearity.accept(Product<IntegerSums>(block: block, format: .int8))
}

/// What the words of tiles hold.
private enum Format { case bf16, split, int8 }

/// The products of the top and bottom tile of A and the left and right one of B.
private enum Place { case topLeft, topRight, bottomLeft, bottomRight }

@inline(__always)
private func dot(_ place: Place, _ format: Format) {
  let isInt8 = format == .int8
  switch place {
  case .topLeft: isInt8 ? clanes_tile_bytes_top_left() : clanes_tile_bf16_top_left()
  case .topRight: isInt8 ? clanes_tile_bytes_top_right() : clanes_tile_bf16_top_right()
  case .bottomLeft: isInt8 ? clanes_tile_bytes_bottom_left() : clanes_tile_bf16_bottom_left()
  case .bottomRight: isInt8 ? clanes_tile_bytes_bottom_right() : clanes_tile_bf16_bottom_right()
  }
}

/// A block, 32 rows at a time.
///
/// The tile unit works beside the vector units, so while it multiplies, the sums of the 32 rows before
/// go through the epilogue, a few at each step along K.
private struct Product<S: SumConversion>: NonlinearityVisitor {
  let block: GEMMBlock
  let format: Format

  @inline(__always)
  func visit<F: NonlinearityFunction>(_: F.Type) {
    let steps = block.segments * (block.k / tileSide) / (format == .split ? 2 : 1)
    var epilogue = TileEpilogue<S, F>(block, rowsPerStep: (side + steps - 1) / max(steps, 1))
    var configured = 0
    var row = 0
    while row < block.m {
      let rows = min(side, block.m - row)
      if rows != configured {
        clanes_tiles_begin(rows, block.n)
        configured = rows
      }
      clanes_tiles_zero()
      let a = block.a + row * block.lda
      if format == .split {
        multiplyParts(a, twoRows: rows > tileSide, &epilogue)
      } else {
        multiplySegments(a, twoRows: rows > tileSide, &epilogue)
      }
      epilogue.finish()
      store(block.c + row * block.ldc, twoRows: rows > tileSide)
      epilogue.begin(row..<row + rows)
      row += rows
    }
    clanes_tiles_end()
    epilogue.finish()
  }

  private var twoColumns: Bool { block.n > tileSide }

  @inline(__always)
  private func multiplySegments<F: NonlinearityFunction>(
    _ a: UnsafePointer<Float>, twoRows: Bool, _ epilogue: inout TileEpilogue<S, F>
  ) {
    var segment = a
    var b = block.b
    for _ in 0..<block.segments {
      var a = segment
      for _ in 0..<block.k / tileSide {
        clanes_tile_load_top(a, block.lda)
        clanes_tile_load_left(b, block.n)
        dot(.topLeft, format)
        if twoRows {
          clanes_tile_load_bottom(a + tileSide * block.lda, block.lda)
          dot(.bottomLeft, format)
        }
        if twoColumns {
          clanes_tile_load_right(b + tileSide, block.n)
          dot(.topRight, format)
          if twoRows { dot(.bottomRight, format) }
        }
        a += tileSide
        b += tileSide * block.n
        epilogue.advance()
      }
      segment += block.segmentStride
    }
  }

  /// Low × high, high × high and high × low parts; low × low is below the rounding of f32.
  @inline(__always)
  private func multiplyParts<F: NonlinearityFunction>(
    _ a: UnsafePointer<Float>, twoRows: Bool, _ epilogue: inout TileEpilogue<S, F>
  ) {
    let depth = block.k / 2
    for step in 0..<depth / tileSide {
      let high = a + step * tileSide
      let low = high + depth
      let weights = block.b + step * tileSide * block.n
      let lowWeights = weights + depth * block.n
      clanes_tile_load_top(low, block.lda)
      clanes_tile_load_left(weights, block.n)
      dot(.topLeft, .bf16)
      if twoRows {
        clanes_tile_load_bottom(low + tileSide * block.lda, block.lda)
        dot(.bottomLeft, .bf16)
      }
      if twoColumns {
        clanes_tile_load_right(weights + tileSide, block.n)
        dot(.topRight, .bf16)
        if twoRows { dot(.bottomRight, .bf16) }
      }
      clanes_tile_load_top(high, block.lda)
      dot(.topLeft, .bf16)
      if twoColumns { dot(.topRight, .bf16) }
      if twoRows {
        clanes_tile_load_bottom(high + tileSide * block.lda, block.lda)
        dot(.bottomLeft, .bf16)
        if twoColumns { dot(.bottomRight, .bf16) }
      }
      clanes_tile_load_left(lowWeights, block.n)
      dot(.topLeft, .bf16)
      if twoRows { dot(.bottomLeft, .bf16) }
      if twoColumns {
        clanes_tile_load_right(lowWeights + tileSide, block.n)
        dot(.topRight, .bf16)
        if twoRows { dot(.bottomRight, .bf16) }
      }
      epilogue.advance()
    }
  }

  @inline(__always)
  private func store(_ c: UnsafeMutablePointer<Float>, twoRows: Bool) {
    let bottom = c + tileSide * block.ldc
    clanes_tile_store_top_left(c, block.ldc)
    if twoColumns { clanes_tile_store_top_right(c + tileSide, block.ldc) }
    if twoRows { clanes_tile_store_bottom_left(bottom, block.ldc) }
    if twoRows && twoColumns { clanes_tile_store_bottom_right(bottom + tileSide, block.ldc) }
  }
}
