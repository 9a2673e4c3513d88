import Kernels

// 32 registers of 512 bits: a tile of 8 × 48 takes 24 and leaves room for one row of B and one
// value of A. Odd multiples of 8 columns end in a half vector.
private typealias V = OneVector<Lanes16>
private typealias H = OneVector<Lanes8>

@inline(never)
func multiply8(_ p: MatrixProduct) {
  multiplyColumns(H.self, Lanes8.self, maximumRows: 8, p)
}

@inline(never)
func multiply16(_ p: MatrixProduct) {
  multiplyColumns(V.self, Lanes16.self, maximumRows: 8, p)
}

@inline(never)
func multiply24(_ p: MatrixProduct) {
  multiplyColumns(Beside<V, H>.self, Lanes16.self, maximumRows: 8, p)
}

@inline(never)
func multiply32(_ p: MatrixProduct) {
  multiplyColumns(Beside<V, V>.self, Lanes16.self, maximumRows: 8, p)
}

@inline(never)
func multiply40(_ p: MatrixProduct) {
  multiplyColumns(Beside<Beside<V, V>, H>.self, Lanes16.self, maximumRows: 8, p)
}

@inline(never)
func multiply48(_ p: MatrixProduct) {
  multiplyColumns(Beside<Beside<V, V>, V>.self, Lanes16.self, maximumRows: 8, p)
}

func multiply(_ p: MatrixProduct, _ width: Int) {
  switch width {
  case 8: multiply8(p)
  case 16: multiply16(p)
  case 24: multiply24(p)
  case 32: multiply32(p)
  case 40: multiply40(p)
  default: multiply48(p)
  }
}
