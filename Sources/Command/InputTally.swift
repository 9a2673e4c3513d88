/// How the inputs of a command fared, and the status that follows from it.
struct InputTally {
  let policy: FailurePolicy
  private(set) var answered = 0
  private(set) var passedOver = 0
  private(set) var failures: [ExitStatus] = []

  init(policy: FailurePolicy) {
    self.policy = policy
  }

  mutating func answer() { answered += 1 }

  mutating func passOver(_ name: String) {
    passedOver += 1
    Diagnostics.tell("\(name.terminalSafe()): passed over, as it is no picture")
  }

  /// Tells a failure; ends the command where the policy says so.
  mutating func fail(_ failure: PictureFailure) throws(ExitStatus) {
    failures.append(failure.status)
    Diagnostics.tell(failure.message)
    if policy == .fail { throw failures.count == 1 && answered == 0 ? failure.status : .someFailed }
  }

  /// How it all went.
  var status: ExitStatus {
    if answered == 0 && failures.isEmpty && passedOver > 0 { return .nothingDone }
    if failures.isEmpty || policy == .record { return .success }
    if answered > 0 { return .someFailed }
    return failures.count == 1 ? failures[0] : .nothingDone
  }
}
