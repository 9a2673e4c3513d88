import Kernels

// Tiles as in Multiply.swift.
private typealias V = OneVector<Lanes8>

@inline(never)
private func multiply8(_ p: PlainProduct) {
  multiplyPlainColumns(V.self, maximumRows: 8, p)
}

@inline(never)
private func multiply16(_ p: PlainProduct) {
  multiplyPlainColumns(Beside<V, V>.self, maximumRows: 6, p)
}

func multiplyPlain(_ p: PlainProduct, _ width: Int) {
  switch width {
  case 8: multiply8(p)
  default: multiply16(p)
  }
}
