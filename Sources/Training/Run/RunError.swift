import Host

/// Why a training run cannot be started, saved or resumed.
public enum RunError: Error, Equatable, Sendable {
  /// The folder already contains a run.
  case exists(path: String)
  /// The folder contains other files, so no run is started in it.
  case occupied(path: String, by: String)
  /// The folder does not contain a run.
  case noRun(path: String)
  /// Another process is training in this folder.
  case inUse(path: String)
  /// The file is not what the run wrote; `reason` says where.
  case damaged(path: String, reason: String)
  /// No saved state can be used; the reasons name the files.
  case noState(path: String, reasons: [String])
  /// The run would not continue as it began.
  case changed(path: String, [RunIdentity.Difference])
  /// The state could not be saved; those saved before are intact.
  case cannotSave(FileError)
  /// Another file of the run cannot be created, read or written.
  case file(FileError)
}

extension RunError: CustomStringConvertible {
  /// One line: the file, what is wrong and what to do.
  ///
  /// Texts from files are untrusted: control characters are escaped, and long texts are truncated.
  public var description: String {
    var line = ""
    for scalar in sentence.unicodeScalars {
      if line.unicodeScalars.count >= Self.longestLine { return line + "…" }
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator:
        line += "\\u{\(String(scalar.value, radix: 16))}"
      default: line.unicodeScalars.append(scalar)
      }
    }
    return line
  }

  private static let longestLine = 6000
  private static let shownDifferences = 20

  private var sentence: String {
    switch self {
    case .exists(let path):
      return
        "\(path): already contains a run; continue it with --resume, or replace it with --overwrite"
    case .occupied(let path, let name):
      return "\(path): contains \(name), which is not part of a run; choose another output file"
    case .noRun(let path):
      return "\(path): does not contain a run; start one"
    case .inUse(let path):
      return "\(path): another process is training here; wait for it or stop it"
    case .damaged(let path, let reason):
      return "\(path): damaged: \(reason)"
    case .noState(let path, let reasons):
      return "\(path): cannot be resumed: \(reasons.joined(separator: "; "));"
        + " to keep what was learnt, start a new run from the run's best or last weights"
    case .changed(let path, let differences):
      let shown = differences.prefix(Self.shownDifferences).map(\.description)
      let rest = differences.count - shown.count
      return "\(path): not resumed, because the result would differ: "
        + shown.joined(separator: "; ") + (rest > 0 ? "; and \(rest) more" : "")
        + "; restore what changed, or start a new run"
    case .cannotSave(let error):
      return "\(error); the state saved before is intact: make room, then resume"
    case .file(let error):
      return error.description
    }
  }
}
