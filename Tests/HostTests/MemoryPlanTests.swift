import Host
import Testing

struct MemoryPlanTests {
  /// Random lifetimes: values that are live together do not overlap.
  @Test(arguments: 0..<50)
  func liveValuesNeverOverlap(_ seed: UInt64) {
    var state = seed &* 7919 &+ 1
    func below(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    let records = (0..<1 + below(40)).map { _ in
      let first = below(30)
      return MemoryPlan.Record(count: 1 + below(500), lifetime: first...first + below(8))
    }
    let plan = MemoryPlan(records)
    for (i, a) in records.enumerated() {
      #expect(plan.offsets[i] >= 0 && plan.offsets[i] % 16 == 0)
      #expect(plan.offsets[i] + a.count <= plan.count)
      for (j, b) in records.enumerated() where j > i && a.lifetime.overlaps(b.lifetime) {
        let apart =
          plan.offsets[i] + a.count <= plan.offsets[j]
          || plan.offsets[j] + b.count <= plan.offsets[i]
        #expect(apart, "\(a) at \(plan.offsets[i]), \(b) at \(plan.offsets[j])")
      }
    }
    let live = (0..<40).map { step in
      records.reduce(0) { $0 + ($1.lifetime.contains(step) ? $1.count : 0) }
    }
    #expect(plan.largestLiveSet == live.max())
    #expect(plan.count >= plan.largestLiveSet)
  }

  /// A chain needs memory for the two largest neighbours, however long it is.
  @Test func chainReusesMemory() {
    let plan = MemoryPlan(
      (0..<100).map { MemoryPlan.Record(count: 1024, lifetime: $0...$0 + 1) })
    #expect(plan.count == 2048)
  }

  @Test func emptyPlanNeedsNoMemory() { #expect(MemoryPlan([]).count == 0) }
}
