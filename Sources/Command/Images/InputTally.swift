import CNNZoo
import Glibc
import Host

/// Counts answers and failures, logs problems, and determines the exit status.
final class InputTally {
  let policy: FailurePolicy
  private(set) var answered = 0
  private(set) var failures: [ExitStatus] = []
  private var reused = 0
  private let progress: RunProgress

  /// The progress line shows a total up to this many files in folders.
  private static let mostCounted = 100_000

  /// - Parameter folders: The inputs, including folders to count; `nil` if their number is unknown.
  init(policy: FailurePolicy, folders: [FilePath]?, includesHidden: Bool) {
    self.policy = policy
    let inputs = ProgressLine.isEnabled ? folders : nil
    progress = RunProgress(
      "images",
      total: inputs.flatMap {
        ImageInputs.count($0, includesHidden: includesHidden, limit: Self.mostCounted)
      })
  }

  /// Inputs that were answered or that failed.
  var count: Int { answered + failures.count }

  /// Counts an answer or failure, and logs its warnings or the reason.
  ///
  /// - Throws: the exit status if the policy ends the command.
  func count<Value>(
    _ answer: ImageResult<Value>
  ) throws(ExitStatus) -> Result<Value, ImageFailure> {
    for warning in answer.warnings {
      Diagnostics.warn("\(answer.input.name.terminalSafe()): \(warning)")
    }
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

  /// Counts the answers taken from an earlier run, `total` so far.
  func count(reused total: Int) {
    let new = total - reused
    guard new > 0 else { return }
    reused = total
    answered += new
    progress.advance(by: new)
  }

  /// Counts and logs a failure.
  func fail(_ failure: ImageFailure) throws(ExitStatus) {
    failures.append(failure.status)
    Diagnostics.error(failure.message)
    if policy == .fail { throw failures.count == 1 && answered == 0 ? failure.status : .someFailed }
    progress.advance()
  }

  /// Reports how many files were skipped because they are not images, and on a terminal the totals.
  ///
  /// - Throws: the exit status unless it is success.
  func finish(skipped: Int) throws(ExitStatus) {
    ProgressLine.erase()
    if skipped > 0 {
      Diagnostics.log(
        "skipped \(NumberText.count(skipped, "file")):"
          + " \(skipped == 1 ? "not an image" : "not images")")
    }
    if ProgressLine.isEnabled, count > 1 || progress.elapsed > 1 {
      Diagnostics.log(
        "\(NumberText.grouped(answered)) answered, \(NumberText.grouped(failures.count)) failed,"
          + " \(NumberText.grouped(skipped)) skipped in \(NumberText.fixed(progress.elapsed, 1)) s")
    }
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
      case ImageError.unsupportedFormat: "unsupported_format"
      case ImageError.unavailable: "unavailable"
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

extension [ImageWarning] {
  /// The warnings as a member of a record; empty if there are none.
  var json: JSON.Object {
    isEmpty ? [:] : ["warnings": .array(map { .string("\($0)") })]
  }
}
