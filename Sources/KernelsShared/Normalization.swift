import Kernels

@inline(never)
func keep(_ keep: KeptSum) {
  forEachLongRun(of: keep.channels, Native.self, keep)
}

@inline(never)
func squares(_ squares: ChannelSquares) {
  forEachLongRun(of: squares.channels, Native.self, squares)
}

@inline(never)
func products(_ products: ChannelProducts) {
  forEachLongRun(of: products.channels, Native.self, products)
}

@inline(never)
func scale(_ scale: ChannelScale) {
  forEachLongRun(of: scale.channels, Native.self, scale)
}

@inline(never)
func normalize(_ normalize: Normalize) {
  forEachLongRun(of: normalize.channels, Native.self, normalize)
}

@inline(never)
func normalizeGradient(_ gradient: NormalizeGradient) {
  forEachPair(of: gradient.channels, Native.self, gradient)
}

@inline(never)
func combine(_ combination: LinearCombination) {
  forEachLongRun(of: combination.channels, Native.self, combination)
}
