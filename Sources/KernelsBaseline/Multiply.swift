import Kernels

// 16 registers of 128 bits: a tile of 6 × 8 takes 12 of them.
func multiply(_ p: MatrixProduct, _ width: Int) {
  multiplyColumns(Beside<OneVector<Lanes4>, OneVector<Lanes4>>.self, Lanes4.self, maximumRows: 6, p)
}
