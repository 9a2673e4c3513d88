import Foundation
import Operators
import Synchronization
import Testing

struct RowPairsTests {
  /// Sizes around those of vectors, register tiles, tiles and panels.
  @Test(arguments: [0, 1, 2, 7, 8, 63, 64, 65, 191, 192, 193, 257, 700], [1, 3, 16, 37])
  func everyPairIsFoundOnce(count: Int, columns: Int) throws {
    var state = UInt32(count + columns)
    let matrix = (0..<count * columns).map { _ -> Float in
      state = state &* 1_664_525 &+ 1_013_904_223
      // Few values, so that the sums are exact.
      return Float(Int(state >> 29)) - 3
    }
    let bound = Float(columns) * 2 + 0.5
    var expected: [[Int]] = []
    for first in 0..<count {
      for second in first + 1..<max(count, first + 1) {
        let product = (0..<columns).reduce(Float(0)) {
          $0 + matrix[first * columns + $1] * matrix[second * columns + $1]
        }
        if product > bound { expected.append([first, second]) }
      }
    }
    for threads in [1, 3] {
      let found = Mutex<[[Int]]>([])
      try RowPairs().forEach(
        [RowPairs.Criterion(matrix, columns: columns, above: bound)], threads: threads
      ) { first, second in
        found.withLock { $0.append([first, second]) }
      }
      let pairs = found.withLock { $0.sorted { $0.lexicographicallyPrecedes($1) } }
      #expect(pairs == expected)
    }
  }

  /// Items on a line: near by the first criterion, both in one half by the second.
  @Test func allCriteriaHaveToBeMet() throws {
    let count = 300
    let places = (0..<count).flatMap { index -> [Float] in
      let angle = Float(index) / Float(count)
      return [angle.sine, angle.cosine]
    }
    let halves = (0..<count).map { Float($0 < 100 ? 1 : -1) }
    let found = Mutex<[[Int]]>([])
    try RowPairs().forEach(
      [
        RowPairs.Criterion(places, columns: 2, above: Float(1.5 / Double(count)).cosine),
        RowPairs.Criterion(halves, columns: 1, above: 0),
      ], threads: 2
    ) { first, second in found.withLock { $0.append([first, second]) } }
    let pairs = found.withLock { $0.sorted { $0.lexicographicallyPrecedes($1) } }
    #expect(pairs == (1..<count).filter { $0 != 100 }.map { [$0 - 1, $0] })
  }
}

extension Float {
  fileprivate var sine: Float { Float(sin(Double(self))) }
  fileprivate var cosine: Float { Float(cos(Double(self))) }
}
