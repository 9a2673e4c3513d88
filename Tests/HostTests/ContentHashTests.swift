import Host
import Testing

struct ContentHashTests {
  /// Hashes are stored, so they must not change.
  @Test func valuesStayTheSame() {
    let hash = ContentHash(Array("The quick brown fox".utf8))
    #expect(hash.description == "71c7d6cc5b784e67938612949880844b")
  }

  @Test func anyChangeChangesTheHash() {
    let bytes = (0..<100).map { UInt8($0) }
    var hashes: Set<ContentHash> = []
    for count in 0...bytes.count { hashes.insert(ContentHash(Array(bytes.prefix(count)))) }
    for index in bytes.indices {
      for bit in 0..<8 {
        var changed = bytes
        changed[index] ^= 1 << bit
        hashes.insert(ContentHash(changed))
      }
    }
    hashes.insert(ContentHash(Array(bytes.reversed())))
    // Zeros after the end count, too.
    for count in 1...20 { hashes.insert(ContentHash([UInt8](repeating: 0, count: count))) }
    // A single zero is both a prefix of the bytes and the first row of zeros.
    #expect(hashes.count == 101 + 800 + 1 + 19)
  }

  @Test func descriptionsAreReadBack() {
    for seed in 0..<200 {
      let hash = ContentHash([UInt8(seed)])
      #expect(hash.description.utf8.count == 32)
      #expect(ContentHash(hash.description) == hash)
    }
    let digits = String(repeating: "0", count: 32)
    #expect(ContentHash(digits)?.words == SIMD2(0, 0))
    for text in [
      "", "0", digits + "0", String(digits.dropLast()), "+" + digits.dropLast(),
      digits.dropLast() + "-", digits.dropLast() + "g", digits.dropLast(2) + "é",
    ] {
      #expect(ContentHash(text) == nil)
    }
  }
}
