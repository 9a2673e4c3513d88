import Testing
import Weights

/// The compiler's own `Float16` is the reference.
@Suite struct HalfPrecisionTests {
  @Test func everyBinary16NumberDecodes() {
    for bits in UInt16.min ... .max {
      let expected = Float(Float16(bitPattern: bits))
      let value = Float(binary16: bits)
      if expected.isNaN {
        #expect(value.isNaN, "\(bits)")
      } else if value.bitPattern != expected.bitPattern {
        Issue.record("\(bits): \(value), expected \(expected)")
      }
    }
  }

  @Test func everyBinary16NumberRoundTrips() {
    for bits in UInt16.min ... .max where Float(binary16: bits).isNaN == false {
      if Float(binary16: bits).binary16 != bits { Issue.record("\(bits)") }
    }
  }

  /// Every number between two neighbours of binary16: the tie, and its neighbours on both sides.
  @Test func tiesRoundToEven() {
    for bits in UInt16(0)..<0x7c00 {
      let lower = Float(binary16: bits)
      let upper = bits == 0x7bff ? 65536 : Float(binary16: bits + 1)
      let tie = (lower + upper) / 2
      for value in [tie, tie.nextUp, tie.nextDown, -tie, -tie.nextUp, -tie.nextDown]
      where value.binary16 != Float16(value).bitPattern {
        Issue.record("\(value): \(value.binary16), expected \(Float16(value).bitPattern)")
      }
    }
  }

  @Test func bfloat16RoundsToEven() {
    #expect(Float(1).bfloat16 == 0x3f80)
    #expect(Float(bitPattern: 0x3f80_8000).bfloat16 == 0x3f80)  // a tie, down to even
    #expect(Float(bitPattern: 0x3f81_8000).bfloat16 == 0x3f82)  // a tie, up to even
    #expect(Float(bitPattern: 0x3f80_8001).bfloat16 == 0x3f81)
    #expect(Float(bitPattern: 0x3f80_7fff).bfloat16 == 0x3f80)
    #expect(Float(bitPattern: 0x0000_8001).bfloat16 == 0x0001)  // subnormal
    #expect(Float.infinity.bfloat16 == 0x7f80)
    #expect((-Float.infinity).bfloat16 == 0xff80)
    #expect(Float.greatestFiniteMagnitude.bfloat16 == 0x7f80)
    for bits in UInt16.min ... .max where !Float(bfloat16: bits).isNaN {
      if Float(bfloat16: bits).bfloat16 != bits { Issue.record("\(bits)") }
    }
  }

  @Test(arguments: [0x7f80_0001, 0x7fc0_0000, 0xff80_0001, 0xffff_ffff] as [UInt32])
  func nanStaysNaN(_ bits: UInt32) {
    let value = Float(bitPattern: bits)
    #expect(Float(binary16: value.binary16).isNaN)
    #expect(Float(bfloat16: value.bfloat16).isNaN)
    #expect(Float(binary16: value.binary16).sign == value.sign)
  }
}
