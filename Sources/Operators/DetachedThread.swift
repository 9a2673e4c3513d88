import Glibc

/// A thread that computes and nothing else.
package enum DetachedThread {
  /// Starts a thread that calls `body` and ends; false where the operating system refuses.
  ///
  /// It leaves signals to the threads of the program: whoever waits in a system call is woken by an
  /// interrupt, and a handler never runs on a stack of ours. Only what a thread's own instructions
  /// raise stays open, as the kernel kills a process that blocks those. The caller's mask is what it
  /// was.
  package static func start(_ body: @escaping @Sendable () -> Void) -> Bool {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    // A thread begins with the mask of its creator.
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
