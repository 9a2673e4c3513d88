import Kernels

func winogradInput(_ tile: WinogradInput) {
  switch tile.form {
  case .four: input4(tile)
  case .six: input6(tile)
  case .fourStrided: inputStrided(tile)
  }
}

func winogradOutput(_ tile: WinogradOutput) {
  switch tile.form {
  case .four: output4(tile)
  case .six: output6(tile)
  case .fourStrided: outputStrided(tile)
  }
}

@inline(never)
private func input4(_ tile: WinogradInput) {
  transformInput(tile, FourOutputs.self, Lanes8.self)
}

@inline(never)
private func input6(_ tile: WinogradInput) {
  transformInput(tile, SixOutputs.self, Lanes8.self)
}

@inline(never)
private func inputStrided(_ tile: WinogradInput) {
  transformInput(tile, FourStridedOutputs.self, Lanes8.self)
}

@inline(never)
private func output4(_ tile: WinogradOutput) {
  transformOutput(tile, FourOutputs.self, Lanes8.self)
}

@inline(never)
private func output6(_ tile: WinogradOutput) {
  transformOutput(tile, SixOutputs.self, Lanes8.self)
}

@inline(never)
private func outputStrided(_ tile: WinogradOutput) {
  transformOutput(tile, FourStridedOutputs.self, Lanes8.self)
}
