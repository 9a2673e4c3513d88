import Glibc

/// A background thread that receives no signals.
package enum DetachedThread {
  /// Starts a thread that calls `body` and ends; returns false if the operating system refuses.
  ///
  /// Signals go to the program's own threads, so that an interrupt wakes a thread that waits in a
  /// system call, and no handler runs on this thread's stack. Only signals raised by the thread's
  /// own instructions stay unblocked, because the kernel kills a process that blocks them. The
  /// caller's mask is unchanged.
  package static func start(_ body: @escaping @Sendable () -> Void) -> Bool {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    // A thread inherits the mask of its creator.
    var blocked = sigset_t()
    var callers = sigset_t()
    sigfillset(&blocked)
    for signal in [SIGBUS, SIGSEGV, SIGILL, SIGFPE, SIGTRAP, SIGSYS] {
      sigdelset(&blocked, signal)
    }
    pthread_sigmask(SIG_SETMASK, &blocked, &callers)
    defer { pthread_sigmask(SIG_SETMASK, &callers, nil) }
    let box = Unmanaged.passRetained(Box(body))
    var thread = pthread_t()
    let code = pthread_create(
      &thread, &attributes,
      { argument in
        guard let argument else { return nil }
        Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
        return nil
      }, box.toOpaque())
    if code != 0 { box.release() }
    return code == 0
  }

  private final class Box {
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
}

/// A lock with a condition: a thread that holds it can wait for another thread to change something.
package final class Monitor: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  package init() {
    pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(condition)
    mutex.deallocate()
    condition.deallocate()
  }

  package func locked<Result>(_ body: () -> Result) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return body()
  }

  /// Releases the lock until a thread calls `wakeAll()`; callers then check their condition again.
  package func wait() { pthread_cond_wait(condition, mutex) }

  package func wakeAll() { pthread_cond_broadcast(condition) }
}

/// A point in time on the monotonic clock.
package struct MonotonicTime {
  private var time = timespec()

  /// Now.
  package init() { clock_gettime(CLOCK_MONOTONIC, &time) }

  /// Seconds since an arbitrary start.
  package var seconds: Double { Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9 }
}

/// A limit on the total memory that threads use; a thread that would exceed it waits.
package final class MemoryBudget: Sendable {
  private let bytes: Int
  private let monitor = Monitor()
  private nonisolated(unsafe) var spent = 0

  package init(bytes: Int) { self.bytes = bytes }

  /// Runs `body`, which uses `need` bytes, as soon as they are available.
  ///
  /// If `need` exceeds the whole budget, `body` runs alone.
  package func spending<Result>(_ need: Int, _ body: () throws -> Result) rethrows -> Result {
    monitor.locked {
      while spent > 0, need > bytes - spent { monitor.wait() }
      spent += need
    }
    defer {
      monitor.locked {
        spent -= need
        monitor.wakeAll()
      }
    }
    return try body()
  }
}
