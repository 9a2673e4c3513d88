import ArgumentParser
import CNNZoo

struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check that weights in the cache are what was pulled.",
    discussion: """
      Every byte is read and the SHA-256 compared with the one recorded; for files that were put \
      there by other means, nothing is recorded.
      """)

  @Argument(
    help: "Networks, or files of the cache; all without one.", completion: .networksAndCachedFiles)
  var names: [String] = []

  @OptionGroup var format: FormatOption

  func run() throws {
    let cache = try WeightCache.standard()
    let entries =
      names.isEmpty
      ? try cache.entries() : try names.flatMap { name throws in try cache.entries(called: name) }
    let verdicts = entries.map { Verdict($0, in: cache) }
    for verdict in verdicts where verdict.failure != nil {
      Diagnostics.tell(
        "\(verdict.entry.path.terminalSafe()): \(verdict.failure ?? ""); pull it again")
    }
    try Report(
      document: ["weights": .array(verdicts.map { .object($0.json) })],
      records: verdicts.map(\.json),
      table: Table(
        [.text("file"), .text("state"), .text("sha256")],
        rows: verdicts.map { [.text($0.entry.name), .text($0.state), .text($0.sha256 ?? "–")] })
    ).write(as: format.format)
    if verdicts.contains(where: { $0.failure != nil }) { throw ExitStatus.badWeights }
  }
}

/// What is found out about a file.
private struct Verdict {
  let entry: WeightCache.Entry
  /// A word for programs.
  let state: String
  let sha256: String?
  /// Why the file is not to be trusted.
  let failure: String?

  init(_ entry: WeightCache.Entry, in cache: WeightCache) {
    self.entry = entry
    do {
      switch try cache.verify(entry) {
      case .good(let found): (state, sha256, failure) = ("good", found, nil)
      case .unrecorded(let found): (state, sha256, failure) = ("unrecorded", found, nil)
      case .changed(let expected, let found):
        (state, sha256) = ("changed", found)
        failure = "its SHA-256 is \(found), not \(expected)"
      }
    } catch {
      (state, sha256, failure) = ("unreadable", nil, Diagnostics.message(of: error))
    }
  }

  var json: JSON.Object {
    [
      "name": .string(entry.name), "path": .string(entry.path), "state": .string(state),
      "sha256": .optional(sha256),
    ]
  }
}
