// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

/// A feature map that training keeps between its passes, as f32 or rounded to bf16.
@frozen
public struct KeptMap {
  /// How values are kept.
  @frozen
  public enum Element: Sendable {
    case f32, bf16

    /// Bytes of a value.
    @inlinable
    public var size: Int { self == .f32 ? 4 : 2 }
  }

  public let base: UnsafeMutableRawPointer
  public let element: Element

  @inlinable
  public init(_ base: UnsafeMutableRawPointer, _ element: Element) {
    (self.base, self.element) = (base, element)
  }

  /// A map as f32.
  @inlinable
  public init(_ floats: UnsafeMutablePointer<Float>) { self.init(floats, .f32) }

  @inlinable
  public static func + (map: KeptMap, values: Int) -> KeptMap {
    KeptMap(map.base + values * map.element.size, map.element)
  }

  /// Whether the first `count` values are finite.
  public func isFinite(count: Int) -> Bool {
    switch element {
    case .f32:
      (0..<count).allSatisfy { base.load(fromByteOffset: 4 * $0, as: Float.self).isFinite }
    case .bf16:
      (0..<count).allSatisfy {
        base.load(fromByteOffset: 2 * $0, as: UInt16.self) & 0x7f80 != 0x7f80
      }
    }
  }

  @inlinable @inline(__always)
  func accept<V: KeptMapVisitor>(_ visitor: V) {
    switch element {
    case .f32: visitor.visit(KeptF32.self)
    case .bf16: visitor.visit(KeptBF16.self)
    }
  }
}

/// Code that is compiled once for each way to keep a map.
@usableFromInline
protocol KeptMapVisitor {
  func visit<E: KeptElement>(_: E.Type)
}

/// Reads and writes the values of a kept map.
@usableFromInline
protocol KeptElement {
  /// Bytes of a value.
  static var size: Int { get }
  static func load<L: Lanes>(_ pointer: UnsafeRawPointer, _: L.Type) -> L.Vector
  /// Rounds.
  static func store<L: Lanes>(_ vector: L.Vector, _ pointer: UnsafeMutableRawPointer, _: L.Type)
}

@usableFromInline
enum KeptF32: KeptElement {
  @inlinable @inline(__always)
  static var size: Int { 4 }

  @inlinable @inline(__always)
  static func load<L: Lanes>(_ pointer: UnsafeRawPointer, _: L.Type) -> L.Vector {
    L.load(pointer.assumingMemoryBound(to: Float.self))
  }

  @inlinable @inline(__always)
  static func store<L: Lanes>(
    _ vector: L.Vector, _ pointer: UnsafeMutableRawPointer, _: L.Type
  ) {
    L.store(vector, pointer.assumingMemoryBound(to: Float.self))
  }
}

@usableFromInline
enum KeptBF16: KeptElement {
  @inlinable @inline(__always)
  static var size: Int { 2 }

  @inlinable @inline(__always)
  static func load<L: Lanes>(_ pointer: UnsafeRawPointer, _: L.Type) -> L.Vector {
    L.loadBF16(pointer)
  }

  @inlinable @inline(__always)
  static func store<L: Lanes>(
    _ vector: L.Vector, _ pointer: UnsafeMutableRawPointer, _: L.Type
  ) {
    L.storeBF16(vector, pointer)
  }
}
