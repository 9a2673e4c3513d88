import Kernels

/// x86-64-v4: 16 floats at a time.
typealias Native = Lanes16
var instructionSet: String { "avx512" }

// 32 registers of 512 bits: a tile of 8 × 48 takes 24 and leaves room for one row of B and one
// value of A. Odd multiples of 8 columns end in a half vector.
var mr: Int { 8 }
var nr: Int { 48 }

private typealias V = OneVector
private typealias Two<P: DotProduct> = Beside<V<P>, V<P>>

@inline(never)
private func multiply8<P: DotProduct, E: GEMMEpilogue>(_ block: GEMMBlock, _: P.Type, _: E.Type) {
  multiplyTiles(block, V<P.Half>.self, mr: mr, E.self, Native.self)
}

@inline(never)
private func multiply16<P: DotProduct, E: GEMMEpilogue>(_ block: GEMMBlock, _: P.Type, _: E.Type) {
  multiplyTiles(block, V<P>.self, mr: 16, E.self, Native.self)
}

@inline(never)
private func multiply24<P: DotProduct, E: GEMMEpilogue>(_ block: GEMMBlock, _: P.Type, _: E.Type) {
  multiplyTiles(block, Beside<V<P>, V<P.Half>>.self, mr: mr, E.self, Native.self)
}

@inline(never)
private func multiply32<P: DotProduct, E: GEMMEpilogue>(_ block: GEMMBlock, _: P.Type, _: E.Type) {
  multiplyTiles(block, Two<P>.self, mr: mr, E.self, Native.self)
}

@inline(never)
private func multiply40<P: DotProduct, E: GEMMEpilogue>(_ block: GEMMBlock, _: P.Type, _: E.Type) {
  multiplyTiles(block, Beside<Two<P>, V<P.Half>>.self, mr: mr, E.self, Native.self)
}

@inline(never)
private func multiply48<P: DotProduct, E: GEMMEpilogue>(_ block: GEMMBlock, _: P.Type, _: E.Type) {
  multiplyTiles(block, Beside<Two<P>, V<P>>.self, mr: mr, E.self, Native.self)
}

@inline(__always)
func multiply<P: DotProduct, E: GEMMEpilogue>(_ block: GEMMBlock, _: P.Type, _: E.Type) {
  switch block.n {
  case 8: multiply8(block, P.self, E.self)
  case 16: multiply16(block, P.self, E.self)
  case 24: multiply24(block, P.self, E.self)
  case 32: multiply32(block, P.self, E.self)
  case 40: multiply40(block, P.self, E.self)
  default: multiply48(block, P.self, E.self)
  }
}

// The products with the first matrix transposed.

@inline(never)
private func accumulate8<P: DotProduct>(_ block: WeightGradientBlock, _: P.Type) {
  accumulateTiles(block, V<P.Half>.self, mr: mr)
}

@inline(never)
private func accumulate16<P: DotProduct>(_ block: WeightGradientBlock, _: P.Type) {
  accumulateTiles(block, V<P>.self, mr: mr)
}

@inline(never)
private func accumulate24<P: DotProduct>(_ block: WeightGradientBlock, _: P.Type) {
  accumulateTiles(block, Beside<V<P>, V<P.Half>>.self, mr: mr)
}

@inline(never)
private func accumulate32<P: DotProduct>(_ block: WeightGradientBlock, _: P.Type) {
  accumulateTiles(block, Two<P>.self, mr: mr)
}

@inline(never)
private func accumulate40<P: DotProduct>(_ block: WeightGradientBlock, _: P.Type) {
  accumulateTiles(block, Beside<Two<P>, V<P.Half>>.self, mr: mr)
}

@inline(never)
private func accumulate48<P: DotProduct>(_ block: WeightGradientBlock, _: P.Type) {
  accumulateTiles(block, Beside<Two<P>, V<P>>.self, mr: mr)
}

@inline(__always)
func accumulate<P: DotProduct>(_ block: WeightGradientBlock, _: P.Type) {
  switch block.n {
  case 8: accumulate8(block, P.self)
  case 16: accumulate16(block, P.self)
  case 24: accumulate24(block, P.self)
  case 32: accumulate32(block, P.self)
  case 40: accumulate40(block, P.self)
  default: accumulate48(block, P.self)
  }
}
