import Kernels

@inline(never)
func depthwise3Stride1(_ row: DepthwiseRow) {
  forEachVector(
    of: row.channels, Lanes8.self, ShapedDepthwiseRow(row, Side3Stride1()))
}

@inline(never)
func depthwise3Stride2(_ row: DepthwiseRow) {
  forEachVector(
    of: row.channels, Lanes8.self, ShapedDepthwiseRow(row, Side3Stride2()))
}

@inline(never)
func depthwise5Stride1(_ row: DepthwiseRow) {
  forEachVector(
    of: row.channels, Lanes8.self, ShapedDepthwiseRow(row, Side5Stride1()))
}

@inline(never)
func depthwise5Stride2(_ row: DepthwiseRow) {
  forEachVector(
    of: row.channels, Lanes8.self, ShapedDepthwiseRow(row, Side5Stride2()))
}

@inline(never)
func depthwiseAny(_ row: DepthwiseRow) {
  forEachVector(of: row.channels, Lanes8.self, ShapedDepthwiseRow(row, AnyDepthwiseShape(row)))
}

func depthwise(_ row: DepthwiseRow) {
  switch (row.side, row.stride) {
  case (3, 1): depthwise3Stride1(row)
  case (3, 2): depthwise3Stride2(row)
  case (5, 1): depthwise5Stride1(row)
  case (5, 2): depthwise5Stride2(row)
  default: depthwiseAny(row)
  }
}
