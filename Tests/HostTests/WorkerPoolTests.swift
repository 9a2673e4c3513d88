import Host
import Glibc
import Synchronization
import Testing

struct WorkerPoolTests {
  @Test(arguments: 1...5)
  func everyThreadRunsOnce(_ threads: Int) {
    let pool = WorkerPool(count: threads)
    let calls = Mutex([Int](repeating: 0, count: threads))
    for _ in 0..<2000 {
      pool.run { worker in calls.withLock { $0[worker] += 1 } }
    }
    #expect(calls.withLock { $0 } == [Int](repeating: 2000, count: threads))
  }

  /// Threads that have gone to sleep between two runs wake up for the next, and end with their pool.
  @Test func sleepingThreadsWakeUp() {
    let calls = Atomic<Int>(0)
    for _ in 0..<5 {
      let pool = WorkerPool(count: 3)
      for _ in 0..<10 {
        usleep(3000)
        pool.run { _ in calls.add(1, ordering: .relaxed) }
      }
      usleep(3000)
    }
    #expect(calls.load(ordering: .relaxed) == 5 * 10 * 3)
  }

  /// No thread passes a barrier before all have reached it.
  @Test(arguments: 2...4)
  func barrierKeepsThreadsInStep(_ threads: Int) {
    let pool = WorkerPool(count: threads)
    let arrived = Atomic<Int>(0)
    let early = Atomic<Int>(0)
    for _ in 0..<20 {
      arrived.store(0, ordering: .relaxed)
      pool.run { _ in
        for round in 1...50 {
          arrived.add(1, ordering: .sequentiallyConsistent)
          pool.barrier()
          if arrived.load(ordering: .sequentiallyConsistent) < round * threads {
            early.add(1, ordering: .relaxed)
          }
          pool.barrier()
        }
      }
    }
    #expect(early.load(ordering: .relaxed) == 0)
  }

  @Test func poolsCanBeCreatedRepeatedly() {
    let count = Atomic<Int>(0)
    for _ in 0..<100 {
      WorkerPool(count: 3).run { _ in count.add(1, ordering: .relaxed) }
    }
    #expect(count.load(ordering: .relaxed) == 300)
  }

  /// Signals go to the program's threads, except those raised by a thread's own instructions.
  @Test func threadsLeaveSignalsToTheCaller() {
    func mask() -> Set<Int32> {
      var set = sigset_t()
      pthread_sigmask(SIG_BLOCK, nil, &set)
      return Set((1...31).filter { sigismember(&set, $0) == 1 })
    }
    var (own, callers) = (sigset_t(), sigset_t())
    sigaddset(&own, SIGUSR2)
    pthread_sigmask(SIG_SETMASK, &own, &callers)
    defer { pthread_sigmask(SIG_SETMASK, &callers, nil) }
    let before = mask()
    #expect(before == [SIGUSR2])
    let pool = WorkerPool(count: 3)
    let masks = Mutex([Set<Int32>](repeating: [], count: 3))
    pool.run { worker in masks.withLock { $0[worker] = mask() } }
    #expect(mask() == before)
    #expect(masks.withLock { $0[0] } == before)
    for worker in 1..<pool.count {
      let blocked = masks.withLock { $0[worker] }
      #expect(blocked.isSuperset(of: [SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGALRM, SIGUSR1]))
      #expect(blocked.isDisjoint(with: [SIGBUS, SIGSEGV, SIGILL, SIGFPE, SIGTRAP, SIGSYS]))
    }
  }

  #if arch(x86_64)
    /// Whatever the caller's mode for denormal numbers and rounding, the pool's threads all use the
    /// same mode, and the caller's mode is restored.
    @Test(arguments: 1...4)
    func allThreadsUseTheSameMode(_ threads: Int) {
      let pool = WorkerPool(count: threads)
      let (tiny, third) = (Opaque(Float.leastNonzeroMagnitude), Opaque(Float(3)))
      // FE_TONEAREST, FE_UPWARD and FE_TOWARDZERO, whose names are imported twice.
      for rounding: Int32 in [0, 0x800, 0xc00] {
        fesetround(rounding)
        defer { fesetround(0) }
        let found = Mutex([[Float]](repeating: [], count: threads))
        pool.run { worker in
          let values = [
            tiny.value * third.value, Float.leastNormalMagnitude / third.value, 1 / third.value,
            -1 / third.value,
          ]
          found.withLock { $0[worker] = values }
        }
        let nearest = Float(bitPattern: 0x3eaa_aaab)
        let expected = [[Float]](repeating: [0, 0, nearest, -nearest], count: threads)
        #expect(found.withLock { $0 } == expected)
        #expect(fegetround() == rounding)
        #expect(tiny.value * third.value > 0)
      }
    }
  #endif
}

/// A number that the compiler does not know.
private final class Opaque: Sendable {
  private let bits: Atomic<UInt32>

  init(_ value: Float) { bits = Atomic(value.bitPattern) }

  var value: Float { Float(bitPattern: bits.load(ordering: .relaxed)) }
}
