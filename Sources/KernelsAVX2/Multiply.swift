import Kernels

// 16 registers of 256 bits: tiles of 6 × 16 leave room for one row of B and one value of A.
private typealias V = OneVector<Lanes8>

@inline(never)
func multiply8(_ p: MatrixProduct) {
  multiplyColumns(V.self, Lanes8.self, maximumRows: 8, p)
}

@inline(never)
func multiply16(_ p: MatrixProduct) {
  multiplyColumns(Beside<V, V>.self, Lanes8.self, maximumRows: 6, p)
}

func multiply(_ p: MatrixProduct, _ width: Int) {
  width == 8 ? multiply8(p) : multiply16(p)
}
