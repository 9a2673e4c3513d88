import Kernels
import Operators

// The matrices of a folded expansion, which are small: computed once for a batch, not for each image.

extension ExpansionStep {
  /// Sets batch norm's statistics, and what the backward pass needs of the moments.
  func setStatistics(
    _ run: TapeRun, _ moments: ChannelMoments, _ scratch: UnsafeMutablePointer<Float>
  ) {
    let kept = kept(run)
    let (inputs, stride) = (geometry.inputChannels, geometry.outputStride)
    for (index, mean) in moments.means.enumerated() { kept.negatedMeans[index] = Float(-mean) }
    for channel in 0..<geometry.outputChannels {
      let weights = run.store.values.base + expansion.weight.offset + channel * inputs
      for input in 0..<inputs { kept.weights[input * stride + channel] = weights[input] }
    }
    moments.store(into: scratch)
    multiply(
      rows: inputs, scratch, lda: inputStride, inputs, kept.weights, columns: stride,
      into: kept.products, run.kernels)
    for first in Swift.stride(from: 0, to: geometry.outputChannels, by: 8) {
      var (mean, variance) = (SIMD8<Double>.zero, SIMD8<Double>.zero)
      for input in 0..<inputs {
        let weight = load8(kept.weights + input * stride + first)
        mean += weight * moments.means[input]
        variance += weight * load8(kept.products + input * stride + first)
      }
      // Rounding may leave less than nothing of a channel that is constant.
      variance.replace(with: 0, where: variance .< 0)
      for channel in first..<min(first + 8, geometry.outputChannels) {
        normalization.update(
          run, channel, mean: mean[channel - first],
          variance: variance[channel - first] / moments.count, count: moments.count)
      }
    }
  }

  /// Adds to the gradients of W, γ and β, and finds M and v.
  func addGradients(_ run: TapeRun, _ scratch: UnsafeMutablePointer<Float>) {
    let (inputs, stride) = (geometry.inputChannels, geometry.outputStride)
    let sums = GroupSums(run, backward)
    let (kept, vectors) = (kept(run), normalization.vectors(run))
    let gradient = run.store.gradients.base + expansion.weight.offset
    let count = Double(run.imageCount * geometry.outputPositions)
    // v, of which M m is still missing.
    var constant = [Double](repeating: 0, count: inputs)
    for first in Swift.stride(from: 0, to: geometry.outputChannels, by: 8) {
      let channels = first..<min(first + 8, geometry.outputChannels)
      let sum = sums[inputs * stride + first]
      var product = SIMD8<Double>.zero
      for input in 0..<inputs {
        let place = input * stride + first
        product += load8(kept.weights + place) * sums[place]
      }
      for channel in channels {
        normalization.add(
          run, channel, sum: sum[channel - first], product: product[channel - first], count: count)
      }
      let (a, b) = (load8(vectors.a + first), load8(vectors.b + first))
      for input in 0..<inputs {
        let place = input * stride + first
        let values = a * sums[place] + b * load8(kept.products + place)
        for channel in channels {
          gradient[channel * inputs + input] += Float(values[channel - first])
        }
        constant[input] -= (a * sum / count * load8(kept.weights + place)).sum()
      }
    }
    if inputGradient.part != nil { packCorrection(run, constant, scratch) }
  }

  /// Computes M and packs it with v.
  private func packCorrection(
    _ run: TapeRun, _ constant: [Double], _ scratch: UnsafeMutablePointer<Float>
  ) {
    let inputs = geometry.inputChannels
    let weights = run.store.values.base + expansion.weight.offset
    let (negatedMeans, b) = (kept(run).negatedMeans, normalization.vectors(run).b)
    for channel in 0..<geometry.outputChannels {
      let row = scratch + channel * inputStride
      for input in 0..<inputs { row[input] = b[channel] * weights[channel * inputs + input] }
      (row + inputs).update(repeating: 0, count: inputStride - inputs)
    }
    var (matrix, vector) = ([Float](repeating: 0, count: inputs * inputs), constant)
    withUnsafeTemporaryAllocation(of: Float.self, capacity: inputs * inputStride) { padded in
      guard let rows = padded.baseAddress else { return }
      multiply(
        rows: geometry.outputChannels, weights, lda: inputs, inputs, scratch,
        columns: inputStride, into: rows, run.kernels)
      for row in 0..<inputs {
        for column in 0..<inputs {
          matrix[row * inputs + column] = rows[row * inputStride + column]
          vector[row] += Double(rows[row * inputStride + column]) * Double(negatedMeans[column])
        }
      }
    }
    let target = run.clearedPacked(
      packedBackward + backward.packedCount, count: correction.packedCount)
    matrix.withUnsafeBufferPointer { weights in
      correction.pack(
        ConvolutionFilter(
          weights: weights, scale: [Double](repeating: 1, count: inputs), bias: vector),
        layer: 0, into: target)
    }
  }

  /// C = Aᵀ B for `rows` rows of A and B.
  func multiply(
    rows: Int, _ a: UnsafePointer<Float>, lda: Int, _ k: Int, _ b: UnsafePointer<Float>,
    columns: Int, into c: UnsafeMutablePointer<Float>, _ kernels: KernelTable
  ) {
    let blocks = ColumnBlocks(columns, widest: kernels.gemm.nr, lanes: kernels.lanes)
    for index in 0..<blocks.count {
      let block = blocks[index]
      kernels.training.weightGradient(
        WeightGradientBlock(
          m: rows, k: k, n: block.count, a: a, lda: lda, b: b + block.lowerBound, ldb: columns,
          c: c + block.lowerBound, ldc: columns, accumulates: false))
    }
  }
}

/// The sums of all groups.
private struct GroupSums {
  private var totals: [SIMD8<Double>]

  init(_ run: TapeRun, _ work: ExpandDepthwiseGradient) {
    totals = Array(repeating: .zero, count: work.sumCount / 8)
    for group in 0..<run.groupCount {
      let source = run.partials + group * work.sumCount
      for index in totals.indices { totals[index] += load8(source + 8 * index) }
    }
  }

  /// The sums of the eight channels that begin with the one at `index`, a multiple of 8.
  subscript(index: Int) -> SIMD8<Double> { totals[index / 8] }
}

/// Eight values from `source` on.
private func load8(_ source: UnsafePointer<Float>) -> SIMD8<Double> {
  SIMD8(UnsafeRawPointer(source).loadUnaligned(as: SIMD8<Float>.self))
}
