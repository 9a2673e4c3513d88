// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

/// The transform of one tile of a feature map, such as Bᵀ d B.
@frozen
public struct WinogradInput {
  public var variant: WinogradVariant
  /// A multiple of 8.
  public var channels: Int
  /// The tile's first position.
  public var x: UnsafePointer<Float>
  public var rowStride: Int
  public var positionStride: Int
  /// Element (0, 0) of the tile; the elements are `elementStride` apart.
  public var out: UnsafeMutablePointer<Float>
  public var elementStride: Int
  /// 81 vectors of scratch memory.
  public var scratch: UnsafeMutablePointer<Float>

  @inlinable
  public init(
    variant: WinogradVariant, channels: Int, x: UnsafePointer<Float>, rowStride: Int,
    positionStride: Int, out: UnsafeMutablePointer<Float>, elementStride: Int,
    scratch: UnsafeMutablePointer<Float>
  ) {
    self.variant = variant
    self.channels = channels
    self.x = x
    self.rowStride = rowStride
    self.positionStride = positionStride
    self.out = out
    self.elementStride = elementStride
    self.scratch = scratch
  }
}

/// One tile's output transform Aᵀ m A, with bias, nonlinearity and residual.
@frozen
public struct WinogradOutput {
  public var variant: WinogradVariant
  /// A multiple of 8.
  public var channels: Int
  /// Element (0, 0) of the tile's products; the elements are `elementStride` apart.
  public var products: UnsafePointer<Float>
  public var elementStride: Int
  /// The tile's first output position.
  public var out: UnsafeMutablePointer<Float>
  public var rowStride: Int
  public var positionStride: Int
  /// Output rows and columns that lie in the image.
  public var rows: Int
  public var columns: Int
  public var bias: UnsafePointer<Float>
  /// Laid out like `out`.
  public var residual: UnsafePointer<Float>?
  public var nonlinearity: Nonlinearity
  /// 81 vectors of scratch memory.
  public var scratch: UnsafeMutablePointer<Float>

  @inlinable
  public init(
    variant: WinogradVariant, channels: Int, products: UnsafePointer<Float>, elementStride: Int,
    out: UnsafeMutablePointer<Float>, rowStride: Int, positionStride: Int, rows: Int, columns: Int,
    bias: UnsafePointer<Float>, residual: UnsafePointer<Float>?, nonlinearity: Nonlinearity,
    scratch: UnsafeMutablePointer<Float>
  ) {
    self.variant = variant
    self.channels = channels
    self.products = products
    self.elementStride = elementStride
    self.out = out
    self.rowStride = rowStride
    self.positionStride = positionStride
    self.rows = rows
    self.columns = columns
    self.bias = bias
    self.residual = residual
    self.nonlinearity = nonlinearity
    self.scratch = scratch
  }
}

/// Transforms the input of one tile.
@inlinable @inline(__always)
public func transformInput<T: WinogradTile, L: Lanes>(_ tile: WinogradInput, _: T.Type, _: L.Type) {
  forEachVector(of: tile.channels, L.self, SquareTransform<InputTransform<T>>(tile: tile))
}

/// Transforms the products of one tile.
@inlinable @inline(__always)
public func transformOutput<T: WinogradTile, L: Lanes>(
  _ tile: WinogradOutput, _: T.Type, _: L.Type
) {
  tile.nonlinearity.accept(OutputTransformVisitor<T, L>(tile: tile))
}

@frozen
@usableFromInline
struct OutputTransformVisitor<T: WinogradTile, L: Lanes>: NonlinearityVisitor {
  @usableFromInline let tile: WinogradOutput

  @inlinable @inline(__always)
  init(tile: WinogradOutput) { self.tile = tile }

  @inlinable @inline(__always)
  func visit<F: NonlinearityFunction>(_: F.Type) {
    forEachVector(of: tile.channels, L.self, OutputTransform<T, F>(tile: tile))
  }
}

/// Vectors side by side, or some distance apart.
@frozen
@usableFromInline
struct StridedSink<L: Lanes>: VectorSink {
  @usableFromInline var out: UnsafeMutablePointer<Float>
  @usableFromInline var stride: Int

  @inlinable @inline(__always)
  init(_ out: UnsafeMutablePointer<Float>, stride: Int) {
    self.out = out
    self.stride = stride
  }

  @inlinable @inline(__always)
  func put(_ index: Int, _ vector: L.Vector) { L.store(vector, out + index * stride) }
}

/// One row of a tile of the feature map.
@frozen
@usableFromInline
struct RowSink<F: NonlinearityFunction, L: Lanes>: VectorSink {
  @usableFromInline var out: UnsafeMutablePointer<Float>
  @usableFromInline var residual: UnsafePointer<Float>?
  @usableFromInline var stride: Int
  @usableFromInline var columns: Int
  @usableFromInline var bias: L.Vector

  @inlinable @inline(__always)
  init(
    _ out: UnsafeMutablePointer<Float>, residual: UnsafePointer<Float>?, stride: Int, columns: Int,
    bias: L.Vector
  ) {
    self.out = out
    self.residual = residual
    self.stride = stride
    self.columns = columns
    self.bias = bias
  }

  @inlinable @inline(__always)
  func put(_ index: Int, _ vector: L.Vector) {
    guard index < columns else { return }
    let value = F.apply(L.add(vector, bias), L.self)
    guard let residual else { return L.store(value, out + index * stride) }
    L.store(L.add(value, L.load(residual + index * stride)), out + index * stride)
  }
}

/// Bᵀ.
@usableFromInline
enum InputTransform<T: WinogradTile>: TileTransform {
  @inlinable @inline(__always)
  static var inputs: Int { T.inputs }

  @inlinable @inline(__always)
  static var outputs: Int { T.inputs }

  @inlinable @inline(__always)
  static func apply<S: VectorSink>(_ x: UnsafePointer<Float>, stride: Int, _ sink: S) {
    T.input(x, stride: stride, sink)
  }
}

/// Both directions of a transform.
@frozen
@usableFromInline
struct SquareTransform<T: TileTransform>: ChannelBody {
  @usableFromInline var tile: WinogradInput

  @inlinable @inline(__always)
  init(tile: WinogradInput) { self.tile = tile }

  @inlinable @inline(__always)
  func run<L: Lanes>(_ channel: Int, _: L.Type) {
    for column in 0..<T.inputs {
      T.apply(
        tile.x + column * tile.positionStride + channel, stride: tile.rowStride,
        StridedSink<L>(tile.scratch + column * L.count, stride: T.inputs * L.count))
    }
    for row in 0..<T.outputs {
      T.apply(
        UnsafePointer(tile.scratch + row * T.inputs * L.count), stride: L.count,
        StridedSink<L>(
          tile.out + row * T.outputs * tile.elementStride + channel, stride: tile.elementStride))
    }
  }
}

@frozen
@usableFromInline
struct OutputTransform<T: WinogradTile, F: NonlinearityFunction>: ChannelBody {
  @usableFromInline var tile: WinogradOutput

  @inlinable @inline(__always)
  init(tile: WinogradOutput) { self.tile = tile }

  @inlinable @inline(__always)
  func run<L: Lanes>(_ channel: Int, _: L.Type) {
    let inputs = T.inputs
    for column in 0..<inputs {
      T.output(
        tile.products + column * tile.elementStride + channel,
        stride: inputs * tile.elementStride,
        StridedSink<L>(tile.scratch + column * L.count, stride: inputs * L.count))
    }
    let bias = L.load(tile.bias + channel)
    for row in 0..<tile.rows {
      let offset = row * tile.rowStride + channel
      T.output(
        UnsafePointer(tile.scratch + row * inputs * L.count), stride: L.count,
        RowSink<F, L>(
          tile.out + offset, residual: tile.residual.map { $0 + offset },
          stride: tile.positionStride, columns: tile.columns, bias: bias))
    }
  }
}
