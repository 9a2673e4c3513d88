import Kernels

/// x86-64-v3: 8 floats at a time.
typealias Native = Lanes8
var instructionSet: String { "avx2" }

// 16 registers of 256 bits: tiles of 6 × 16, or 8 × 8, leave room for one row of B and one value
// of A.
var mr: Int { 6 }
var nr: Int { 16 }

private typealias V = OneVector<Lanes8>

@inline(never)
private func gemm8<E: GEMMEpilogue>(_ block: GEMMBlock, _: E.Type) {
  multiplyTiles(block, V.self, mr: 8, E.self, Native.self)
}

@inline(never)
private func gemm16<E: GEMMEpilogue>(_ block: GEMMBlock, _: E.Type) {
  multiplyTiles(block, Beside<V, V>.self, mr: mr, E.self, Native.self)
}

@inline(__always)
private func gemm<E: GEMMEpilogue>(_ block: GEMMBlock, _: E.Type) {
  switch block.n {
  case 8: gemm8(block, E.self)
  default: gemm16(block, E.self)
  }
}

func gemm(_ block: GEMMBlock) {
  block.isPlain ? gemm(block, NoEpilogue.self) : gemm(block, ClampEpilogue.self)
}
