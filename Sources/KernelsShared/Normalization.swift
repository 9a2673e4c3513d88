import Kernels

@inline(never)
func squares(_ squares: ChannelSquares) {
  forEachVector(of: squares.channels, Native.self, squares)
}

@inline(never)
func products(_ products: ChannelProducts) {
  forEachVector(of: products.channels, Native.self, products)
}

@inline(never)
func scale(_ scale: ChannelScale) {
  forEachVector(of: scale.channels, Native.self, scale)
}

@inline(never)
func normalize(_ normalize: Normalize) {
  forEachVector(of: normalize.channels, Native.self, normalize)
}

@inline(never)
func normalizeGradient(_ gradient: NormalizeGradient) {
  forEachVector(of: gradient.channels, Native.self, gradient)
}

@inline(never)
func combine(_ combination: LinearCombination) {
  forEachVector(of: combination.channels, Native.self, combination)
}
