// The two 16-bit formats, by integer arithmetic alone: it vectorises on every processor, needs no
// conversion instruction, and no operand is subnormal, so that a thread in flush-to-zero mode gets
// the same values.

extension Float {
  /// The value of an IEEE 754 binary16 number.
  ///
  /// The exponent is rebased from 15 to 127. Subnormals gain an implicit bit that is not theirs,
  /// and subtracting it again normalises them exactly.
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
  /// Values from 65520 up become infinite. NaN stays NaN, quiet, with the upper bits of its payload.
  package var binary16: UInt16 {
    let sign = UInt16(truncatingIfNeeded: bitPattern &>> 16) & 0x8000
    let magnitude = bitPattern & 0x7fff_ffff
    if magnitude > 0x7f80_0000 {
      return sign | 0x7e00 | UInt16(truncatingIfNeeded: magnitude &>> 13) & 0x3ff
    }
    if magnitude >= 0x477f_f000 { return sign | 0x7c00 }
    if magnitude < 0x3880_0000 {
      // Subnormal in binary16: the unit is 2^-24. Adding 0.5, whose last bit is worth 2^-24,
      // makes the processor round, and leaves the multiple in the low bits.
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
