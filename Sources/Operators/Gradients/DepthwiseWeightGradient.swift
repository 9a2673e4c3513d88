import Kernels

/// The gradient of a depthwise convolution's weights, with vectors along the channels.
package struct DepthwiseWeightGradient: WeightGradient {
  private let geometry: ConvolutionGeometry
  private let kernels: KernelTable
  /// Strips of output rows, small enough that a vector of channels stays in the L1 cache while the
  /// kernel's rows pass over it.
  private let strips: Int

  package init(_ layer: ConvolutionLayer, kernels: KernelTable) {
    geometry = layer.geometry
    self.kernels = kernels
    let rows = max(1, 256 / (geometry.inputWidth * geometry.stride))
    strips = (geometry.outputHeight + rows - 1) / rows
  }

  private var taps: Int { geometry.kernel * geometry.kernel }

  package var scratchCount: Int { 0 }

  /// A vector of channels for each tap.
  package var sumCount: Int { taps * geometry.outputStride }

  /// Groups of images with their own sums.
  package func partCount(batch: Int) -> Int { min(batch, 16) }

  /// Blocks of channels: only if there are few images, because whole rows are read faster.
  private func blocks(batch: Int) -> Int {
    min(max(1, 8 / partCount(batch: batch)), max(1, geometry.outputStride / 64))
  }

  package func taskCount(batch: Int) -> Int { partCount(batch: batch) * blocks(batch: batch) }

  package func run(task: Int, batch: Int, _ memory: WeightGradientMemory) {
    let parts = partCount(batch: batch)
    let vectors = evenRange(
      task / parts, of: blocks(batch: batch), total: (geometry.outputStride + 15) / 16)
    add(
      evenRange(task % parts, of: parts, total: batch),
      channels: vectors.lowerBound * 16..<min(vectors.upperBound * 16, geometry.outputStride),
      memory, to: memory.partials + task % parts * sumCount)
  }

  package func runWhole(batch: Int, _ memory: WeightGradientMemory) {
    add(0..<batch, channels: 0..<geometry.outputStride, memory, to: memory.partials)
  }

  /// The sums of some images and channels.
  private func add(
    _ images: Range<Int>, channels: Range<Int>, _ memory: WeightGradientMemory,
    to target: UnsafeMutablePointer<Float>
  ) {
    let g = geometry
    let sums = target + channels.lowerBound
    for tap in 0..<taps {
      (sums + tap * g.outputStride).update(repeating: 0, count: channels.count)
    }
    for image in images {
      for strip in 0..<strips {
        kernels.training.depthwiseGradient(
          DepthwiseGradient(
            side: g.kernel, stride: g.stride, paddingTop: g.paddingTop,
            paddingLeft: g.paddingLeft, channels: channels.count,
            x: memory.input + image * g.inputCount + channels.lowerBound,
            inputHeight: g.inputHeight, inputWidth: g.inputWidth, inputStride: g.inputStride,
            gradient: memory.outputGradient + image * g.outputCount + channels.lowerBound,
            outputWidth: g.outputWidth, outputStride: g.outputStride,
            rows: evenRange(strip, of: strips, total: g.outputHeight), inner: g.innerColumns,
            sums: sums, sumStride: g.outputStride))
      }
    }
  }

  /// Adds what some rows and channels of the input contribute.
  ///
  /// - Parameters:
  ///   - x: Those rows, of which a position has those channels, which begin and end at multiples of 8.
  ///   - outputRows: The output rows that they meet.
  ///   - outputGradient: The gradient of the image's output.
  ///   - sums: Sums of all channels.
  func add(
    rows: Range<Int>, channels: Range<Int>, _ x: UnsafePointer<Float>, outputRows: Range<Int>,
    outputGradient: UnsafePointer<Float>, to sums: UnsafeMutablePointer<Float>
  ) {
    let g = geometry
    kernels.training.depthwiseGradient(
      DepthwiseGradient(
        side: g.kernel, stride: g.stride, paddingTop: g.paddingTop + rows.lowerBound,
        paddingLeft: g.paddingLeft, channels: channels.count, x: x, inputHeight: rows.count,
        inputWidth: g.inputWidth, inputStride: channels.count,
        gradient: outputGradient + channels.lowerBound, outputWidth: g.outputWidth,
        outputStride: g.outputStride, rows: outputRows, inner: g.innerColumns,
        sums: sums + channels.lowerBound, sumStride: g.outputStride))
  }

  package func reductionCount(parts: Int) -> Int { max(1, geometry.outputStride / 256) }

  package func reduce(
    task: Int, parts: Int, partials: UnsafePointer<Float>,
    into gradient: UnsafeMutablePointer<Float>
  ) {
    let vectors = evenRange(
      task, of: reductionCount(parts: parts), total: geometry.outputStride / 8)
    for vector in vectors {
      let channels = 8 * vector..<min(8 * vector + 8, geometry.outputChannels)
      for tap in 0..<taps {
        var source = UnsafeRawPointer(partials + tap * geometry.outputStride + 8 * vector)
        var sum = SIMD8<Float>.zero
        for _ in 0..<parts {
          sum += source.loadUnaligned(as: SIMD8<Float>.self)
          source += 4 * sumCount
        }
        for (lane, channel) in channels.enumerated() {
          gradient[channel * taps + tap] += sum[lane]
        }
      }
    }
  }
}
