import Kernels

// Tiles as in Multiply.swift.
private typealias V = OneVector<Lanes16>
private typealias H = OneVector<Lanes8>

@inline(never)
private func multiply8(_ p: PlainProduct) {
  multiplyPlainColumns(H.self, maximumRows: 8, p)
}

@inline(never)
private func multiply16(_ p: PlainProduct) {
  multiplyPlainColumns(V.self, maximumRows: 8, p)
}

@inline(never)
private func multiply24(_ p: PlainProduct) {
  multiplyPlainColumns(Beside<V, H>.self, maximumRows: 8, p)
}

@inline(never)
private func multiply32(_ p: PlainProduct) {
  multiplyPlainColumns(Beside<V, V>.self, maximumRows: 8, p)
}

@inline(never)
private func multiply40(_ p: PlainProduct) {
  multiplyPlainColumns(Beside<Beside<V, V>, H>.self, maximumRows: 8, p)
}

@inline(never)
private func multiply48(_ p: PlainProduct) {
  multiplyPlainColumns(Beside<Beside<V, V>, V>.self, maximumRows: 8, p)
}

func multiplyPlain(_ p: PlainProduct, _ width: Int) {
  switch width {
  case 8: multiply8(p)
  case 16: multiply16(p)
  case 24: multiply24(p)
  case 32: multiply32(p)
  case 40: multiply40(p)
  default: multiply48(p)
  }
}
