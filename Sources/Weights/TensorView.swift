/// A named array of numbers inside a mapped file.
///
/// A view owns no numbers: it is a window on the file's bytes, and keeps the file mapped while it
/// lives. PyTorch may store an array with its dimensions in another order (channels last), or as
/// part of a larger one; `strides` then tells where elements lie. Reading is always in the order of
/// `shape`, the last dimension fastest.
public struct TensorView: Sendable {
  /// The name the file gives this tensor.
  public let name: String

  /// How elements are stored.
  public let elementType: ElementType

  /// The extent of each dimension; empty for a scalar.
  public let shape: [Int]

  /// The distance in elements between neighbours along each dimension, or nil where the elements
  /// lie one after another in reading order.
  public let strides: [Int]?

  /// The product of `shape`.
  public let elementCount: Int

  let file: MappedFile
  let storage: Range<Int>

  /// - Parameter range: the bytes of the file from the first to the last element.
  init(
    name: String, elementType: ElementType, shape: [Int], strides: [Int]? = nil,
    elementCount: Int, file: MappedFile, range: Range<Int>
  ) {
    self.name = name
    self.elementType = elementType
    self.shape = shape
    self.strides = strides
    self.elementCount = elementCount
    self.file = file
    self.storage = range
  }

  /// The bytes that the elements take when they lie one after another.
  public var byteCount: Int { elementType.byteCount(of: elementCount) ?? 0 }

  /// Calls `body` with the stored bytes, from the first element to the last.
  ///
  /// Where `strides` is nil these are exactly `byteCount` bytes in reading order. They need not be
  /// aligned.
  public func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(UnsafeRawBufferPointer(rebasing: file.bytes[storage]))
  }

  /// Calls `body` with the elements as `Float`, in reading order.
  ///
  /// Nothing is copied where the file already holds aligned `F32` in that order; otherwise a
  /// converted copy lives as long as the call.
  ///
  /// - Throws: `WeightsError.unsupported` for an element type that does not convert, and whatever
  ///   `body` throws.
  public func withContiguousFloats<Result>(
    _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) throws -> Result {
    if let floats = mappedFloats { return try body(floats) }
    return try floats().withUnsafeBufferPointer(body)
  }

  /// The elements as `Float`, in reading order.
  ///
  /// - Throws: `WeightsError.unsupported` for an element type that does not convert.
  public func floats() throws(WeightsError) -> [Float] {
    try requireConvertible()
    return [Float](unsafeUninitializedCapacity: elementCount) { buffer, count in
      gather(into: UnsafeMutableBufferPointer(rebasing: buffer[..<elementCount]))
      count = elementCount
    }
  }

  /// Writes the elements as `Float`, in reading order.
  ///
  /// - Parameter destination: memory for exactly `elementCount` values.
  /// - Throws: `WeightsError.unsupported` for an element type that does not convert.
  public func copyFloats(
    into destination: UnsafeMutableBufferPointer<Float>
  ) throws(WeightsError) {
    precondition(destination.count == elementCount, "the destination does not fit the tensor")
    try requireConvertible()
    gather(into: destination)
  }

  private func requireConvertible() throws(WeightsError) {
    guard elementType.convertsToFloat else {
      throw .unsupported(
        path: file.path, reason: "tensor \(name) holds \(elementType.rawValue), not floats")
    }
  }

  /// The elements where they lie, if no conversion and no copy is needed.
  private var mappedFloats: UnsafeBufferPointer<Float>? {
    guard elementType == .f32, strides == nil else { return nil }
    let bytes = UnsafeRawBufferPointer(rebasing: file.bytes[storage])
    guard let base = bytes.baseAddress else { return UnsafeBufferPointer(start: nil, count: 0) }
    guard UInt(bitPattern: base).isMultiple(of: UInt(MemoryLayout<Float>.alignment)) else {
      return nil
    }
    return UnsafeBufferPointer(start: base.assumingMemoryBound(to: Float.self), count: elementCount)
  }
}
