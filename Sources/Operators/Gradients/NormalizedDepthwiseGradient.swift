import Kernels

/// The backward pass of batch norm and activation, then a depthwise convolution, in one pass over the kept
/// map z: the gradients of the convolution's weights and of batch norm's output, and the latter's sums.
///
/// Parts of the activation and of its gradient stay in scratch memory in the L2 cache.
package struct NormalizedDepthwiseGradient: Sendable {
  private let geometry: ConvolutionGeometry
  private let nonlinearity: Nonlinearity
  private let kernels: KernelTable
  private let scatter: ScatteredDepthwise
  private let weights: DepthwiseWeightGradient
  private let partition: DepthwisePartition

  /// - Parameter nonlinearity: That between batch norm and the convolution.
  package init(
    _ layer: ConvolutionLayer, after nonlinearity: Nonlinearity, kernels: KernelTable
  ) {
    geometry = layer.geometry
    (self.nonlinearity, self.kernels) = (nonlinearity, kernels)
    scatter = ScatteredDepthwise(layer, kernels: kernels)
    weights = DepthwiseWeightGradient(layer, kernels: kernels)
    // 192 KiB of the activation, as much of z and of what is written, and more of the output's gradient.
    partition = DepthwisePartition(
      rows: geometry.inputHeight, width: geometry.inputWidth, stride: geometry.inputStride,
      floats: 49_152)
  }

  package var packedCount: Int { scatter.packedCount }

  /// Packs the convolution's weights into `packedCount` zeroed floats.
  package func pack(_ filter: ConvolutionFilter, into packed: UnsafeMutablePointer<Float>) {
    scatter.pack(filter, layer: 0, into: packed)
  }

  private var stripRows: Int { (geometry.inputHeight + partition.strips - 1) / partition.strips }
  private var partCount: Int { stripRows * geometry.inputWidth * partition.widest }

  package var scratchCount: Int {
    partCount
      + max(
        scatter.scratchCount(rows: stripRows, channels: partition.widest), 2 * partition.widest)
  }

  /// The memory of a run for one image.
  package struct Memory {
    /// What batch norm reads, and its mean, factor and offset for each channel.
    package var z: KeptMap
    package var mean: UnsafePointer<Float>
    package var scale: UnsafePointer<Float>
    package var shift: UnsafePointer<Float>
    /// The gradient of the convolution's output.
    package var outputGradient: UnsafePointer<Float>
    /// Receives the gradient of batch norm's output; kept as `z` is.
    package var slope: KeptMap
    /// The memory that `pack` filled.
    package var packed: UnsafePointer<Float>
    /// The sums of the slope, then of its products with z − mean: a vector of channels each.
    package var sums: UnsafeMutablePointer<Float>
    /// The sums of a `DepthwiseWeightGradient`, to which the run adds.
    package var weightSums: UnsafeMutablePointer<Float>
    /// `scratchCount` floats.
    package var scratch: UnsafeMutablePointer<Float>
    /// Called after each stage.
    package var lap: (GradientStage) -> Void

    package init(
      z: KeptMap, mean: UnsafePointer<Float>, scale: UnsafePointer<Float>,
      shift: UnsafePointer<Float>, outputGradient: UnsafePointer<Float>, slope: KeptMap,
      packed: UnsafePointer<Float>, sums: UnsafeMutablePointer<Float>,
      weightSums: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>,
      lap: @escaping (GradientStage) -> Void
    ) {
      (self.z, self.mean, self.scale, self.shift) = (z, mean, scale, shift)
      (self.outputGradient, self.slope, self.packed) = (outputGradient, slope, packed)
      (self.sums, self.weightSums, self.scratch, self.lap) = (sums, weightSums, scratch, lap)
    }
  }

  /// Runs for one image.
  package func run(_ memory: Memory) {
    memory.sums.update(repeating: 0, count: 2 * geometry.inputStride)
    for strip in 0..<partition.strips {
      let rows = evenRange(strip, of: partition.strips, total: geometry.inputHeight)
      for channels in partition.blocks { run(rows, channels, memory) }
    }
  }

  private func run(_ rows: Range<Int>, _ channels: Range<Int>, _ memory: Memory) {
    let (width, stride, first) = (geometry.inputWidth, geometry.inputStride, channels.lowerBound)
    let place = rows.lowerBound * width * stride + first
    // First the activation, then its gradient.
    let part = memory.scratch
    let step = part + partCount
    kernels.training.normalize(
      Normalize(
        rows: rows.count * width, channels: channels.count, z: memory.z + place, zStride: stride,
        scale: memory.scale + first, shift: memory.shift + first, nonlinearity: nonlinearity,
        residual: nil, residualStride: 0, out: part, outStride: channels.count))
    memory.lap(.recomputation)
    weights.add(
      rows: rows, channels: channels, part, outputRows: scatter.outputRows(rows),
      outputGradient: memory.outputGradient, to: memory.weightSums)
    memory.lap(.weightGradient)
    scatter.run(
      rows: rows, channels: channels,
      OperatorMemory(
        input: memory.outputGradient, output: part, packed: memory.packed, scratch: step))
    memory.lap(.inputGradient)
    kernels.training.normalizeGradient(
      NormalizeGradient(
        rows: rows.count * width, channels: channels.count, gradient: part,
        gradientStride: channels.count, z: memory.z + place, zStride: stride,
        scale: memory.scale + first, shift: memory.shift + first, mean: memory.mean + first,
        nonlinearity: nonlinearity, out: memory.slope + place, outStride: stride, sums: step,
        products: step + channels.count))
    for channel in 0..<channels.count {
      memory.sums[first + channel] += step[channel]
      memory.sums[stride + first + channel] += step[channels.count + channel]
    }
    memory.lap(.normalizationGradient)
  }
}
