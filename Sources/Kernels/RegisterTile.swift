// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

/// One row of a register tile of the matrix product: a few vectors side by side.
///
/// Rows and tiles are composed from pairs instead of being arrays, because only values held in
/// named stored properties stay in registers.
public protocol TileRow {
  /// Columns in the row.
  static var width: Int { get }
  /// A row of zeros.
  init()
  /// Reads `width` consecutive floats.
  static func load(_ pointer: UnsafePointer<Float>) -> Self
  /// Adds `a` · `b` to every column.
  mutating func accumulate(_ a: Float, _ b: Self)
  /// Writes min(max(row + bias, low), high) + residual.
  func store(
    _ c: UnsafeMutablePointer<Float>, bias: UnsafePointer<Float>,
    residual: UnsafePointer<Float>, low: Float, high: Float)
}

/// A row of one vector.
@frozen
public struct OneVector<L: Lanes>: TileRow {
  @usableFromInline var vector: L.Vector

  @inlinable @inline(__always)
  public static var width: Int { L.count }

  @inlinable @inline(__always)
  public init() { vector = L.splat(0) }

  @inlinable @inline(__always)
  init(_ vector: L.Vector) { self.vector = vector }

  @inlinable @inline(__always)
  public static func load(_ pointer: UnsafePointer<Float>) -> Self { Self(L.load(pointer)) }

  @inlinable @inline(__always)
  public mutating func accumulate(_ a: Float, _ b: Self) {
    vector = L.multiplyAdd(L.splat(a), b.vector, vector)
  }

  @inlinable @inline(__always)
  public func store(
    _ c: UnsafeMutablePointer<Float>, bias: UnsafePointer<Float>,
    residual: UnsafePointer<Float>, low: Float, high: Float
  ) {
    let sum = L.add(vector, L.load(bias))
    let clamped = L.minimum(L.maximum(sum, L.splat(low)), L.splat(high))
    L.store(L.add(clamped, L.load(residual)), c)
  }
}

/// Two rows of columns side by side.
@frozen
public struct Beside<Left: TileRow, Right: TileRow>: TileRow {
  @usableFromInline var left: Left
  @usableFromInline var right: Right

  @inlinable @inline(__always)
  public static var width: Int { Left.width + Right.width }

  @inlinable @inline(__always)
  public init() {
    left = Left()
    right = Right()
  }

  @inlinable @inline(__always)
  init(_ left: Left, _ right: Right) {
    self.left = left
    self.right = right
  }

  @inlinable @inline(__always)
  public static func load(_ pointer: UnsafePointer<Float>) -> Self {
    Self(Left.load(pointer), Right.load(pointer + Left.width))
  }

  @inlinable @inline(__always)
  public mutating func accumulate(_ a: Float, _ b: Self) {
    left.accumulate(a, b.left)
    right.accumulate(a, b.right)
  }

  @inlinable @inline(__always)
  public func store(
    _ c: UnsafeMutablePointer<Float>, bias: UnsafePointer<Float>,
    residual: UnsafePointer<Float>, low: Float, high: Float
  ) {
    let width = Left.width
    left.store(c, bias: bias, residual: residual, low: low, high: high)
    right.store(
      c + width, bias: bias + width, residual: residual + width, low: low, high: high)
  }
}

/// The accumulators of several rows of the product.
public protocol RegisterTile {
  associatedtype Row: TileRow
  /// Rows in the tile.
  static var rows: Int { get }
  /// A tile of zeros.
  init()
  /// Adds the outer product of one value of each row of the left matrix, `stride` apart, and `b`.
  mutating func accumulate(_ a: UnsafePointer<Float>, stride: Int, _ b: Row)
  /// Writes every row; see `TileRow.store`.
  func store(
    _ c: UnsafeMutablePointer<Float>, stride: Int, bias: UnsafePointer<Float>,
    residual: UnsafePointer<Float>, residualStride: Int, low: Float, high: Float)
}

/// A tile of one row.
@frozen
public struct OneRow<Row: TileRow>: RegisterTile {
  @usableFromInline var row: Row

  @inlinable @inline(__always)
  public static var rows: Int { 1 }

  @inlinable @inline(__always)
  public init() { row = Row() }

  @inlinable @inline(__always)
  public mutating func accumulate(_ a: UnsafePointer<Float>, stride: Int, _ b: Row) {
    row.accumulate(a.pointee, b)
  }

  @inlinable @inline(__always)
  public func store(
    _ c: UnsafeMutablePointer<Float>, stride: Int, bias: UnsafePointer<Float>,
    residual: UnsafePointer<Float>, residualStride: Int, low: Float, high: Float
  ) {
    row.store(c, bias: bias, residual: residual, low: low, high: high)
  }
}

/// Two tiles, one above the other.
@frozen
public struct Above<Top: RegisterTile, Bottom: RegisterTile>: RegisterTile
where Top.Row == Bottom.Row {
  @usableFromInline var top: Top
  @usableFromInline var bottom: Bottom

  @inlinable @inline(__always)
  public static var rows: Int { Top.rows + Bottom.rows }

  @inlinable @inline(__always)
  public init() {
    top = Top()
    bottom = Bottom()
  }

  @inlinable @inline(__always)
  public mutating func accumulate(_ a: UnsafePointer<Float>, stride: Int, _ b: Top.Row) {
    top.accumulate(a, stride: stride, b)
    bottom.accumulate(a + Top.rows * stride, stride: stride, b)
  }

  @inlinable @inline(__always)
  public func store(
    _ c: UnsafeMutablePointer<Float>, stride: Int, bias: UnsafePointer<Float>,
    residual: UnsafePointer<Float>, residualStride: Int, low: Float, high: Float
  ) {
    let rows = Top.rows
    top.store(
      c, stride: stride, bias: bias, residual: residual, residualStride: residualStride, low: low,
      high: high)
    bottom.store(
      c + rows * stride, stride: stride, bias: bias,
      residual: residual + rows * residualStride, residualStride: residualStride,
      low: low, high: high)
  }
}

/// A tile of four rows, held flat: nesting deeper than this costs the compiler minutes.
@frozen
public struct FourRows<Row: TileRow>: RegisterTile {
  @usableFromInline var row0 = Row()
  @usableFromInline var row1 = Row()
  @usableFromInline var row2 = Row()
  @usableFromInline var row3 = Row()

  @inlinable @inline(__always)
  public static var rows: Int { 4 }

  @inlinable @inline(__always)
  public init() {}

  @inlinable @inline(__always)
  public mutating func accumulate(_ a: UnsafePointer<Float>, stride: Int, _ b: Row) {
    row0.accumulate(a[0], b)
    row1.accumulate(a[stride], b)
    row2.accumulate(a[2 * stride], b)
    row3.accumulate(a[3 * stride], b)
  }

  @inlinable @inline(__always)
  public func store(
    _ c: UnsafeMutablePointer<Float>, stride: Int, bias: UnsafePointer<Float>,
    residual: UnsafePointer<Float>, residualStride: Int, low: Float, high: Float
  ) {
    row0.store(c, bias: bias, residual: residual, low: low, high: high)
    row1.store(
      c + stride, bias: bias, residual: residual + residualStride, low: low, high: high)
    row2.store(
      c + 2 * stride, bias: bias, residual: residual + 2 * residualStride, low: low, high: high)
    row3.store(
      c + 3 * stride, bias: bias, residual: residual + 3 * residualStride, low: low, high: high)
  }
}

/// Two to eight rows of `Row`.
public typealias TwoRows<Row: TileRow> = Above<OneRow<Row>, OneRow<Row>>
public typealias ThreeRows<Row: TileRow> = Above<TwoRows<Row>, OneRow<Row>>
public typealias FiveRows<Row: TileRow> = Above<FourRows<Row>, OneRow<Row>>
public typealias SixRows<Row: TileRow> = Above<FiveRows<Row>, OneRow<Row>>
public typealias SevenRows<Row: TileRow> = Above<
  FourRows<Row>, Above<OneRow<Row>, Above<OneRow<Row>, OneRow<Row>>>
>
public typealias EightRows<Row: TileRow> = Above<FourRows<Row>, FourRows<Row>>
