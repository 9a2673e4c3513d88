import Kernels

// Each kernel shape has its own function; with all of them in one, the compiler stops inlining.

@inline(never)
private func depthwise3Stride1(_ row: DepthwiseRow) {
  forEachVector(of: row.channels, Native.self, row.withKernel(side: 3, stride: 1))
}

@inline(never)
private func depthwise3Stride2(_ row: DepthwiseRow) {
  forEachVector(of: row.channels, Native.self, row.withKernel(side: 3, stride: 2))
}

@inline(never)
private func depthwise5Stride1(_ row: DepthwiseRow) {
  forEachVector(of: row.channels, Native.self, row.withKernel(side: 5, stride: 1))
}

@inline(never)
private func depthwise5Stride2(_ row: DepthwiseRow) {
  forEachVector(of: row.channels, Native.self, row.withKernel(side: 5, stride: 2))
}

@inline(never)
private func depthwiseAny(_ row: DepthwiseRow) {
  forEachVector(of: row.channels, Native.self, row)
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
