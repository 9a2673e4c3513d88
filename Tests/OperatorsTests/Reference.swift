import Host
import Foundation
import InstructionSets
import Operators

/// A reference for the kernels, in Double and as simple as possible.
enum Reference {
  static func apply(_ nonlinearity: Nonlinearity, _ x: Double) -> Double {
    switch nonlinearity {
    case .identity: x
    case .relu: max(x, 0)
    case .relu6: min(max(x, 0), 6)
    case .hardSwish: x * min(max(x + 3, 0), 6) / 6
    case .hardSigmoid: min(max(x + 3, 0), 6) / 6
    case .silu, .approximateSiLU: x / (1 + exp(-x))
    case .sigmoid, .approximateSigmoid: 1 / (1 + exp(-x))
    }
  }

  /// The derivative; at a kink, PyTorch's.
  static func derivative(_ nonlinearity: Nonlinearity, _ x: Double) -> Double {
    switch nonlinearity {
    case .identity: return 1
    case .relu: return x > 0 ? 1 : 0
    case .relu6: return x > 0 && x < 6 ? 1 : 0
    case .hardSwish: return x <= -3 ? 0 : x < 3 ? x / 3 + 0.5 : 1
    case .hardSigmoid: return x > -3 && x < 3 ? 1 / 6 : 0
    case .silu, .approximateSiLU:
      let s = apply(.sigmoid, x)
      return s * (1 + x * apply(.sigmoid, -x))
    case .sigmoid, .approximateSigmoid: return apply(.sigmoid, x) * apply(.sigmoid, -x)
    }
  }

  /// A convolution of `groups` groups with bias and nonlinearity, NHWC with channels not padded;
  /// weights in PyTorch's order.
  static func convolution(
    _ g: ConvolutionGeometry, groups: Int = 1, input: [Float], weights: [Float], scale: [Double],
    bias: [Double], nonlinearity: Nonlinearity
  ) -> [Double] {
    let perGroup = g.inputChannels / groups
    let outputsPerGroup = g.outputChannels / groups
    var result: [Double] = []
    for row in 0..<g.outputHeight {
      for column in 0..<g.outputWidth {
        for output in 0..<g.outputChannels {
          var sum = 0.0
          for channel in 0..<perGroup {
            for tapRow in 0..<g.kernel {
              for tapColumn in 0..<g.kernel {
                let y = row * g.stride - g.paddingTop + tapRow
                let x = column * g.stride - g.paddingLeft + tapColumn
                guard 0..<g.inputHeight ~= y && 0..<g.inputWidth ~= x else { continue }
                let source = output / outputsPerGroup * perGroup + channel
                let weight = ((output * perGroup + channel) * g.kernel + tapRow) * g.kernel
                sum +=
                  Double(input[(y * g.inputWidth + x) * g.inputChannels + source])
                  * Double(weights[weight + tapColumn])
              }
            }
          }
          result.append(apply(nonlinearity, sum * scale[output] + bias[output]))
        }
      }
    }
    return result
  }

  /// The first value further than `tolerance` · max(1, |expected|) from what was expected.
  static func firstOutlier(
    _ found: [Float], _ expected: [Double], within tolerance: Double
  ) -> String? {
    guard found.count == expected.count else {
      return "\(found.count) values, expected \(expected.count)"
    }
    for (index, pair) in zip(found, expected).enumerated()
    where !(abs(Double(pair.0) - pair.1) <= tolerance * max(1, abs(pair.1))) {
      return "value \(index) is \(pair.0), expected \(pair.1)"
    }
    return nil
  }
}

/// Reproducible values in [−1, 1).
struct Noise {
  private var state: UInt64

  init(_ seed: Int) { state = UInt64(truncatingIfNeeded: seed) &+ 1 }

  mutating func next() -> Float {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Float(state >> 40) * 0x1p-23 - 1
  }

  mutating func array(_ count: Int) -> [Float] { (0..<count).map { _ in next() } }
}

extension AlignedBuffer {
  /// A buffer that holds `values`, NaN elsewhere if it is longer.
  convenience init(_ values: [Float], count: Int? = nil) {
    do {
      try self.init(count: max(values.count, count ?? 0))
    } catch {
      fatalError("\(error)")
    }
    for index in 0..<self.count { base[index] = index < values.count ? values[index] : .nan }
  }

  /// The contents.
  var values: [Float] { Array(UnsafeBufferPointer(start: base, count: count)) }
}

extension InstructionSet {
  /// The instruction sets that can be tested on this machine.
  static let supported = allCases.filter(\.isSupported)
}

extension Nonlinearity {
  /// All but the short forms, which lower precision uses.
  static let exact = allCases.filter { $0 != .approximateSiLU && $0 != .approximateSigmoid }
}
