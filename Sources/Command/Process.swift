import CSystem
import Glibc
import Synchronization

/// Process-wide setup, before anything else runs.
enum Process {
  static func prepare() {
    occupyStandardDescriptors()
    // Writing to a closed pipe then fails with EPIPE.
    signal(SIGPIPE, SIG_IGN)
    // Likewise, writing beyond the file size limit then fails with EFBIG.
    signal(SIGXFSZ, SIG_IGN)
    csystem_report_mapped_faults("cnnzoo: ", ExitStatus.badWeights.rawValue)
    Interrupts.install()
    csystem_share_arena()
  }

  /// Opens closed standard descriptors in a mode in which using them fails.
  ///
  /// Otherwise the next file opened would become, say, standard output.
  private static func occupyStandardDescriptors() {
    for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO]
    where fcntl(descriptor, F_GETFD) == -1 && errno == EBADF {
      // open() returns the lowest free descriptor, which is this one.
      _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
    }
  }
}

/// SIGINT, SIGTERM and SIGHUP end the process at once, except during operations that must complete.
enum Interrupts {
  private static let isDeferred = Atomic<Bool>(false)
  /// The deferred signal; 0 for none.
  private static let pending = Atomic<Int32>(0)

  static func install() {
    // Initialises all globals: their first use takes a lock, which a signal handler must not.
    isTerminal.store(isatty(STDERR_FILENO) == 1, ordering: .relaxed)
    _ = clearLine.utf8Start
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
          Interrupts.end(signal)
        }
        Interrupts.pending.store(signal, ordering: .relaxed)
      }
      sigaction(signal, &action, nil)
      sigaddset(&signals, signal)
    }
    // The signal mask is inherited, and the parent may have blocked these signals.
    sigprocmask(SIG_UNBLOCK, &signals, nil)
  }

  /// Shells start background jobs that should survive an interrupt with the signal ignored.
  private static func isIgnored(_ signal: Int32) -> Bool {
    var action = sigaction()
    sigaction(signal, nil, &action)
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
      == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  /// Exits with the status that shells report for a process killed by the signal.
  private static func end(_ signal: Int32) -> Never {
    if isTerminal.load(ordering: .relaxed) {
      // Clears the progress line and the "^C" that the terminal echoed.
      _ = write(STDERR_FILENO, clearLine.utf8Start, clearLine.utf8CodeUnitCount)
    }
    _exit(128 + signal)
  }

  private static let isTerminal = Atomic<Bool>(false)
  private static let clearLine: StaticString = "\r\u{1B}[K"

  /// Whether a deferred interrupt is pending.
  static var isWaiting: Bool { pending.load(ordering: .relaxed) != 0 }

  /// Completes `body` before acting on an interrupt; a second interrupt acts at once.
  static func deferred<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    isDeferred.store(true, ordering: .relaxed)
    defer {
      isDeferred.store(false, ordering: .relaxed)
      let signal = pending.load(ordering: .relaxed)
      if signal != 0 { end(signal) }
    }
    return try body()
  }
}
