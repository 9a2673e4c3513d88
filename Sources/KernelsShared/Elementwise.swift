import Kernels

@inline(never)
func epilogue(_ epilogue: Epilogue) {
  forEachVector(of: epilogue.channels, Native.self, epilogue)
}

@inline(never)
func sum(_ sum: ChannelSum) {
  forEachVector(of: sum.channels, Native.self, sum)
}

@inline(never)
func registerLoop(_ loop: RegisterLoop) {
  loop.run(Native.self)
}

@inline(never)
func streamLoop(_ loop: StreamLoop) {
  loop.run(Native.self)
}
