// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

/// One row of a GEMM's register tile: a few vectors side by side.
///
/// Rows and tiles are composed of pairs, not arrays, because only values in named stored properties
/// stay in registers.
public protocol TileRow {
  /// Columns in the row.
  static var width: Int { get }
  /// A row of zeros.
  init()
  /// Reads `width` consecutive words.
  static func load(_ pointer: UnsafePointer<Float>) -> Self
  /// Adds `a` · `b` to every column.
  mutating func accumulate(_ a: Float, _ b: Self)
  /// Applies `epilogue`, which is at the row's first column, and writes the result to `c`.
  func store<E: TileEpilogue>(_ c: UnsafeMutablePointer<Float>, _ epilogue: E)
}

/// A row of one vector.
@frozen
public struct OneVector<P: DotProduct>: TileRow {
  @usableFromInline var vector: P.L.Vector

  @inlinable @inline(__always)
  public static var width: Int { P.L.count }

  @inlinable @inline(__always)
  public init() { vector = P.L.splat(0) }

  @inlinable @inline(__always)
  init(_ vector: P.L.Vector) { self.vector = vector }

  @inlinable @inline(__always)
  public static func load(_ pointer: UnsafePointer<Float>) -> Self { Self(P.L.load(pointer)) }

  @inlinable @inline(__always)
  public mutating func accumulate(_ a: Float, _ b: Self) {
    vector = P.multiplyAdd(P.L.splat(a), b.vector, vector)
  }

  @inlinable @inline(__always)
  public func store<E: TileEpilogue>(_ c: UnsafeMutablePointer<Float>, _ epilogue: E) {
    P.L.store(epilogue.apply(vector, P.L.self), c)
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
  public func store<E: TileEpilogue>(_ c: UnsafeMutablePointer<Float>, _ epilogue: E) {
    left.store(c, epilogue)
    right.store(c + Left.width, epilogue.moved(rows: 0, columns: Left.width))
  }
}

/// The accumulators of a few rows of C.
public protocol RegisterTile {
  associatedtype Row: TileRow
  /// Rows in the tile.
  static var rows: Int { get }
  /// A tile of zeros.
  init()
  /// Adds the outer product of one column of A, whose values are `lda` apart, and `b`.
  mutating func accumulate(_ a: UnsafePointer<Float>, lda: Int, _ b: Row)
  /// Writes every row; see `TileRow.store`.
  func store<E: TileEpilogue>(_ c: UnsafeMutablePointer<Float>, ldc: Int, _ epilogue: E)
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
  public mutating func accumulate(_ a: UnsafePointer<Float>, lda: Int, _ b: Row) {
    row.accumulate(a.pointee, b)
  }

  @inlinable @inline(__always)
  public func store<E: TileEpilogue>(_ c: UnsafeMutablePointer<Float>, ldc: Int, _ epilogue: E) {
    row.store(c, epilogue)
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
  public mutating func accumulate(_ a: UnsafePointer<Float>, lda: Int, _ b: Top.Row) {
    top.accumulate(a, lda: lda, b)
    bottom.accumulate(a + Top.rows * lda, lda: lda, b)
  }

  @inlinable @inline(__always)
  public func store<E: TileEpilogue>(_ c: UnsafeMutablePointer<Float>, ldc: Int, _ epilogue: E) {
    top.store(c, ldc: ldc, epilogue)
    bottom.store(c + Top.rows * ldc, ldc: ldc, epilogue.moved(rows: Top.rows, columns: 0))
  }
}

/// A flat tile of four rows, because deeper nesting costs minutes of compile time.
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
  public mutating func accumulate(_ a: UnsafePointer<Float>, lda: Int, _ b: Row) {
    row0.accumulate(a[0], b)
    row1.accumulate(a[lda], b)
    row2.accumulate(a[2 * lda], b)
    row3.accumulate(a[3 * lda], b)
  }

  @inlinable @inline(__always)
  public func store<E: TileEpilogue>(_ c: UnsafeMutablePointer<Float>, ldc: Int, _ epilogue: E) {
    row0.store(c, epilogue)
    row1.store(c + ldc, epilogue.moved(rows: 1, columns: 0))
    row2.store(c + 2 * ldc, epilogue.moved(rows: 2, columns: 0))
    row3.store(c + 3 * ldc, epilogue.moved(rows: 3, columns: 0))
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

/// Nine to sixteen rows, for narrow tiles.
public typealias Tall<Bottom: RegisterTile> = Above<EightRows<Bottom.Row>, Bottom>
