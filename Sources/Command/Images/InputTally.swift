/// How the inputs of a command fared, and the status that follows from it.
struct InputTally {
  let policy: FailurePolicy
  private(set) var answered = 0
  private(set) var passedOver = 0
  private(set) var failures: [ExitStatus] = []
  private let progress: ImageProgress

  init(policy: FailurePolicy, progress: ImageProgress) {
    self.policy = policy
    self.progress = progress
  }

  mutating func answer() {
    answered += 1
    progress.advance()
  }

  mutating func passOver(_ name: String) {
    passedOver += 1
    tell("\(name.terminalSafe()): passed over, as it is no image")
    progress.advance()
  }

  /// Tells a failure; ends the command where the policy says so.
  mutating func fail(_ failure: ImageFailure) throws(ExitStatus) {
    failures.append(failure.status)
    tell(failure.message)
    if policy == .fail { throw failures.count == 1 && answered == 0 ? failure.status : .someFailed }
    progress.advance()
  }

  /// Tells a message, clear of the line that shows the progress.
  func tell(_ message: String) {
    progress.erase()
    Diagnostics.tell(message)
  }

  /// Nothing more comes for now.
  func endProgress() { progress.erase() }

  /// Inputs that were answered or failed.
  var count: Int { answered + failures.count }

  /// How it all went.
  var status: ExitStatus {
    if answered == 0 && failures.isEmpty && passedOver > 0 { return .nothingDone }
    if failures.isEmpty || policy == .record { return .success }
    if answered > 0 { return .someFailed }
    return failures.count == 1 ? failures[0] : .nothingDone
  }
}
