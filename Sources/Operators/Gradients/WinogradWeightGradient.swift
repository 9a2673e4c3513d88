import Kernels

/// The gradient of a 3×3 convolution's weights by Winograd's method, F(4×4, 3×3) (Lavin & Gray 2016,
/// arXiv 1509.09308).
///
/// Each tile's input and gradient are transformed to 36 elements, whose products are summed over all
/// tiles, a quarter of the direct method's; the sums are transformed to the filter's gradient.
struct WinogradWeightGradient: WeightGradient {
  private let geometry: ConvolutionGeometry
  private let kernels: KernelTable
  private let layout: WeightGradientLayout
  /// The blocks of input channels.
  private let blocks: ColumnBlocks
  /// Groups of output channels, whose elements stay in the L2 cache.
  private let groups: Int
  private let across: Int
  private let down: Int

  private static let variant = WinogradVariant.four
  private static let elements = 36
  /// The most tiles that are multiplied at a time.
  private static let panelTiles = 64
  private static let groupChannels = 64

  /// `nil` for other convolutions than 3×3 with stride 1, and for maps so small that the last transform
  /// outweighs what the products gain.
  init?(_ layer: ConvolutionLayer, kernels: KernelTable) {
    let geometry = layer.geometry
    let side = Self.variant.outputs
    (across, down) = (
      (geometry.outputWidth + side - 1) / side, (geometry.outputHeight + side - 1) / side
    )
    guard
      layer.kind == .convolution && geometry.kernel == 3 && geometry.stride == 1
        && geometry.inputStride % 8 == 0 && across * down >= 9
    else { return nil }
    (self.geometry, self.kernels) = (geometry, kernels)
    layout = WeightGradientLayout(geometry)
    blocks = ColumnBlocks(geometry.inputStride, widest: kernels.gemm.nr, lanes: kernels.lanes)
    groups = (geometry.outputStride + Self.groupChannels - 1) / Self.groupChannels
  }

  var multiplyAdds: Int? {
    Self.elements * across * down * geometry.inputStride * geometry.outputStride
  }

  var sumCount: Int { layout.count }

  // The extra cache line keeps the elements of a tile out of the same cache set.
  private var inputElement: Int { Self.panelTiles * geometry.inputStride + 16 }
  private var gradientElement: Int { Self.panelTiles * Self.groupChannels + 16 }

  /// The output channels of a group.
  private func outputs(_ group: Int) -> Range<Int> {
    let vectors = evenRange(group, of: groups, total: geometry.outputStride / 8)
    return 8 * vectors.lowerBound..<8 * vectors.upperBound
  }

  private var inputPatch: MapPatch {
    MapPatch(
      height: geometry.inputHeight, width: geometry.inputWidth, stride: geometry.inputStride,
      size: Self.variant.inputs)
  }

  private var gradientPatch: MapPatch {
    MapPatch(
      height: geometry.outputHeight, width: geometry.outputWidth, stride: geometry.outputStride,
      size: Self.variant.outputs)
  }

  /// The parts of the scratch memory.
  private struct Scratch {
    /// 81 vectors.
    let vectors: UnsafeMutablePointer<Float>
    let patch: UnsafeMutablePointer<Float>
    /// The elements of a panel's tiles, `[element][tile][channel]`.
    let inputs: UnsafeMutablePointer<Float>
    let gradients: UnsafeMutablePointer<Float>
    /// The sums, `[group][element][output][input]`.
    let products: UnsafeMutablePointer<Float>
  }

  private var patchCount: Int { max(inputPatch.count, gradientPatch.count) }

  var scratchCount: Int {
    81 * 16 + patchCount
      + Self.elements
      * (inputElement + gradientElement + geometry.inputStride * geometry.outputStride)
  }

  private func divide(_ scratch: UnsafeMutablePointer<Float>) -> Scratch {
    let patch = scratch + 81 * 16
    let inputs = patch + patchCount
    let gradients = inputs + Self.elements * inputElement
    return Scratch(
      vectors: scratch, patch: patch, inputs: inputs, gradients: gradients,
      products: gradients + Self.elements * gradientElement)
  }

  /// Images that have their own sums: enough for two threads, and for more if the sums stay in the
  /// cache.
  func partCount(batch: Int) -> Int { min(batch, max(4, min(16, (1 << 19) / layout.count))) }

  func taskCount(batch: Int) -> Int { partCount(batch: batch) }

  func run(task: Int, batch: Int, _ memory: WeightGradientMemory) {
    let images = evenRange(task, of: partCount(batch: batch), total: batch)
    var part = memory
    part.input += images.lowerBound * geometry.inputCount
    part.outputGradient += images.lowerBound * geometry.outputCount
    part.partials += task * layout.count
    runWhole(batch: images.count, part)
  }

  func runWhole(batch: Int, _ memory: WeightGradientMemory) {
    let scratch = divide(memory.scratch)
    let tiles = batch * across * down
    let panels = (tiles + Self.panelTiles - 1) / Self.panelTiles
    for panel in 0..<panels {
      let tiles = evenRange(panel, of: panels, total: tiles)
      transformInputs(tiles, memory.input, scratch)
      for group in 0..<groups {
        let outputs = outputs(group)
        transformGradients(tiles, outputs, memory.outputGradient, scratch)
        multiply(tiles.count, outputs, accumulates: panel > 0, scratch)
        if panel == panels - 1 { transformSums(outputs, scratch, into: memory.partials) }
      }
    }
  }

  /// The image of a tile and its place there.
  private func place(_ tile: Int) -> (image: Int, row: Int, column: Int) {
    (tile / (across * down), tile % (across * down) / across, tile % across)
  }

  private func transformInputs(
    _ tiles: Range<Int>, _ input: UnsafePointer<Float>, _ scratch: Scratch
  ) {
    let side = Self.variant.outputs
    for (index, tile) in tiles.enumerated() {
      let (image, row, column) = place(tile)
      let (x, rowStride) = inputPatch.square(
        top: row * side - geometry.paddingTop, left: column * side - geometry.paddingLeft,
        of: input + image * geometry.inputCount, channels: geometry.inputStride,
        copy: scratch.patch)
      kernels.winogradInput(
        WinogradInput(
          variant: Self.variant, channels: geometry.inputStride, x: x, rowStride: rowStride,
          positionStride: geometry.inputStride, out: scratch.inputs + index * geometry.inputStride,
          elementStride: inputElement, scratch: scratch.vectors))
    }
  }

  private func transformGradients(
    _ tiles: Range<Int>, _ channels: Range<Int>, _ gradient: UnsafePointer<Float>,
    _ scratch: Scratch
  ) {
    let side = Self.variant.outputs
    for (index, tile) in tiles.enumerated() {
      let (image, row, column) = place(tile)
      let (x, rowStride) = gradientPatch.square(
        top: row * side, left: column * side,
        of: gradient + image * geometry.outputCount + channels.lowerBound,
        channels: channels.count, copy: scratch.patch)
      kernels.training.winogradGradient(
        WinogradInput(
          variant: Self.variant, channels: channels.count, x: x, rowStride: rowStride,
          positionStride: geometry.outputStride, out: scratch.gradients + index * channels.count,
          elementStride: gradientElement, scratch: scratch.vectors))
    }
  }

  /// A group's sums.
  private func products(_ outputs: Range<Int>, _ scratch: Scratch) -> UnsafeMutablePointer<Float> {
    scratch.products + Self.elements * geometry.inputStride * outputs.lowerBound
  }

  private func multiply(
    _ tiles: Int, _ outputs: Range<Int>, accumulates: Bool, _ scratch: Scratch
  ) {
    let inputs = geometry.inputStride
    for element in 0..<Self.elements {
      for block in 0..<blocks.count {
        let columns = blocks[block]
        kernels.training.weightGradient(
          WeightGradientBlock(
            m: tiles, k: outputs.count, n: columns.count,
            a: scratch.gradients + element * gradientElement, lda: outputs.count,
            b: scratch.inputs + element * inputElement + columns.lowerBound, ldb: inputs,
            c: products(outputs, scratch) + element * outputs.count * inputs + columns.lowerBound,
            ldc: inputs, accumulates: accumulates))
      }
    }
  }

  private func transformSums(
    _ outputs: Range<Int>, _ scratch: Scratch, into sums: UnsafeMutablePointer<Float>
  ) {
    let inputs = geometry.inputStride
    let element = outputs.count * inputs
    for (index, output) in outputs.enumerated() where output < geometry.outputChannels {
      kernels.training.winogradFilterGradient(
        WinogradInput(
          variant: Self.variant, channels: inputs,
          x: products(outputs, scratch) + index * inputs,
          rowStride: Self.variant.inputs * element, positionStride: element,
          out: sums + layout.offset(kernelRow: 0, row: output), elementStride: inputs,
          scratch: scratch.vectors))
    }
  }

  func reductionCount(parts: Int) -> Int { layout.reductionCount(parts: parts) }

  func reduce(
    task: Int, parts: Int, partials: UnsafePointer<Float>,
    into gradient: UnsafeMutablePointer<Float>
  ) {
    layout.reduce(task: task, parts: parts, partials: partials, into: gradient)
  }
}
