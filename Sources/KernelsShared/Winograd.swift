import Kernels

func winogradInput(_ tile: WinogradInput) {
  switch tile.variant {
  case .four: input4(tile)
  case .six: input6(tile)
  case .fourStrided: inputStrided(tile)
  }
}

func winogradOutput(_ tile: WinogradOutput) {
  switch tile.variant {
  case .four: output4(tile)
  case .six: output6(tile)
  case .fourStrided: outputStrided(tile)
  }
}

@inline(never)
private func input4(_ tile: WinogradInput) {
  transformInput(tile, FourOutputs.self, Native.self)
}

@inline(never)
private func input6(_ tile: WinogradInput) {
  transformInput(tile, SixOutputs.self, Native.self)
}

@inline(never)
private func inputStrided(_ tile: WinogradInput) {
  transformInput(tile, FourStridedOutputs.self, Native.self)
}

@inline(never)
private func output4(_ tile: WinogradOutput) {
  transformOutput(tile, FourOutputs.self, Native.self)
}

@inline(never)
private func output6(_ tile: WinogradOutput) {
  transformOutput(tile, SixOutputs.self, Native.self)
}

@inline(never)
private func outputStrided(_ tile: WinogradOutput) {
  transformOutput(tile, FourStridedOutputs.self, Native.self)
}

@inline(never)
func winogradGradient(_ tile: WinogradInput) {
  transformGradient(tile, Native.self)
}

@inline(never)
func winogradFilterGradient(_ square: WinogradInput) {
  transformFilterGradient(square, Native.self)
}
