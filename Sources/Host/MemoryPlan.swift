/// Where each value of a plan lies in the arena.
///
/// Values whose lifetimes do not overlap share memory, each at the lowest place that is free while it
/// lives: the largest value first (greedy by size: Pisarchyk & Lee 2020, arXiv 2001.03288), or in the
/// order of the steps, whichever takes less.
package struct MemoryPlan {
  /// A value to be placed.
  package struct Record {
    /// Floats.
    package var count: Int
    /// Steps from the one that writes it to the last that reads it.
    package var lifetime: ClosedRange<Int>

    package init(count: Int, lifetime: ClosedRange<Int>) {
      self.count = count
      self.lifetime = lifetime
    }
  }

  /// The first float of each record, in the order given.
  package let offsets: [Int]
  /// Floats of the whole arena.
  package let count: Int
  /// Floats of the largest set of records that are alive at one step: no plan can be smaller.
  package let largestLiveSet: Int

  package init(_ records: [Record]) {
    let bySize = records.indices.sorted { (records[$1].count, $0) < (records[$0].count, $1) }
    let byTime = records.indices.sorted {
      (records[$0].lifetime.lowerBound, $0) < (records[$1].lifetime.lowerBound, $1)
    }
    // Neither order is the better one for every network.
    let plans = [bySize, byTime].map { Self.place(records, inOrder: $0) }
    (offsets, count) = plans[0].count <= plans[1].count ? plans[0] : plans[1]
    largestLiveSet = Self.largestLiveSet(of: records)
  }

  /// Floats of the largest set of records that are alive at one step.
  package static func largestLiveSet(of records: [Record]) -> Int {
    let steps = (records.map(\.lifetime.upperBound).max() ?? 0) + 1
    return (0..<steps).map { step in
      records.reduce(0) { $0 + ($1.lifetime.contains(step) ? $1.count : 0) }
    }.max() ?? 0
  }

  /// Each record at the lowest place that is free while it lives.
  private static func place(
    _ records: [Record], inOrder order: [Int]
  ) -> (offsets: [Int], count: Int) {
    // Multiples of 16 floats: a cache line, and the widest vector.
    func rounded(_ count: Int) -> Int { (count + 15) & ~15 }
    var offsets = [Int](repeating: 0, count: records.count)
    var placed: [Int] = []
    var end = 0
    for index in order {
      let record = records[index]
      let neighbours =
        placed
        .filter { records[$0].lifetime.overlaps(record.lifetime) }
        .sorted { offsets[$0] < offsets[$1] }
      var offset = 0
      for neighbour in neighbours {
        if offset + rounded(record.count) <= offsets[neighbour] { break }
        offset = max(offset, offsets[neighbour] + rounded(records[neighbour].count))
      }
      offsets[index] = offset
      placed.append(index)
      end = max(end, offset + rounded(record.count))
    }
    return (offsets, end)
  }
}
