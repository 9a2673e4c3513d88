/// The offset of each value in an arena.
///
/// Values with disjoint lifetimes share memory. Each value gets the lowest offset that is free
/// during its lifetime. Values are placed either largest first (greedy by size: Pisarchyk & Lee
/// 2020, arXiv 2001.03288) or in the order of the steps, whichever takes less memory.
package struct MemoryPlan {
  /// A value to place.
  package struct Record {
    /// Floats.
    package var count: Int
    /// From the step that writes it to the last that reads it.
    package var lifetime: ClosedRange<Int>

    package init(count: Int, lifetime: ClosedRange<Int>) {
      self.count = count
      self.lifetime = lifetime
    }
  }

  /// The offset of each record in floats, in the given order.
  package let offsets: [Int]
  /// The size of the arena in floats.
  package let count: Int
  /// The size of the largest set of records live at one step, in floats: a lower bound for any
  /// plan.
  package let largestLiveSet: Int

  package init(_ records: [Record]) {
    let bySize = records.indices.sorted { (records[$1].count, $0) < (records[$0].count, $1) }
    let byTime = records.indices.sorted {
      (records[$0].lifetime.lowerBound, $0) < (records[$1].lifetime.lowerBound, $1)
    }
    // Neither order is better for every network.
    let plans = [bySize, byTime].map { Self.place(records, inOrder: $0) }
    (offsets, count) = plans[0].count <= plans[1].count ? plans[0] : plans[1]
    largestLiveSet = Self.largestLiveSet(of: records)
  }

  /// The size of the largest set of records alive at one step, in floats.
  package static func largestLiveSet(of records: [Record]) -> Int {
    let steps = (records.map(\.lifetime.upperBound).max() ?? 0) + 1
    return (0..<steps).map { step in
      records.reduce(0) { $0 + ($1.lifetime.contains(step) ? $1.count : 0) }
    }.max() ?? 0
  }

  /// Places each record at the lowest offset that is free during its lifetime.
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
