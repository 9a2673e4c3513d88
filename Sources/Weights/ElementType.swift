/// How one number of a tensor is stored.
///
/// The cases and their spelling are those of the safetensors format
/// (https://github.com/huggingface/safetensors, `Dtype`). All are accepted in a file; the types that
/// a network can be computed with convert to `Float`, the rest can only be read as bytes.
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

  /// The bytes that `count` elements take, or nil where that overflows or splits a byte.
  package func byteCount(of count: Int) -> Int? {
    guard let bits = checkedProduct(count, bitWidth), bits.isMultiple(of: 8) else { return nil }
    return bits / 8
  }
}
