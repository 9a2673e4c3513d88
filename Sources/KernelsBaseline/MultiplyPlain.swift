import Kernels

// Tiles as in Multiply.swift.
@inline(never)
private func multiply8(_ p: PlainProduct) {
  multiplyPlainColumns(Beside<OneVector<Lanes4>, OneVector<Lanes4>>.self, maximumRows: 6, p)
}

func multiplyPlain(_ p: PlainProduct, _ width: Int) { multiply8(p) }
