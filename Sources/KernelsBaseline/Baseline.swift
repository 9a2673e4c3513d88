import Kernels

/// The instructions that every processor of this architecture has: 4 floats at a time.
typealias Native = Lanes4
var instructionSet: String { "baseline" }

// 16 registers of 128 bits: a tile of 6 × 8 takes 12.
var mr: Int { 6 }
var nr: Int { 8 }

@inline(never)
func multiply<P: DotProduct, E: GEMMEpilogue>(_ block: GEMMBlock, _: P.Type, _: E.Type) {
  multiplyTiles(
    block, Beside<OneVector<P>, OneVector<P>>.self, mr: mr, E.self, Native.self)
}

@inline(never)
func accumulate<P: DotProduct>(_ block: WeightGradientBlock, _: P.Type) {
  accumulateTiles(block, Beside<OneVector<P>, OneVector<P>>.self, mr: mr)
}
