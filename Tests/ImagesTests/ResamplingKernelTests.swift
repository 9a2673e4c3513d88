import Images
import InstructionSets
import Kernels
import Testing

/// Every instruction set's kernel against the sums that Pillow computes, pixel by pixel.
@Suite struct ResamplingKernelTests {
  struct Variant: CustomTestStringConvertible {
    let instructionSet: InstructionSet
    let extensions: Set<InstructionSetExtension>
    var kernel: ResamplingKernel { instructionSet.kernels(with: extensions).resampling }
    var testDescription: String {
      ([instructionSet.rawValue] + extensions.map(\.rawValue)).joined(separator: "+")
    }

    static let all: [Variant] = InstructionSet.allCases.filter(\.isSupported).flatMap { set in
      let vnni = set.supportedExtensions.intersection([.vnni])
      return [Variant(instructionSet: set, extensions: [])]
        + (vnni.isEmpty ? [] : [Variant(instructionSet: set, extensions: vnni)])
    }
  }

  /// The fixed-point weights of one axis, as in Pillow's `Resample.c`.
  private static func weights(
    _ box: Range<Int>, of size: Int, to outputs: Int, _ filter: Interpolation
  ) -> [(first: Int, weights: [Int])] {
    let radius = filter == .bilinear ? 1.0 : 2.0
    func value(_ distance: Double) -> Double {
      let x = abs(distance)
      switch filter {
      case .bilinear: return max(0, 1 - x)
      case .bicubic:
        return x < 1
          ? (1.5 * x - 2.5) * x * x + 1 : x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0
      }
    }
    let scale = Double(box.count) / Double(outputs)
    let stretch = max(1, scale)
    return (0..<outputs).map { output in
      let center = Double(box.lowerBound) + (Double(output) + 0.5) * scale
      let first = max(0, Int(center - radius * stretch + 0.5))
      let end = min(size, Int(center + radius * stretch + 0.5))
      let exact = (first..<end).map { value((Double($0) - center + 0.5) * (1 / stretch)) }
      let sum = exact.reduce(0, +)
      return (
        first,
        exact.map {
          let share = $0 / sum
          return Int(share * Double(1 << 22) + (share < 0 ? -0.5 : 0.5))
        }
      )
    }
  }

  private static func rounded(_ sum: Int) -> Int { min(max((sum + 1 << 21) >> 22, 0), 255) }

  /// Two passes over whole images, the plainest way.
  private static func reference(
    _ image: Image, _ box: PixelBox, width: Int, height: Int, _ filter: Interpolation
  ) -> [UInt8] {
    let across = weights(box.columns, of: image.width, to: width, filter)
    let down = weights(box.rows, of: image.height, to: height, filter)
    let fewer = image.height - height
    func horizontal(_ pixels: [Int], rows: Int, stride: Int) -> [Int] {
      (0..<rows).flatMap { y in
        across.flatMap { first, weights in
          (0..<3).map { channel in
            rounded(
              weights.enumerated().reduce(0) {
                $0 + $1.element * pixels[(y * stride + first + $1.offset) * 3 + channel]
              })
          }
        }
      }
    }
    func vertical(_ pixels: [Int], stride: Int) -> [Int] {
      down.flatMap { first, weights in
        (0..<3 * stride).map { column in
          rounded(
            weights.enumerated().reduce(0) {
              $0 + $1.element * pixels[(first + $1.offset) * 3 * stride + column]
            })
        }
      }
    }
    let pixels = image.pixels.map(Int.init)
    let result =
      fewer > 0 && fewer > 2 * (image.width - width)
      ? horizontal(vertical(pixels, stride: image.width), rows: height, stride: image.width)
      : vertical(horizontal(pixels, rows: image.height, stride: image.width), stride: width)
    return result.map(UInt8.init)
  }

  /// Noise in which every other value is extreme.
  private static func image(_ width: Int, _ height: Int) -> Image {
    let noise = Goldens.noise(width: width, height: height)
    let pixels = noise.pixels.map { $0 & 1 == 0 ? $0 : $0 < 128 ? 0 : 255 }
    return Image(width: width, height: height, pixels: pixels)
  }

  static let sizes = [
    (1, 1), (2, 1), (1, 2), (1, 70), (70, 1), (3, 5), (5, 3), (6, 40), (17, 9), (21, 64), (40, 33),
    (130, 31),
  ]

  @Test(arguments: Variant.all, Interpolation.allCases)
  func everySizeIsExact(_ variant: Variant, _ filter: Interpolation) {
    let kernel = variant.kernel
    for (width, height) in Self.sizes {
      let image = Self.image(width, height)
      for (newWidth, newHeight) in [(1, 1), (3, 2), (4, 7), (5, 5), (16, 1), (23, 33), (71, 12)] {
        let result = image.resized(
          from: image.bounds, width: newWidth, height: newHeight, interpolation: filter,
          kernel: kernel)
        let expected = Self.reference(
          image, image.bounds, width: newWidth, height: newHeight, filter)
        #expect(
          result.pixels == expected, "\(width)x\(height) to \(newWidth)x\(newHeight)")
      }
    }
  }

  @Test(arguments: Variant.all, Interpolation.allCases)
  func everyBoxIsExact(_ variant: Variant, _ filter: Interpolation) {
    let image = Self.image(37, 29)
    for (columns, rows) in [
      (0..<1, 0..<1), (36..<37, 28..<29), (0..<37, 10..<12), (5..<30, 0..<29), (30..<37, 20..<29),
    ] {
      let box = PixelBox(columns: columns, rows: rows)
      let result = image.resized(
        from: box, width: 9, height: 14, interpolation: filter, kernel: variant.kernel)
      #expect(
        result.pixels == Self.reference(image, box, width: 9, height: 14, filter), "\(box)")
    }
  }

  /// The digits of every weight that can occur add up to it.
  @Test(arguments: Variant.all)
  func digitsAddUp(_ variant: Variant) {
    let kernel = variant.kernel
    let width = 32 / kernel.tapsPerWord
    var weights: [Int32] = [
      0, 1, -1, 127, 128, -128, -129, 1 << 22, -(1 << 22), 1 << 14, -(1 << 14),
    ]
    weights +=
      (0..<200).map { Int32($0 * 41_943 - 4_194_304) } + [6_000_000, -6_000_000, 16_383, 32_767]
    for first in stride(from: 0, to: weights.count - kernel.tapsPerWord, by: 1) {
      let some = Array(weights[first..<first + kernel.tapsPerWord])
      var sums = [Int](repeating: 0, count: some.count)
      some.withUnsafeBufferPointer {
        kernel.forEachWord(of: $0) { digit, word in
          for tap in some.indices {
            let bits = word >> UInt32(width * tap)
            let value =
              width == 8
              ? Int(Int8(truncatingIfNeeded: bits)) : Int(Int16(truncatingIfNeeded: bits))
            sums[tap] += value << (kernel.digitBits * digit)
          }
        }
      }
      #expect(sums == some.map(Int.init))
    }
  }

  /// Weights stay far below the 2²³ that the digits hold, at every edge and for every scale.
  @Test(arguments: Interpolation.allCases)
  func weightsFitTheirDigits(_ filter: Interpolation) {
    var largest = 0
    for size in 1...40 {
      for outputs in 1...40 {
        for (_, weights) in Self.weights(0..<size, of: size, to: outputs, filter) {
          largest = max(largest, weights.map(abs).max() ?? 0)
        }
      }
    }
    #expect(largest < 3 << 21)
  }
}
