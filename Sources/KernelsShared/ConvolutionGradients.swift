import Kernels

func weightGradient(_ block: WeightGradientBlock) {
  accumulate(block, F32Product<Native>.self)
}

// Each kernel shape has its own function; with all of them in one, the compiler stops inlining.

@inline(never)
private func gradient3Stride1(_ strip: DepthwiseGradient) {
  forEachVector(of: strip.channels, Native.self, strip.withKernel(side: 3, stride: 1))
}

@inline(never)
private func gradient3Stride2(_ strip: DepthwiseGradient) {
  forEachVector(of: strip.channels, Native.self, strip.withKernel(side: 3, stride: 2))
}

@inline(never)
private func gradient5Stride1(_ strip: DepthwiseGradient) {
  forEachVector(of: strip.channels, Native.self, strip.withKernel(side: 5, stride: 1))
}

@inline(never)
private func gradient5Stride2(_ strip: DepthwiseGradient) {
  forEachVector(of: strip.channels, Native.self, strip.withKernel(side: 5, stride: 2))
}

@inline(never)
private func gradientAny(_ strip: DepthwiseGradient) {
  forEachVector(of: strip.channels, Native.self, strip)
}

func depthwiseGradient(_ strip: DepthwiseGradient) {
  switch (strip.side, strip.stride) {
  case (3, 1): gradient3Stride1(strip)
  case (3, 2): gradient3Stride2(strip)
  case (5, 1): gradient5Stride1(strip)
  case (5, 2): gradient5Stride2(strip)
  default: gradientAny(strip)
  }
}
