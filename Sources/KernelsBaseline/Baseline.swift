import Kernels

/// The instructions that every processor of this architecture has: 4 floats at a time.
typealias Native = Lanes4
var instructionSet: String { "baseline" }

// 16 registers of 128 bits: a tile of 6 × 8 takes 12.
var mr: Int { 6 }
var nr: Int { 8 }

private typealias V = OneVector<Lanes4>

@inline(never)
private func gemm<E: GEMMEpilogue>(_ block: GEMMBlock, _: E.Type) {
  multiplyTiles(block, Beside<V, V>.self, mr: mr, E.self, Native.self)
}

func gemm(_ block: GEMMBlock) {
  block.isPlain ? gemm(block, NoEpilogue.self) : gemm(block, ClampEpilogue.self)
}
