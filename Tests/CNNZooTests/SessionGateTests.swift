import CNNZoo
import Foundation
import Synchronization
import Testing

/// Who may use a session at the same time.
struct SessionGateTests {
  private final class Counts: Sendable {
    let computing = Atomic<Int>(0)
    let together = Atomic<Int>(0)
    let inside = Atomic<Int>(0)
    let left = Atomic<Int>(0)
  }

  private let counts = Counts()

  @Test func threadsComputeSideBySideOrOneForAll() {
    let gate = SessionGate()
    let counts = counts
    DispatchQueue.concurrentPerform(iterations: 4) { thread in
      for round in 0..<200 {
        let result: Bool? = gate.compute(together: (thread + round) % 3 == 0) { isTogether in
          let others = counts.computing.add(1, ordering: .sequentiallyConsistent).oldValue
          if isTogether {
            counts.together.add(1, ordering: .relaxed)
            #expect(others == 0)
            usleep(10)
            let now = counts.computing.load(ordering: .sequentiallyConsistent)
            #expect(now == 1)
          }
          counts.computing.subtract(1, ordering: .sequentiallyConsistent)
          return true
        }
        #expect(result == true)
      }
    }
    let together = counts.together.load(ordering: .relaxed)
    #expect(together > 0)
    #expect(gate.compute(together: true) { $0 } == true)
    #expect(gate.compute(together: false) { $0 } == false)
  }

  @Test func closingWaitsForThoseInside() {
    let gate = SessionGate()
    let counts = counts
    Thread.detachNewThread {
      gate.enter {
        counts.inside.store(1, ordering: .releasing)
        usleep(20_000)
        counts.left.store(1, ordering: .releasing)
      }
    }
    while counts.inside.load(ordering: .acquiring) == 0 { sched_yield() }
    gate.close()
    let left = counts.left.load(ordering: .acquiring)
    #expect(left == 1)
    #expect(gate.enter { 1 } == nil)
    #expect(gate.compute(together: true) { _ in 1 } == nil)
  }

  @Test func errorsLeaveTheGate() {
    struct Fault: Error {}
    let gate = SessionGate()
    #expect(throws: Fault.self) { try gate.enter { throw Fault() } }
    // Waits forever if one is still inside.
    gate.close()
  }
}
