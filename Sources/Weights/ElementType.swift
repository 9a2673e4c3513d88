/// How one number of a tensor is stored.
///
/// The cases and their spelling are those of the safetensors format
/// (https://github.com/huggingface/safetensors, `Dtype`). All are accepted in a file; types that
/// are useful for weights convert to `Float`, the rest can only be read as bytes.
public enum ElementType: String, Sendable, CaseIterable {
  case bool = "BOOL"
  case f4 = "F4"
  case f6e2m3 = "F6_E2M3"
  case f6e3m2 = "F6_E3M2"
  case u8 = "U8"
  case i8 = "I8"
  case f8e5m2 = "F8_E5M2"
  case f8e4m3 = "F8_E4M3"
  case f8e5m2fnuz = "F8_E5M2FNUZ"
  case f8e4m3fnuz = "F8_E4M3FNUZ"
  case f8e8m0 = "F8_E8M0"
  case i16 = "I16"
  case u16 = "U16"
  case f16 = "F16"
  case bf16 = "BF16"
  case i32 = "I32"
  case u32 = "U32"
  case f32 = "F32"
  case i64 = "I64"
  case u64 = "U64"
  case f64 = "F64"
  case c64 = "C64"

  /// Bits per element; less than eight for the packed types.
  public var bitWidth: Int {
    switch self {
    case .f4: 4
    case .f6e2m3, .f6e3m2: 6
    case .bool, .u8, .i8, .f8e5m2, .f8e4m3, .f8e5m2fnuz, .f8e4m3fnuz, .f8e8m0: 8
    case .i16, .u16, .f16, .bf16: 16
    case .i32, .u32, .f32: 32
    case .i64, .u64, .f64, .c64: 64
    }
  }

  /// Whether `TensorView.copyFloats(into:)` can convert elements of this type.
  public var convertsToFloat: Bool {
    switch self {
    case .bool, .u8, .i8, .i16, .u16, .i32, .u32, .i64, .u64, .f16, .bf16, .f32, .f64: true
    case .f4, .f6e2m3, .f6e3m2, .f8e5m2, .f8e4m3, .f8e5m2fnuz, .f8e4m3fnuz, .f8e8m0, .c64: false
    }
  }

  /// Whether elements are real numbers of 16 bits or more, as weights are.
  public var isFloatingPoint: Bool {
    switch self {
    case .f16, .bf16, .f32, .f64: true
    case .bool, .u8, .i8, .u16, .i16, .u32, .i32, .u64, .i64, .c64: false
    case .f4, .f6e2m3, .f6e3m2, .f8e5m2, .f8e4m3, .f8e5m2fnuz, .f8e4m3fnuz, .f8e8m0: false
    }
  }

  /// The size of `count` elements in bytes; nil if it overflows or splits a byte.
  package func byteCount(of count: Int) -> Int? {
    guard let bits = checkedProduct(count, bitWidth), bits.isMultiple(of: 8) else { return nil }
    return bits / 8
  }
}

// The two 16-bit formats, using integer arithmetic only: this vectorises on every processor, needs
// no conversion instructions, and has no subnormal operands, so a thread in flush-to-zero mode gets
// the same values.

extension Float {
  /// The value of an IEEE 754 binary16 number.
  ///
  /// The exponent is rebased from 15 to 127. Subnormals temporarily get an implicit bit;
  /// subtracting it again normalises them exactly.
  @inline(__always)
  package init(binary16 bits: UInt16) {
    let magnitude = UInt32(bits & 0x7fff) &<< 13
    let sign = UInt32(bits & 0x8000) &<< 16
    let exponent = magnitude & 0x0f80_0000
    let normal = magnitude &+ (112 &<< 23)
    let special = magnitude &+ (224 &<< 23)
    let subnormal =
      (Float(bitPattern: magnitude &+ (113 &<< 23)) - Float(bitPattern: 113 &<< 23)).bitPattern
    let value = exponent == 0 ? subnormal : exponent == 0x0f80_0000 ? special : normal
    self.init(bitPattern: value | sign)
  }

  /// The value of a bfloat16 number: the upper half of a `Float`.
  @inline(__always)
  package init(bfloat16 bits: UInt16) {
    self.init(bitPattern: UInt32(bits) &<< 16)
  }

  /// This value as IEEE 754 binary16, rounded to nearest, ties to even.
  ///
  /// Values from 65520 become infinite. NaN becomes a quiet NaN with the upper bits of its payload.
  package var binary16: UInt16 {
    let sign = UInt16(truncatingIfNeeded: bitPattern &>> 16) & 0x8000
    let magnitude = bitPattern & 0x7fff_ffff
    if magnitude > 0x7f80_0000 {
      return sign | 0x7e00 | UInt16(truncatingIfNeeded: magnitude &>> 13) & 0x3ff
    }
    if magnitude >= 0x477f_f000 { return sign | 0x7c00 }
    if magnitude < 0x3880_0000 {
      // Subnormal in binary16: the unit is 2^-24. The last bit of 0.5 is worth 2^-24, so adding 0.5
      // makes the processor round and leaves the multiple in the low bits.
      let rounded = Float(bitPattern: magnitude) + 0.5
      return sign | UInt16(truncatingIfNeeded: rounded.bitPattern &- Float(0.5).bitPattern)
    }
    let tie = (magnitude &>> 13) & 1
    let rebased = magnitude &- (112 &<< 23) &+ 0xfff &+ tie
    return sign | UInt16(truncatingIfNeeded: rebased &>> 13)
  }

  /// This value as bfloat16, rounded to nearest, ties to even; NaN stays NaN.
  package var bfloat16: UInt16 {
    if isNaN { return UInt16(truncatingIfNeeded: bitPattern &>> 16) | 0x40 }
    let tie = (bitPattern &>> 16) & 1
    return UInt16(truncatingIfNeeded: (bitPattern &+ 0x7fff &+ tie) &>> 16)
  }
}

/// The element types for writing floats.
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

  /// Rounds `values` to nearest, ties to even, into `buffer`, which must have exactly their size.
  ///
  /// - Throws: `WeightsError.unrepresentable` if a finite value becomes infinite.
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
            reason: "element \(index), \(value), exceeds the F16 maximum of 65504; use BF16 or F32")
        }
        buffer.storeBytes(of: bits.littleEndian, toByteOffset: index * 2, as: UInt16.self)
      }
    case .bf16:
      for (index, value) in values.enumerated() {
        let bits = value.bfloat16
        guard !value.isFinite || bits & 0x7fff < 0x7f80 else {
          throw .unrepresentable(
            path: path, tensor: tensor,
            reason: "element \(index), \(value), exceeds the BF16 maximum; use F32")
        }
        buffer.storeBytes(of: bits.littleEndian, toByteOffset: index * 2, as: UInt16.self)
      }
    }
  }
}
