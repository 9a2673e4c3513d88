import Images
import InstructionSets
import Testing

/// Normalised bytes have the bits of torchvision's operations, with every instruction set.
struct ByteNormalizationTests {
  struct Statistics: Sendable {
    let mean: SIMD3<Float>
    let deviation: SIMD3<Float>

    static let all = [
      Statistics(mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225]),
      Statistics(mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5]),
      Statistics(mean: [0, 0, 0], deviation: [1, 1, 1]),
      Statistics(mean: [0.498, 0.498, 0.498], deviation: [0.502, 0.502, 0.502]),
      Statistics(mean: [0.4914, 0.4822, 0.4465], deviation: [0.2471, 0.2435, 0.2616]),
      Statistics(mean: [-3, 1e-20, 7e5], deviation: [1e-30, 3e30, 0.1]),
    ]
  }

  @Test(arguments: InstructionSet.allCases.filter(\.isSupported), Statistics.all)
  func everyByte(_ set: InstructionSet, _ statistics: Statistics) {
    let preprocessing = Preprocessing(
      resize: 32, crop: 32, interpolation: .bilinear, mean: statistics.mean,
      standardDeviation: statistics.deviation)
    let normalization = ByteNormalization(preprocessing, kernel: set.kernels.resampling)
    // Whole vectors, and a rest.
    for pixels in [1, 15, 16, 17, 256, 261] {
      let bytes = (0..<3 * pixels).map { UInt8(truncatingIfNeeded: 7 * ($0 / 3) + 85 * ($0 % 3)) }
      for step in [3, 5, -3] {
        let distance = abs(step)
        var values = [Float](repeating: 1234, count: distance * pixels)
        values.withUnsafeMutableBufferPointer { values in
          guard let base = values.baseAddress else { return }
          bytes.withUnsafeBufferPointer {
            normalization.write(
              $0, to: base + (step < 0 ? (pixels - 1) * distance : 0), step: step)
          }
        }
        for (index, byte) in bytes.enumerated() {
          let (pixel, channel) = (index / 3, index % 3)
          let expected =
            (Float(byte) / 255 - statistics.mean[channel]) / statistics.deviation[channel]
          let place = (step < 0 ? pixels - 1 - pixel : pixel) * distance + channel
          #expect(values[place].bitPattern == expected.bitPattern, "byte \(byte), step \(step)")
        }
      }
    }
  }

  /// Where multiply-adds have one rounding, what networks use is exact without the table.
  @Test(arguments: Statistics.all.dropLast())
  func vectors(_ statistics: Statistics) {
    let preprocessing = Preprocessing(
      resize: 32, crop: 32, interpolation: .bilinear, mean: statistics.mean,
      standardDeviation: statistics.deviation)
    for set in InstructionSet.allCases.filter(\.isSupported) where set != .baseline {
      let normalization = ByteNormalization(preprocessing, kernel: set.kernels.resampling)
      #expect(normalization.isVectorized, "\(set)")
    }
  }
}
