import Kernels

/// x86-64-v3: 8 floats at a time.
typealias Native = Lanes8
var instructionSet: String { "avx2" }

// 16 registers of 256 bits: tiles of 6 × 16, or 8 × 8, leave room for one row of B and one value
// of A.
var mr: Int { 6 }
var nr: Int { 16 }

@inline(never)
private func multiply8<P: DotProduct, E: GEMMEpilogue>(_ block: GEMMBlock, _: P.Type, _: E.Type) {
  multiplyTiles(block, OneVector<P>.self, mr: 8, E.self, Native.self)
}

@inline(never)
private func multiply16<P: DotProduct, E: GEMMEpilogue>(_ block: GEMMBlock, _: P.Type, _: E.Type) {
  multiplyTiles(
    block, Beside<OneVector<P>, OneVector<P>>.self, mr: mr, E.self, Native.self)
}

@inline(__always)
func multiply<P: DotProduct, E: GEMMEpilogue>(_ block: GEMMBlock, _: P.Type, _: E.Type) {
  switch block.n {
  case 8: multiply8(block, P.self, E.self)
  default: multiply16(block, P.self, E.self)
  }
}

@inline(never)
private func accumulate8<P: DotProduct>(_ block: WeightGradientBlock, _: P.Type) {
  accumulateTiles(block, OneVector<P>.self, mr: 8)
}

@inline(never)
private func accumulate16<P: DotProduct>(_ block: WeightGradientBlock, _: P.Type) {
  accumulateTiles(block, Beside<OneVector<P>, OneVector<P>>.self, mr: mr)
}

@inline(__always)
func accumulate<P: DotProduct>(_ block: WeightGradientBlock, _: P.Type) {
  switch block.n {
  case 8: accumulate8(block, P.self)
  default: accumulate16(block, P.self)
  }
}
