// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

/// The activation at the end of a kernel, chosen once per call, never per value.
@frozen
public enum Nonlinearity: Int32, Sendable, CaseIterable {
  case identity, relu, relu6, hardSwish, hardSigmoid, silu, sigmoid
  case approximateSiLU, approximateSigmoid

  /// Its short form, for precisions below f32: good to 12 bits, where bf16 has 8.
  @inlinable
  public var approximated: Nonlinearity {
    switch self {
    case .silu: .approximateSiLU
    case .sigmoid: .approximateSigmoid
    default: self
    }
  }

  /// Whether it only limits values, so that its derivative follows from what it gives.
  @inlinable @inline(__always)
  public var isClamp: Bool { accept(ClampOfFunction()) != nil }

  /// Calls `visitor` with the function: the only switch over activations in a kernel.
  @inlinable @inline(__always)
  public func accept<V: NonlinearityVisitor>(_ visitor: V) -> V.Result {
    switch self {
    case .identity: visitor.visit(Identity.self)
    case .relu: visitor.visit(ReLU.self)
    case .relu6: visitor.visit(ReLU6.self)
    case .hardSwish: visitor.visit(HardSwish.self)
    case .hardSigmoid: visitor.visit(HardSigmoid.self)
    case .silu: visitor.visit(SiLU.self)
    case .sigmoid: visitor.visit(Sigmoid.self)
    case .approximateSiLU: visitor.visit(ApproximateSiLU.self)
    case .approximateSigmoid: visitor.visit(ApproximateSigmoid.self)
    }
  }
}

/// Code that is compiled once for each activation function.
public protocol NonlinearityVisitor {
  associatedtype Result
  func visit<F: NonlinearityFunction>(_: F.Type) -> Result
}

/// An activation function that a loop is compiled for.
public protocol NonlinearityFunction {
  /// The bounds if the function only clamps, which a GEMM does in registers.
  static var clamp: (low: Float, high: Float)? { get }
  /// Applies it to each lane.
  static func apply<L: Lanes>(_ x: L.Vector, _: L.Type) -> L.Vector
  /// Its derivative in each lane; at a kink, PyTorch's.
  static func derivative<L: Lanes>(_ x: L.Vector, _: L.Type) -> L.Vector
}

extension NonlinearityFunction {
  @inlinable @inline(__always)
  public static var clamp: (low: Float, high: Float)? { nil }
}

/// x.
public enum Identity: NonlinearityFunction {
  @inlinable @inline(__always)
  public static var clamp: (low: Float, high: Float)? { (-.infinity, .infinity) }

  @inlinable @inline(__always)
  public static func apply<L: Lanes>(_ x: L.Vector, _: L.Type) -> L.Vector { x }

  @inlinable @inline(__always)
  public static func derivative<L: Lanes>(_ x: L.Vector, _: L.Type) -> L.Vector { L.splat(1) }
}

/// max(x, 0).
public enum ReLU: NonlinearityFunction {
  @inlinable @inline(__always)
  public static var clamp: (low: Float, high: Float)? { (0, .infinity) }

  @inlinable @inline(__always)
  public static func apply<L: Lanes>(_ x: L.Vector, _: L.Type) -> L.Vector {
    L.maximum(x, L.splat(0))
  }

  @inlinable @inline(__always)
  public static func derivative<L: Lanes>(_ x: L.Vector, _: L.Type) -> L.Vector {
    L.select(x, atMost: L.splat(0), L.splat(0), else: L.splat(1))
  }
}

/// min(max(x, 0), 6).
public enum ReLU6: NonlinearityFunction {
  @inlinable @inline(__always)
  public static var clamp: (low: Float, high: Float)? { (0, 6) }

  @inlinable @inline(__always)
  public static func apply<L: Lanes>(_ x: L.Vector, _: L.Type) -> L.Vector {
    L.minimum(L.maximum(x, L.splat(0)), L.splat(6))
  }

  @inlinable @inline(__always)
  public static func derivative<L: Lanes>(_ x: L.Vector, _: L.Type) -> L.Vector {
    L.select(L.splat(6), atMost: x, L.splat(0), else: ReLU.derivative(x, L.self))
  }
}

/// x · min(max(x + 3, 0), 6) / 6.
public enum HardSwish: NonlinearityFunction {
  @inlinable @inline(__always)
  public static func apply<L: Lanes>(_ x: L.Vector, _: L.Type) -> L.Vector {
    L.multiply(x, HardSigmoid.apply(x, L.self))
  }

  @inlinable @inline(__always)
  public static func derivative<L: Lanes>(_ x: L.Vector, _: L.Type) -> L.Vector {
    let slope = L.multiplyAdd(x, L.splat(1 / 3), L.splat(0.5))
    let left = L.select(x, atMost: L.splat(-3), L.splat(0), else: slope)
    return L.select(L.splat(3), atMost: x, L.splat(1), else: left)
  }
}

/// min(max(x + 3, 0), 6) / 6.
public enum HardSigmoid: NonlinearityFunction {
  @inlinable @inline(__always)
  public static func apply<L: Lanes>(_ x: L.Vector, _: L.Type) -> L.Vector {
    L.multiply(ReLU6.apply(L.add(x, L.splat(3)), L.self), L.splat(1 / 6))
  }

  @inlinable @inline(__always)
  public static func derivative<L: Lanes>(_ x: L.Vector, _: L.Type) -> L.Vector {
    let left = L.select(x, atMost: L.splat(-3), L.splat(0), else: L.splat(1 / 6))
    return L.select(L.splat(3), atMost: x, L.splat(0), else: left)
  }
}

/// x / (1 + e⁻ˣ).
public enum SiLU: NonlinearityFunction {
  @inlinable @inline(__always)
  public static func apply<L: Lanes>(_ x: L.Vector, _: L.Type) -> L.Vector {
    L.divide(x, L.add(L.splat(1), exponential(negated: x, L.self)))
  }

  @inlinable @inline(__always)
  public static func derivative<L: Lanes>(_ x: L.Vector, _: L.Type) -> L.Vector {
    // s + s · (1 − s) · x.
    let (value, slope) = Sigmoid.valueAndDerivative(x, L.self)
    return L.multiplyAdd(slope, x, value)
  }

  /// Both for one exponential.
  @inlinable @inline(__always)
  public static func valueAndDerivative<L: Lanes>(
    _ x: L.Vector, _: L.Type
  ) -> (value: L.Vector, derivative: L.Vector) {
    let (value, slope) = Sigmoid.valueAndDerivative(x, L.self)
    return (L.multiply(x, value), L.multiplyAdd(slope, x, value))
  }
}

/// 1 / (1 + e⁻ˣ).
public enum Sigmoid: NonlinearityFunction {
  @inlinable @inline(__always)
  public static func apply<L: Lanes>(_ x: L.Vector, _: L.Type) -> L.Vector {
    L.divide(L.splat(1), L.add(L.splat(1), exponential(negated: x, L.self)))
  }

  @inlinable @inline(__always)
  public static func derivative<L: Lanes>(_ x: L.Vector, _: L.Type) -> L.Vector {
    valueAndDerivative(x, L.self).derivative
  }

  /// Both for one exponential.
  @inlinable @inline(__always)
  public static func valueAndDerivative<L: Lanes>(
    _ x: L.Vector, _: L.Type
  ) -> (value: L.Vector, derivative: L.Vector) {
    // 1 − s = s · e⁻ˣ, without the cancellation for large x.
    let e = exponential(negated: x, L.self)
    let value = L.divide(L.splat(1), L.add(L.splat(1), e))
    return (value, L.multiply(value, L.multiply(value, e)))
  }
}

/// SiLU to 12 bits.
public enum ApproximateSiLU: NonlinearityFunction {
  @inlinable @inline(__always)
  public static func apply<L: Lanes>(_ x: L.Vector, _: L.Type) -> L.Vector {
    L.multiply(x, ApproximateSigmoid.apply(x, L.self))
  }

  @inlinable @inline(__always)
  public static func derivative<L: Lanes>(_ x: L.Vector, _: L.Type) -> L.Vector {
    let (value, slope) = ApproximateSigmoid.valueAndDerivative(x, L.self)
    return L.multiplyAdd(slope, x, value)
  }
}

/// The sigmoid to 12 bits.
public enum ApproximateSigmoid: NonlinearityFunction {
  @inlinable @inline(__always)
  public static func apply<L: Lanes>(_ x: L.Vector, _: L.Type) -> L.Vector {
    let exponential = L.power(L.multiply(x, L.splat(-1.442695)))
    return L.reciprocal(L.add(L.splat(1), exponential))
  }

  @inlinable @inline(__always)
  public static func derivative<L: Lanes>(_ x: L.Vector, _: L.Type) -> L.Vector {
    valueAndDerivative(x, L.self).derivative
  }

  @inlinable @inline(__always)
  static func valueAndDerivative<L: Lanes>(
    _ x: L.Vector, _: L.Type
  ) -> (value: L.Vector, derivative: L.Vector) {
    // Not infinite, because it is multiplied by its reciprocal.
    let e = L.minimum(L.power(L.multiply(x, L.splat(-1.442695))), L.splat(1e30))
    let value = L.reciprocal(L.add(L.splat(1), e))
    return (value, L.multiply(value, L.multiply(value, e)))
  }
}

/// e⁻ˣ in each lane, saturating beyond |x| = 87.3.
///
/// The error of SiLU and sigmoid based on it is at most 4 ulp with fused multiply-add, and 32 ulp
/// without; the tests enforce both.
///
/// The result is never zero or infinite, so that a division by 1 + e⁻ˣ is finite for finite x. e⁻ˣ
/// = 2ⁿ·2ᶠ with n the nearest integer to y = −x·log₂e and |f| ≤ ½. log₂e is represented as a sum of
/// two floats, so that f keeps its bits for large |x|. n is rounded by adding 1.5·2²³, whose low
/// mantissa bits then hold n: a rounding function would be a library call for every lane.
@inlinable @inline(__always)
public func exponential<L: Lanes>(negated x: L.Vector, _: L.Type) -> L.Vector {
  let limited = L.minimum(L.maximum(x, L.splat(-87.3)), L.splat(87.3))
  let magic = L.splat(12_582_912)
  let shifted = L.multiplyAdd(limited, L.splat(-1.442695), magic)
  let nearest = L.multiplyAdd(limited, L.splat(-1.442695), L.subtract(magic, shifted))
  let f = L.multiplyAdd(limited, L.splat(-1.925963e-08), nearest)
  // 2ᶠ on [−½, ½]: (ln 2)ᵏ / k!, the last two coefficients moved to balance the error.
  var p = L.splat(1.5353362e-4)
  p = L.multiplyAdd(p, f, L.splat(1.3398874e-3))
  p = L.multiplyAdd(p, f, L.splat(9.6184374e-3))
  p = L.multiplyAdd(p, f, L.splat(5.5503325e-2))
  p = L.multiplyAdd(p, f, L.splat(2.4022648e-1))
  p = L.multiplyAdd(p, f, L.splat(6.9314720e-1))
  p = L.multiplyAdd(p, f, L.splat(1))
  return L.scale(p, byPowerIn: shifted)
}
