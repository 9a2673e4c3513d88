/// The element types that floats can be written as.
enum FloatEncoding {
  case f32
  case f16
  case bf16

  /// - Precondition: `type` is one of the three.
  init(_ type: ElementType) {
    switch type {
    case .f32: self = .f32
    case .f16: self = .f16
    case .bf16: self = .bf16
    default: preconditionFailure("floats are not written as \(type.rawValue)")
    }
  }

  /// Rounds `values` to nearest, ties to even, into `buffer`, which must be of exactly their size.
  ///
  /// - Throws: `WeightsError.unrepresentable` where a finite value becomes infinite.
  func encode(
    _ values: UnsafeBufferPointer<Float>, into buffer: UnsafeMutableRawBufferPointer,
    tensor: String, path: String
  ) throws(WeightsError) {
    switch self {
    case .f32:
      for (index, value) in values.enumerated() {
        buffer.storeBytes(
          of: value.bitPattern.littleEndian, toByteOffset: index * 4, as: UInt32.self)
      }
    case .f16:
      for (index, value) in values.enumerated() {
        let bits = value.binary16
        guard !value.isFinite || bits & 0x7fff < 0x7c00 else {
          throw .unrepresentable(
            path: path, tensor: tensor,
            reason: "element \(index), \(value), exceeds F16's largest, 65504; use BF16 or F32")
        }
        buffer.storeBytes(of: bits.littleEndian, toByteOffset: index * 2, as: UInt16.self)
      }
    case .bf16:
      for (index, value) in values.enumerated() {
        let bits = value.bfloat16
        guard !value.isFinite || bits & 0x7fff < 0x7f80 else {
          throw .unrepresentable(
            path: path, tensor: tensor,
            reason: "element \(index), \(value), exceeds BF16's largest; use F32")
        }
        buffer.storeBytes(of: bits.littleEndian, toByteOffset: index * 2, as: UInt16.self)
      }
    }
  }
}
