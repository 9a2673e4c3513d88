import CSystem
import Glibc
import Synchronization

/// What this process asks of the system before anything else.
enum Process {
  static func prepare() {
    occupyStandardDescriptors()
    // A reader that goes away shows as EPIPE where it is written to, also under a parent that
    // ignores the signal.
    signal(SIGPIPE, SIG_IGN)
    // So does a file that may not grow further, as EFBIG.
    signal(SIGXFSZ, SIG_IGN)
    csystem_tell_mapped_faults("cnnzoo: ", ExitStatus.badWeights.rawValue)
    Interrupts.install()
    csystem_share_arena()
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

/// SIGINT, SIGTERM and SIGHUP: end the process at once, except while something must not be left half done.
enum Interrupts {
  private static let isDeferred = Atomic<Bool>(false)
  /// The signal that waits; 0 for none.
  private static let pending = Atomic<Int32>(0)

  static func install() {
    // Touches both values, as the first use of a global takes a lock that a handler must not.
    isDeferred.store(false, ordering: .relaxed)
    pending.store(0, ordering: .relaxed)
    var signals = sigset_t()
    sigemptyset(&signals)
    for signal in [SIGINT, SIGTERM, SIGHUP] where !isIgnored(signal) {
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { signal in
        if !Interrupts.isDeferred.load(ordering: .relaxed)
          || Interrupts.pending.load(ordering: .relaxed) != 0
        {
          _exit(Interrupts.status(after: signal))
        }
        Interrupts.pending.store(signal, ordering: .relaxed)
      }
      sigaction(signal, &action, nil)
      sigaddset(&signals, signal)
    }
    // Programs that start others from one of their threads pass on the signals it blocks.
    sigprocmask(SIG_UNBLOCK, &signals, nil)
  }

  /// Shells start background jobs that are not to be interrupted with the signal ignored.
  private static func isIgnored(_ signal: Int32) -> Bool {
    var action = sigaction()
    sigaction(signal, nil, &action)
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
      == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  /// What shells show for a process that a signal ended.
  private static func status(after signal: Int32) -> Int32 { 128 + signal }

  /// Whether an interrupt waits for what is deferred to end.
  static var isWaiting: Bool { pending.load(ordering: .relaxed) != 0 }

  /// Runs `body` to its end; an interrupt in between ends the process then, a second one at once.
  static func deferred<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    isDeferred.store(true, ordering: .relaxed)
    defer {
      isDeferred.store(false, ordering: .relaxed)
      let signal = pending.load(ordering: .relaxed)
      if signal != 0 { _exit(status(after: signal)) }
    }
    return try body()
  }
}
