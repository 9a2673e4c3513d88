import Kernels

/// x86-64-v4: 16 floats at a time.
typealias Native = Lanes16
var instructionSet: String { "avx512" }

// 32 registers of 512 bits: a tile of 8 × 48 takes 24 and leaves room for one row of B and one
// value of A. Odd multiples of 8 columns end in a half vector.
var mr: Int { 8 }
var nr: Int { 48 }

private typealias V = OneVector<Lanes16>
private typealias H = OneVector<Lanes8>

@inline(never)
private func gemm8<E: GEMMEpilogue>(_ block: GEMMBlock, _: E.Type) {
  multiplyTiles(block, H.self, mr: mr, E.self, Native.self)
}

@inline(never)
private func gemm16<E: GEMMEpilogue>(_ block: GEMMBlock, _: E.Type) {
  multiplyTiles(block, V.self, mr: mr, E.self, Native.self)
}

@inline(never)
private func gemm24<E: GEMMEpilogue>(_ block: GEMMBlock, _: E.Type) {
  multiplyTiles(block, Beside<V, H>.self, mr: mr, E.self, Native.self)
}

@inline(never)
private func gemm32<E: GEMMEpilogue>(_ block: GEMMBlock, _: E.Type) {
  multiplyTiles(block, Beside<V, V>.self, mr: mr, E.self, Native.self)
}

@inline(never)
private func gemm40<E: GEMMEpilogue>(_ block: GEMMBlock, _: E.Type) {
  multiplyTiles(block, Beside<Beside<V, V>, H>.self, mr: mr, E.self, Native.self)
}

@inline(never)
private func gemm48<E: GEMMEpilogue>(_ block: GEMMBlock, _: E.Type) {
  multiplyTiles(block, Beside<Beside<V, V>, V>.self, mr: mr, E.self, Native.self)
}

@inline(__always)
private func gemm<E: GEMMEpilogue>(_ block: GEMMBlock, _: E.Type) {
  switch block.n {
  case 8: gemm8(block, E.self)
  case 16: gemm16(block, E.self)
  case 24: gemm24(block, E.self)
  case 32: gemm32(block, E.self)
  case 40: gemm40(block, E.self)
  default: gemm48(block, E.self)
  }
}

func gemm(_ block: GEMMBlock) {
  block.isPlain ? gemm(block, NoEpilogue.self) : gemm(block, ClampEpilogue.self)
}
