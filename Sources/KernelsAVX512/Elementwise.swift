import Kernels

@inline(never)
func finish(_ epilogue: Epilogue) {
  forEachVector(of: epilogue.channels, Lanes16.self, epilogue)
}

@inline(never)
func scale(_ scale: ChannelScale) {
  forEachVector(of: scale.channels, Lanes16.self, scale)
}

@inline(never)
func sum(_ sum: ChannelSum) {
  forEachVector(of: sum.channels, Lanes16.self, sum)
}

@inline(never)
func registerLoop(_ loop: RegisterLoop) {
  loop.run(Lanes16.self)
}

@inline(never)
func streamLoop(_ loop: StreamLoop) {
  loop.run(Lanes16.self)
}
