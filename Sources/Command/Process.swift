import Glibc
import Synchronization

/// What this process asks of the system before anything else.
enum Process {
  static func prepare() {
    occupyStandardDescriptors()
    // A reader that goes away shows as EPIPE where it is written to, also under a parent that
    // ignores the signal.
    signal(SIGPIPE, SIG_IGN)
    Interrupts.install()
  }

  /// Descriptors 0 to 2 that were closed are opened so that using them fails, lest the first file
  /// that is opened becomes standard output.
  private static func occupyStandardDescriptors() {
    for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO]
    where fcntl(descriptor, F_GETFD) == -1 && errno == EBADF {
      // open takes the lowest free descriptor, which is this one.
      _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
    }
  }
}

/// SIGINT: ends the process at once, except while something must not be left half done.
enum Interrupts {
  private static let isDeferred = Atomic<Bool>(false)
  private static let isPending = Atomic<Bool>(false)

  static func install() {
    // Touches both values, as the first use of a global takes a lock that a handler must not.
    isDeferred.store(false, ordering: .relaxed)
    isPending.store(false, ordering: .relaxed)
    // Shells start background jobs that are not to be interrupted with the signal ignored.
    var action = sigaction()
    sigaction(SIGINT, nil, &action)
    if unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
      == unsafeBitCast(SIG_IGN, to: Int.self)
    {
      return
    }
    action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in
      if !Interrupts.isDeferred.load(ordering: .relaxed)
        || Interrupts.isPending.load(ordering: .relaxed)
      {
        _exit(ExitStatus.interrupted.rawValue)
      }
      Interrupts.isPending.store(true, ordering: .relaxed)
    }
    sigaction(SIGINT, &action, nil)
    // Programs that start others from one of their threads pass on the signals it blocks.
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGINT)
    sigprocmask(SIG_UNBLOCK, &signals, nil)
  }

  /// Whether an interrupt waits for what is deferred to end.
  static var isWaiting: Bool { isPending.load(ordering: .relaxed) }

  /// Runs `body` to its end; an interrupt in between ends the process then, a second one at once.
  static func deferred<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    isDeferred.store(true, ordering: .relaxed)
    defer {
      isDeferred.store(false, ordering: .relaxed)
      if isPending.load(ordering: .relaxed) { _exit(ExitStatus.interrupted.rawValue) }
    }
    return try body()
  }
}
