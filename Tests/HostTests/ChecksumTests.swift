import Host
import Testing

struct ChecksumTests {
  private func sum(_ strings: [UInt8]...) -> Checksum {
    var sum = Checksum()
    for bytes in strings { bytes.withUnsafeBytes { sum.add($0) } }
    return sum
  }

  /// Saved states must stay readable. The values are those of a separate implementation.
  @Test func valuesAreFixed() {
    let bytes = (0..<100).map { UInt8($0) }
    #expect(sum().digits == "3578020abe50dccb")
    #expect(sum(bytes).digits == "0878360b69cd1e05")
  }

  @Test(arguments: [1, 7, 8, 31, 32, 33, 64, 100]) func everyBitCounts(length: Int) {
    let bytes = (0..<length).map { UInt8(truncatingIfNeeded: 31 * $0) }
    var sums: Set<UInt64> = [sum(bytes).value]
    for bit in 0..<8 * length {
      var changed = bytes
      changed[bit / 8] ^= 1 << (bit % 8)
      sums.insert(sum(changed).value)
    }
    #expect(sums.count == 8 * length + 1)
  }

  /// Zeros are not lost, and the borders between strings count.
  @Test func lengthsCount() {
    let sums = Set((0..<100).map { sum([UInt8](repeating: 0, count: $0)).value })
    #expect(sums.count == 100)
    #expect(sum([1], [2]) != sum([1, 2]) && sum([1, 2], []) != sum([1, 2]))
    #expect(sum([1], [2]) != sum([2], [1]))
  }

  @Test func textIsUTF8() {
    var text = Checksum()
    text.add("é")
    #expect(text == sum([0xC3, 0xA9]))
    #expect(text.digits.count == 16)
  }
}
