extension TensorView {
  /// Writes the elements in reading order, converted from a type that `convertsToFloat`.
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

  /// Copies the elements in reading order, as they are stored, to memory of `byteCount` bytes.
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

  /// Calls `store` with every element's place in reading order and its stored bits.
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
