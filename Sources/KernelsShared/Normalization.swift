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
  scale.run(Native.self)
}

@inline(never)
func normalize(_ normalize: Normalize) {
  normalize.run(Native.self)
}

@inline(never)
func normalizeGradient(_ gradient: NormalizeGradient) {
  forEachPair(of: gradient.channels, Native.self, gradient)
}

@inline(never)
func combine(_ combination: LinearCombination) {
  combination.run(Native.self)
}
