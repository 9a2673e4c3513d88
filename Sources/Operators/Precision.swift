import Kernels

/// The number format of a matrix product's operands.
///
/// Feature maps are f32 between products, and so are bias, activation and residual.
public enum Precision: String, Hashable, Sendable, CaseIterable {
  /// 32-bit floats.
  case f32
  /// Both operands rounded to bfloat16, products summed as f32.
  case bf16
  /// Each row of activations quantized to 8 bits by its own range, weights by each output channel's
  /// largest; sums are exact. No calibration.
  case int8
}

/// The number format of one layer's product.
package enum ProductPrecision: String, Hashable, Sendable {
  case f32, bf16, int8
  /// Each operand is the sum of two bf16, and three of the four products are summed: almost f32.
  case bf16x3
  /// Like int8, but with 10 to 15 bits and a sign for activations, and for weights as many as exact sums
  /// leave, at most 16: almost f32.
  case int16

  package init(_ precision: Precision) {
    self =
      switch precision {
      case .f32: .f32
      case .bf16: .bf16
      case .int8: .int8
      }
  }

  /// Whether operands are integers, with steps and offsets.
  var isQuantized: Bool { self == .int8 || self == .int16 }
}

extension KernelTable {
  /// The packed matrix product of a precision.
  package func gemm(_ precision: ProductPrecision) -> GEMMKernel {
    switch precision {
    case .f32: gemm
    case .bf16: bf16
    case .int8: int8
    case .bf16x3: Self.existing(bf16x3)
    case .int16: Self.existing(int16)
    }
  }

  private static func existing(_ kernel: GEMMKernel?) -> GEMMKernel {
    guard let kernel else { preconditionFailure("the strategy asks for it only if there is one") }
    return kernel
  }
}
