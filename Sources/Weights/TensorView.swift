/// A named array of numbers inside a mapped file.
///
/// A view copies nothing: it refers to the file's bytes and keeps the file mapped. PyTorch may
/// store dimensions in another order (channels last) or as part of a larger array; `strides` then
/// locates the elements. Elements are always read in C order: the last dimension of `shape` varies
/// fastest.
public struct TensorView: Sendable {
  /// The name of this tensor in the file.
  public let name: String

  /// How elements are stored.
  public let elementType: ElementType

  /// The extent of each dimension; empty for a scalar.
  public let shape: [Int]

  /// The distance in elements between neighbours along each dimension, or nil if the elements are
  /// contiguous in C order.
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

  /// The size of the elements in bytes, stored contiguously.
  public var byteCount: Int { elementType.byteCount(of: elementCount) ?? 0 }

  /// Calls `body` with the stored bytes, from the first element to the last.
  ///
  /// If `strides` is nil, these are exactly `byteCount` bytes in C order. They may be unaligned.
  public func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(UnsafeRawBufferPointer(rebasing: file.bytes[storage]))
  }

  /// Calls `body` with the elements as `Float`, in C order.
  ///
  /// Nothing is copied if the file already contains aligned `F32` in that order; otherwise a
  /// converted copy exists for the duration of the call.
  ///
  /// - Throws: `WeightsError.unsupported` for an element type that does not convert, and errors of
  ///   `body`.
  public func withContiguousFloats<Result>(
    _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) throws -> Result {
    if let floats = mappedFloats { return try body(floats) }
    return try floats().withUnsafeBufferPointer(body)
  }

  /// The elements as `Float`, in C order.
  ///
  /// - Throws: `WeightsError.unsupported` for an element type that does not convert.
  public func floats() throws(WeightsError) -> [Float] {
    try requireConvertible()
    return [Float](unsafeUninitializedCapacity: elementCount) { buffer, count in
      gather(into: UnsafeMutableBufferPointer(rebasing: buffer[..<elementCount]))
      count = elementCount
    }
  }

  /// Writes the elements as `Float`, in C order.
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
        path: file.path, reason: "tensor \(name) contains \(elementType.rawValue), not floats")
    }
  }

  /// The elements in place, if they need no conversion and no copy.
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

extension TensorView {
  /// Writes the elements in C order, converted from a type that `convertsToFloat`.
  func gather(into destination: UnsafeMutableBufferPointer<Float>) {
    guard let output = destination.baseAddress else { return }
    switch elementType {
    case .f32: gather(UInt32.self) { output[$0] = Float(bitPattern: $1) }
    case .f16: gather(UInt16.self) { output[$0] = Float(binary16: $1) }
    case .bf16: gather(UInt16.self) { output[$0] = Float(bfloat16: $1) }
    case .f64: gather(UInt64.self) { output[$0] = Float(Double(bitPattern: $1)) }
    case .bool: gather(UInt8.self) { output[$0] = $1 == 0 ? 0 : 1 }
    case .u8: gather(UInt8.self) { output[$0] = Float($1) }
    case .i8: gather(Int8.self) { output[$0] = Float($1) }
    case .u16: gather(UInt16.self) { output[$0] = Float($1) }
    case .i16: gather(Int16.self) { output[$0] = Float($1) }
    case .u32: gather(UInt32.self) { output[$0] = Float($1) }
    case .i32: gather(Int32.self) { output[$0] = Float($1) }
    case .u64: gather(UInt64.self) { output[$0] = Float($1) }
    case .i64: gather(Int64.self) { output[$0] = Float($1) }
    case .f4, .f6e2m3, .f6e3m2, .f8e5m2, .f8e4m3, .f8e5m2fnuz, .f8e4m3fnuz, .f8e8m0, .c64:
      preconditionFailure("\(elementType.rawValue) does not convert to Float")
    }
  }

  /// Copies the elements in C order, without conversion, to memory of `byteCount` bytes.
  func copyBytes(into destination: UnsafeMutableRawBufferPointer) {
    precondition(destination.count == byteCount, "the destination does not fit the tensor")
    guard strides != nil else {
      withUnsafeBytes { destination.copyMemory(from: $0) }
      return
    }
    switch elementType.bitWidth {
    case 8: gather(UInt8.self) { destination.store($1, at: $0) }
    case 16: gather(UInt16.self) { destination.store($1, at: $0) }
    case 32: gather(UInt32.self) { destination.store($1, at: $0) }
    case 64: gather(UInt64.self) { destination.store($1, at: $0) }
    default: preconditionFailure("\(elementType.rawValue) elements are never strided")
    }
  }

  /// Calls `store` with every element's index in C order and its stored bits.
  ///
  /// Rows along the last dimension are the inner loop; an odometer steps through the others.
  @inline(__always)
  private func gather<Stored: FixedWidthInteger & BitwiseCopyable>(
    _: Stored.Type, store: (Int, Stored) -> Void
  ) {
    guard elementCount > 0, let input = file.bytes.baseAddress.map({ $0 + storage.lowerBound })
    else { return }
    let size = MemoryLayout<Stored>.size
    guard let strides, let rowLength = shape.last, let rowStride = strides.last else {
      for index in 0..<elementCount {
        let stored = input.loadUnaligned(fromByteOffset: index &* size, as: Stored.self)
        store(index, Stored(littleEndian: stored))
      }
      return
    }
    var position = [Int](repeating: 0, count: shape.count - 1)
    var rowStart = 0
    for row in stride(from: 0, to: elementCount, by: rowLength) {
      for column in 0..<rowLength {
        let element = rowStart &+ column &* rowStride
        let stored = input.loadUnaligned(fromByteOffset: element &* size, as: Stored.self)
        store(row &+ column, Stored(littleEndian: stored))
      }
      for dimension in position.indices.reversed() {
        position[dimension] += 1
        rowStart += strides[dimension]
        if position[dimension] < shape[dimension] { break }
        rowStart -= position[dimension] * strides[dimension]
        position[dimension] = 0
      }
    }
  }
}

extension UnsafeMutableRawBufferPointer {
  /// Stores an integer, little-endian, as element `index` of its own size.
  @inline(__always)
  fileprivate func store<Stored: FixedWidthInteger & BitwiseCopyable>(
    _ value: Stored, at index: Int
  ) {
    storeBytes(
      of: value.littleEndian, toByteOffset: index &* MemoryLayout<Stored>.size, as: Stored.self)
  }
}
