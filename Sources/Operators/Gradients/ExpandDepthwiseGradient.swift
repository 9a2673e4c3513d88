import Kernels

/// The backward pass of an inverted bottleneck's first half: 1×1 expansion, batch norm and activation,
/// depthwise convolution.
///
/// The expanded map is the widest in the network. It is neither kept nor written: some rows of it are
/// computed again at a time, into scratch memory that stays in the L2 cache, together with the gradients
/// that pass through them. Batch norm is folded into the expansion, u = scale · (W x) + shift; what its
/// statistics add to the gradients follows from the narrow input (see Training's `ExpansionStep`).
package struct ExpandDepthwiseGradient: Sendable {
  private let expansion: ConvolutionGeometry
  private let depthwise: ConvolutionGeometry
  private let nonlinearity: Nonlinearity
  private let kernels: KernelTable
  /// u from x, and the gradient of x from that of u.
  private let expand: GEMM
  private let reduce: GEMM
  private let scatter: ScatteredDepthwise
  private let weights: DepthwiseWeightGradient
  /// Products of x − m and the gradient of u.
  private let products: ProductSums
  /// Strips of rows of the expanded map.
  private let strips: Int

  /// - Parameter expand: Its nonlinearity is that between the two.
  package init(
    _ expand: ConvolutionLayer, _ depthwise: ConvolutionLayer, _ precision: ProductPrecision,
    on target: ComputeTarget
  ) {
    (expansion, self.depthwise) = (expand.geometry, depthwise.geometry)
    precondition(expansion.isPointwise && expansion.outputStride == depthwise.geometry.inputStride)
    precondition(expansion.inputStride % 8 == 0)
    (nonlinearity, kernels) = (expand.nonlinearity, target.kernels)
    var linear = expand
    linear.nonlinearity = .identity
    // A clamp's derivative follows from what it gives, so u itself is not needed.
    self.expand = GEMM(nonlinearity.isClamp ? expand : linear, precision, on: target)
    var reduction = linear
    swap(&reduction.geometry.inputChannels, &reduction.geometry.outputChannels)
    reduction.geometry.inputStride = expansion.outputStride
    reduce = GEMM(reduction, precision, on: target)
    scatter = ScatteredDepthwise(depthwise, kernels: kernels)
    weights = DepthwiseWeightGradient(depthwise, kernels: kernels)
    products = ProductSums(
      rows: expansion.inputChannels, columns: expansion.outputStride, on: target)
    // 512 KiB of u, of its activation, and of the gradient that reaches them.
    let rowCount = expansion.outputWidth * expansion.outputStride
    let area = depthwise.geometry.stride * depthwise.geometry.stride
    let rows = max(1, 131_072 / (2 * rowCount + rowCount / area))
    strips = (expansion.outputHeight + rows - 1) / rows
  }

  /// Multiply-adds for one image, by the precision of their operands: of the depthwise convolution twice, of
  /// the expansion three times, or twice without the gradient of the input.
  package func arithmetic(hasInputGradient: Bool) -> [Precision: Int] {
    let wide = expansion.outputPositions * expansion.outputChannels * expansion.inputChannels
    let taps = depthwise.kernel * depthwise.kernel
    let narrow = 2 * depthwise.outputPositions * depthwise.outputChannels * taps
    var counts: [Precision: Int] = [.f32: narrow]
    counts[products.precision, default: 0] += wide
    counts[expand.precision == .f32 ? .f32 : .bf16, default: 0] += (hasInputGradient ? 2 : 1) * wide
    return counts
  }

  // MARK: Weights

  package var packedCount: Int {
    expand.packedCount + reduce.packedCount + scatter.packedCount
  }

  /// Packs the weights into `packedCount` zeroed floats.
  ///
  /// - Parameters:
  ///   - filter: The expansion with batch norm folded in.
  ///   - depthwise: The depthwise convolution.
  package func pack(
    _ filter: ConvolutionFilter, depthwise: ConvolutionFilter,
    into packed: UnsafeMutablePointer<Float>
  ) {
    expand.pack(filter, into: packed)
    let (inputs, outputs) = (expansion.inputChannels, expansion.outputChannels)
    withUnsafeTemporaryAllocation(of: Float.self, capacity: inputs * outputs) { folded in
      for output in 0..<outputs {
        for index in output * inputs..<(output + 1) * inputs {
          folded[index] = Float(Double(filter.weights[index]) * filter.scale[output])
        }
      }
      reduce.pack(
        ConvolutionFilter(transposed: UnsafeBufferPointer(folded), outputs: inputs),
        into: packed + expand.packedCount)
    }
    scatter.pack(depthwise, layer: 0, into: packed + expand.packedCount + reduce.packedCount)
  }

  // MARK: Sums

  /// Floats of the sums of products of x − m and the gradient of u, `[input][channel]`.
  private var productCount: Int { expansion.inputChannels * expansion.outputStride }
  /// Floats of those and the sums of the gradient of u.
  package var sumCount: Int { productCount + expansion.outputStride }

  /// The memory of a run.
  package struct Memory {
    /// The map x that was expanded, −m for its means m, and the gradient of the depthwise convolution's
    /// output.
    package var input: UnsafePointer<Float>
    package var negatedMeans: UnsafePointer<Float>
    package var outputGradient: UnsafePointer<Float>
    /// Receives the gradient of the map with batch norm's statistics held constant, unless nobody needs it.
    package var inputGradient: UnsafeMutablePointer<Float>?
    /// The memory that `pack` filled.
    package var packed: UnsafePointer<Float>
    /// `sumCount` sums, and those of a `DepthwiseWeightGradient`; the run adds to both.
    package var sums: UnsafeMutablePointer<Float>
    package var weightSums: UnsafeMutablePointer<Float>
    /// `scratchCount` floats.
    package var scratch: UnsafeMutablePointer<Float>
    /// As many ones and zeros as a position of the expanded map has floats.
    package var ones: UnsafePointer<Float>
    package var zeros: UnsafePointer<Float>
    /// Called after each stage.
    package var lap: (GradientStage) -> Void

    package init(
      input: UnsafePointer<Float>, negatedMeans: UnsafePointer<Float>,
      outputGradient: UnsafePointer<Float>, inputGradient: UnsafeMutablePointer<Float>?,
      packed: UnsafePointer<Float>,
      sums: UnsafeMutablePointer<Float>, weightSums: UnsafeMutablePointer<Float>,
      scratch: UnsafeMutablePointer<Float>, ones: UnsafePointer<Float>, zeros: UnsafePointer<Float>,
      lap: @escaping (GradientStage) -> Void
    ) {
      (self.input, self.negatedMeans) = (input, negatedMeans)
      self.outputGradient = outputGradient
      (self.inputGradient, self.packed) = (inputGradient, packed)
      (self.sums, self.weightSums) = (sums, weightSums)
      (self.scratch, self.ones, self.zeros, self.lap) = (scratch, ones, zeros, lap)
    }
  }

  // MARK: Strips

  private var stripRows: Int { (expansion.outputHeight + strips - 1) / strips }
  /// Floats of a strip of the expanded map.
  private var stripCount: Int { stripRows * expansion.outputWidth * expansion.outputStride }

  /// Floats of x in a strip.
  private var inputCount: Int { stripRows * expansion.inputWidth * expansion.inputStride }

  /// Floats that a step of a strip needs: converted rows, x − m, or the copy of the gradient.
  private var stepCount: Int {
    let positions = stripRows * expansion.outputWidth
    func panel(_ gemm: GEMM) -> Int {
      gemm.converts(gated: false) ? gemm.panelCount(rows: positions) : 0
    }
    return max(
      panel(expand), panel(reduce), inputCount + products.scratchCount,
      scatter.scratchCount(rows: stripRows, channels: expansion.outputStride),
      2 * expansion.outputStride)
  }

  package var scratchCount: Int { 2 * stripCount + stepCount }

  /// Runs for one image.
  package func run(_ memory: Memory) {
    for strip in 0..<strips {
      run(evenRange(strip, of: strips, total: expansion.outputHeight), memory)
    }
  }

  private func run(_ rows: Range<Int>, _ memory: Memory) {
    let (width, stride) = (expansion.outputWidth, expansion.outputStride)
    let positions = rows.count * width
    let first = rows.lowerBound * width * expansion.inputStride
    // For a clamp, already the activation.
    let u = memory.scratch
    // Otherwise first the activation of u; then its gradient, then that of u.
    let gradient = u + stripCount
    let step = gradient + stripCount
    multiply(
      expand, positions, memory.input + first, lda: expansion.inputStride, memory.packed, into: u,
      ldc: stride, step)
    if !nonlinearity.isClamp {
      kernels.training.normalize(
        Normalize(
          rows: positions, channels: stride, z: KeptMap(u), zStride: stride, scale: memory.ones,
          shift: memory.zeros, nonlinearity: nonlinearity, residual: nil, residualStride: 0,
          out: gradient, outStride: stride))
    }
    memory.lap(.recomputation)
    weights.add(
      rows: rows, channels: 0..<stride, nonlinearity.isClamp ? u : gradient,
      outputRows: scatter.outputRows(rows), outputGradient: memory.outputGradient,
      to: memory.weightSums)
    memory.lap(.weightGradient)
    scatter.run(
      rows: rows, channels: 0..<stride,
      OperatorMemory(
        input: memory.outputGradient, output: gradient,
        packed: memory.packed + expand.packedCount + reduce.packedCount, scratch: step))
    memory.lap(.inputGradient)
    kernels.training.normalizeGradient(
      NormalizeGradient(
        rows: positions, channels: stride, gradient: gradient, gradientStride: stride,
        z: KeptMap(u), zStride: stride, scale: memory.ones, shift: memory.zeros,
        mean: memory.zeros, nonlinearity: nonlinearity, out: KeptMap(gradient), outStride: stride,
        sums: step, products: step + stride))
    let sums = memory.sums + productCount
    for channel in 0..<stride { sums[channel] += step[channel] }
    memory.lap(.normalizationGradient)
    kernels.training.scale(
      ChannelScale(
        rows: positions, channels: expansion.inputStride, x: memory.input + first,
        xStride: expansion.inputStride, factor: memory.ones, offset: memory.negatedMeans,
        out: step, outStride: expansion.inputStride))
    products.add(
      positions: positions, step, gradient, to: memory.sums, scratch: step + inputCount)
    memory.lap(.weightGradient)
    guard let inputGradient = memory.inputGradient else { return }
    multiply(
      reduce, positions, gradient, lda: stride, memory.packed + expand.packedCount,
      into: inputGradient + first, ldc: expansion.inputStride, step)
    memory.lap(.inputGradient)
  }

  private func multiply(
    _ gemm: GEMM, _ positions: Int, _ a: UnsafePointer<Float>, lda: Int,
    _ packed: UnsafePointer<Float>, into c: UnsafeMutablePointer<Float>, ldc: Int,
    _ scratch: UnsafeMutablePointer<Float>
  ) {
    let rows =
      gemm.converts(gated: false)
      ? gemm.convert(rows: positions, a, lda: lda, into: scratch) : GEMMRows(a: a, lda: lda)
    gemm.multiply(
      m: positions, rows, blocks: 0..<gemm.blocks.count, packed: packed, into: c, ldc: ldc)
  }
}
