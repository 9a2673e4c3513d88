import Host
import InstructionSets
import Kernels
import Operators
import Testing

/// Batch norm's kernels on maps kept as bf16: they compute what they would from the same values in f32.
struct KeptMapTests {
  private static let shapes = [1, 2, 5, 49].flatMap { rows in
    stride(from: 8, through: 88, by: 8).map { (rows, $0) }
  }

  /// Values of bf16, and the same as floats.
  private struct RoundedMap {
    let floats: AlignedBuffer
    let words: AlignedBuffer

    init(_ count: Int, seed: Int) {
      var noise = Noise(seed)
      let values = noise.array(count).map { Self.round(4 * $0) }
      floats = AlignedBuffer(values)
      words = AlignedBuffer([Float](repeating: 0, count: (count + 1) / 2))
      let bits = UnsafeMutableRawPointer(words.base).assumingMemoryBound(to: UInt16.self)
      for (index, value) in values.enumerated() { bits[index] = UInt16(value.bitPattern >> 16) }
    }

    var kept: KeptMap { KeptMap(words.base, .bf16) }

    var values: [Float] { Self.values(words.base, floats.values.count) }

    static func values(_ words: UnsafeMutableRawPointer, _ count: Int) -> [Float] {
      (0..<count).map {
        Float(bitPattern: UInt32(words.load(fromByteOffset: 2 * $0, as: UInt16.self)) << 16)
      }
    }

    /// To the nearest, ties to even.
    static func round(_ value: Float) -> Float {
      let bits = value.bitPattern
      return Float(bitPattern: (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff_0000)
    }
  }

  private func vector(_ count: Int, seed: Int) -> AlignedBuffer {
    var noise = Noise(seed)
    return AlignedBuffer(noise.array(count))
  }

  @Test(arguments: InstructionSet.supported)
  func keep(_ set: InstructionSet) {
    for (rows, channels) in Self.shapes {
      let x = vector(rows * channels, seed: 1)
      x.base[0] = 1 + 0x1p-8  // A tie, to even.
      let kept = RoundedMap(rows * channels, seed: 2)
      let (mean, expected) = (vector(channels, seed: 3), vector(channels, seed: 4))
      set.kernels.training.keep(
        KeptSum(
          rows: rows, channels: channels, x: x.base, kept: kept.kept, stride: channels,
          factor: 1 / Float(rows), out: mean.base))
      let rounded = AlignedBuffer(x.values.map(RoundedMap.round))
      #expect(kept.values == rounded.values && kept.values[0] == 1)
      set.kernels.sum(
        ChannelSum(
          rows: rows, channels: channels, x: rounded.base, xStride: channels,
          factor: 1 / Float(rows), out: expected.base))
      #expect(mean.values == expected.values, "\(rows) rows of \(channels)")
    }
  }

  @Test(arguments: InstructionSet.supported, [Kernels.Nonlinearity.relu6, .silu, .hardSwish])
  func forward(_ set: InstructionSet, _ nonlinearity: Kernels.Nonlinearity) {
    for (rows, channels) in Self.shapes {
      let z = RoundedMap(rows * channels, seed: 1)
      let (scale, shift) = (vector(channels, seed: 2), vector(channels, seed: 3))
      let results = [KeptMap(z.floats.base), z.kept].map { z in
        let squares = vector(channels, seed: 4)
        set.kernels.training.squares(
          ChannelSquares(
            rows: rows, channels: channels, z: z, zStride: channels, mean: shift.base,
            out: squares.base))
        let out = vector(rows * channels, seed: 5)
        set.kernels.training.normalize(
          Normalize(
            rows: rows, channels: channels, z: z, zStride: channels, scale: scale.base,
            shift: shift.base, nonlinearity: nonlinearity, residual: nil, residualStride: 0,
            out: out.base, outStride: channels))
        return squares.values + out.values
      }
      #expect(results[0] == results[1], "\(rows) rows of \(channels)")
    }
  }

  @Test(arguments: InstructionSet.supported, [Kernels.Nonlinearity.identity, .relu6, .silu])
  func backward(_ set: InstructionSet, _ nonlinearity: Kernels.Nonlinearity) {
    for (rows, channels) in Self.shapes {
      let label: Comment = "\(rows) rows of \(channels)"
      let z = RoundedMap(rows * channels, seed: 1)
      let gradient = vector(rows * channels, seed: 2)
      let (scale, shift) = (vector(channels, seed: 3), vector(channels, seed: 4))
      let mean = vector(channels, seed: 5)
      let slopes = RoundedMap(rows * channels, seed: 6)
      let floats = vector(rows * channels, seed: 7)
      let sums = [(KeptMap(z.floats.base), KeptMap(floats.base)), (z.kept, slopes.kept)].map {
        z, out in
        let sums = vector(2 * channels, seed: 8)
        set.kernels.training.normalizeGradient(
          NormalizeGradient(
            rows: rows, channels: channels, gradient: gradient.base, gradientStride: channels,
            z: z, zStride: channels, scale: scale.base, shift: shift.base, mean: mean.base,
            nonlinearity: nonlinearity, out: out, outStride: channels, sums: sums.base,
            products: sums.base + channels))
        return sums.values
      }
      // The slopes are rounded, and it is the rounded ones that are summed.
      #expect(slopes.values == floats.values.map(RoundedMap.round), label)
      for channel in 0..<channels {
        let column = (0..<rows).map { Double(slopes.values[$0 * channels + channel]) }
        let sum = column.reduce(0, +)
        #expect(abs(Double(sums[1][channel]) - sum) < 1e-4, label)
        #expect(abs(Double(sums[0][channel]) - sum) < 0.1 * Double(rows), label)
      }
      let rounded = AlignedBuffer(slopes.values)
      let combined = [(KeptMap(z.floats.base), KeptMap(rounded.base)), (z.kept, slopes.kept)].map {
        z, g in
        let out = vector(rows * channels, seed: 9)
        set.kernels.training.combine(
          LinearCombination(
            rows: rows, channels: channels, g: g, gStride: channels, z: z, zStride: channels,
            a: scale.base, b: shift.base, c: mean.base, out: out.base, outStride: channels))
        return out.values
      }
      #expect(combined[0] == combined[1], label)
    }
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity], [KeptMap.Element.f32, .bf16])
  func finiteness(_ value: Float, _ element: KeptMap.Element) {
    let map = vector(24, seed: 1)
    let kept = KeptMap(map.base, element)
    #expect(kept.isFinite(count: 24))
    let bits = UnsafeMutableRawPointer(map.base)
    if element == .f32 {
      bits.storeBytes(of: value, toByteOffset: 4 * 23, as: Float.self)
    } else {
      bits.storeBytes(of: UInt16(value.bitPattern >> 16), toByteOffset: 2 * 23, as: UInt16.self)
    }
    #expect(kept.isFinite(count: 23) && !kept.isFinite(count: 24))
  }
}
