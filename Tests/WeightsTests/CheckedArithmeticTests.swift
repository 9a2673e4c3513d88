import Testing
import Weights

@Suite struct CheckedArithmeticTests {
  @Test func products() {
    #expect(checkedProduct(3, 4) == 12)
    #expect(checkedProduct(0, .max) == 0)
    #expect(checkedProduct(.max, 2) == nil)
    #expect(checkedProduct(-1, 2) == nil)
    #expect(checkedProduct(2, -1) == nil)
  }

  @Test func ranges() {
    #expect(checkedRange(at: 3, length: 4, within: 7) == 3..<7)
    #expect(checkedRange(at: 3, length: 4, within: 6) == nil)
    #expect(checkedRange(at: 7, length: 0, within: 7) == 7..<7)
    #expect(checkedRange(at: -1, length: 1, within: 7) == nil)
    #expect(checkedRange(at: 1, length: -1, within: 7) == nil)
    #expect(checkedRange(at: .max, length: 1, within: .max) == nil)
  }

  @Test func alignment() {
    #expect(checkedAlignUp(0, to: 64) == 0)
    #expect(checkedAlignUp(1, to: 64) == 64)
    #expect(checkedAlignUp(64, to: 64) == 64)
    #expect(checkedAlignUp(.max - 1, to: 64) == nil)
    #expect(checkedAlignUp(-1, to: 64) == nil)
  }

  @Test func elementCounts() {
    #expect(checkedElementCount(of: []) == 1)
    #expect(checkedElementCount(of: [2, 3, 4]) == 24)
    #expect(checkedElementCount(of: [2, 0, 4]) == 0)
    #expect(checkedElementCount(of: [1 << 32, 1 << 32]) == nil)
    #expect(checkedElementCount(of: [-2, -3]) == nil)
  }
}
