import CNNZoo
import Glibc
import Host

/// Counts how the inputs of a command fare, logs what goes wrong, and derives the exit status.
final class InputTally {
  let policy: FailurePolicy
  private(set) var answered = 0
  private(set) var failures: [ExitStatus] = []
  private let progress: ImageProgress

  init(policy: FailurePolicy, progress: ImageProgress) {
    self.policy = policy
    self.progress = progress
  }

  /// Inputs that were answered or failed.
  var count: Int { answered + failures.count }

  /// Counts an answer; logs its warnings and why it failed.
  ///
  /// - Throws: the exit status if the policy ends the command.
  func count<Value>(
    _ answer: ImageResult<Value>
  ) throws(ExitStatus) -> Result<Value, ImageFailure> {
    for warning in answer.warnings { log("\(answer.input.name.terminalSafe()): \(warning)") }
    switch answer.result {
    case .success(let value):
      answered += 1
      progress.advance()
      return .success(value)
    case .failure(let error):
      let failure = ImageFailure(error, of: answer.input.name)
      try fail(failure)
      return .failure(failure)
    }
  }

  /// Counts and logs a failure.
  func fail(_ failure: ImageFailure) throws(ExitStatus) {
    failures.append(failure.status)
    log(failure.message)
    if policy == .fail { throw failures.count == 1 && answered == 0 ? failure.status : .someFailed }
    progress.advance()
  }

  /// Logs a message; the progress line makes room.
  private func log(_ message: String) {
    progress.erase()
    Diagnostics.tell(message)
  }

  /// Removes the progress line.
  func endProgress() { progress.erase() }

  /// Logs how many files were skipped because they are not images.
  ///
  /// - Throws: the exit status unless it is success.
  func finish(skipped: Int) throws(ExitStatus) {
    if skipped > 0 { log("skipped \(skipped) \(skipped == 1 ? "file" : "files"): not an image") }
    if answered == 0 && failures.isEmpty && skipped > 0 { throw .nothingDone }
    if failures.isEmpty || policy == .record { return }
    if answered > 0 { throw .someFailed }
    throw failures.count == 1 ? failures[0] : .nothingDone
  }
}

/// Why an image has no answer.
struct ImageFailure: Error {
  /// An identifier for programs.
  let code: String
  /// One line that names the image.
  let message: String
  let status: ExitStatus

  init(_ error: any Error, of name: String) {
    code =
      switch error {
      case ImageError.unreadable: "unreadable"
      case ImageError.unknownFormat: "unknown_format"
      case ImageError.malformed: "malformed"
      case ImageError.unsupported: "unsupported"
      case ImageError.overLimit: "over_limit"
      case ClassifierError.nonFiniteLogit, EmbeddingError.nonFinite: "non_finite"
      default: "failed"
      }
    let reason = Diagnostics.message(of: error)
    message = error is ImageError ? reason : "\(name.terminalSafe()): \(reason)"
    status = ExitStatus(for: error) ?? .badData
  }

  /// The failure as a member of a record.
  var json: JSON.Object {
    ["error": .object(["code": .string(code), "message": .string(message)])]
  }
}

/// Shows the progress of a run over images on standard error, if that is a terminal and the results go
/// elsewhere: on a terminal they show it themselves.
final class ImageProgress {
  private let line = ProgressLine()
  private let isShown: Bool
  private let total: Int?
  private let start = MonotonicTime().seconds
  private var done = 0

  /// Seconds; shorter runs have no progress line.
  private static let delay = 0.5
  /// Folders are counted up to this many files.
  private static let mostCounted = 100_000

  /// - Parameters:
  ///   - arguments: The inputs; folders in it are counted.
  ///   - hasList: Whether more inputs come from a list.
  init(arguments: [FilePath], hasList: Bool, includesHidden: Bool) {
    isShown = line.isShown && isatty(STDOUT_FILENO) == 0
    total =
      isShown && !hasList
      ? ImageInputs.count(arguments, includesHidden: includesHidden, limit: Self.mostCounted) : nil
  }

  func advance() {
    done += 1
    let seconds = MonotonicTime().seconds - start
    guard isShown, seconds > Self.delay else { return }
    let speed = "\(NumberText.fixed(Double(done) / seconds, 1))/s"
    let figures = total.map { "\(done) of \($0), \(speed)" } ?? "\(done), \(speed)"
    line.draw { ProgressLine.text("images", done, of: total, figures: figures, width: $0) }
  }

  func erase() { line.erase() }
}
