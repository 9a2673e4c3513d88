import ArgumentParser
import CNNZoo

struct List: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the weights in the cache.",
    discussion: "`cnnzoo path` prints the cache's location.")

  @OptionGroup var format: FormatOption

  func run() throws {
    let entries = try WeightCache.standard().entries().map(Listed.init)
    try Report(
      document: ["weights": .array(entries.map { .object($0.json) })],
      records: entries.map(\.json),
      table: Table(
        [.text("file"), .text("model"), .number("bytes"), .text("source")],
        rows: entries.map(\.row))
    ).write(as: format.format)
  }
}

/// A file in the cache with its metadata.
private struct Listed {
  let entry: WeightCache.Entry
  let model: String?
  let source: String?

  init(_ entry: WeightCache.Entry) {
    self.entry = entry
    let metadata = (try? WeightFile(path: entry.path))?.metadata ?? [:]
    model = metadata[WeightInfo.Key.model.rawValue]
    source = metadata[WeightInfo.Key.source.rawValue]
  }

  var json: JSON.Object {
    [
      "name": .string(entry.name), "path": .string(entry.path), "model": .optional(model),
      "bytes": .integer(entry.byteCount), "source": .optional(source),
    ]
  }

  var row: [Table.Cell] {
    [
      .text(entry.name), .text(model ?? "–"), .integer(entry.byteCount), .text(source ?? "–"),
    ]
  }
}

struct ShowPath: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "path",
    abstract: "Print the path of a weight file, or of the cache.",
    discussion: """
      For a network, prints the path of the file that `classify` would use.
      """)

  @Argument(help: "Network or file in the cache.", completion: .networksAndCachedFiles)
  var name: String?

  @OptionGroup var format: FormatOption

  func run() throws {
    let path = try path()
    // One line and nothing else, for use in shell scripts.
    guard format.format != .text else { return try StandardOutput.write(path + "\n") }
    let result: JSON.Object = ["name": .optional(name), "path": .string(path)]
    try Report(
      document: result, records: [result],
      table: Table(
        [.text("name"), .text("path")], rows: [[name.map(Table.Cell.text) ?? .empty, .text(path)]])
    ).write(as: format.format)
  }

  private func path() throws -> String {
    let search = WeightSearch.standard()
    guard let name else { return try WeightCache.standard().folder }
    if let model = try? ModelCatalog.model(named: name) { return try search.weights(of: model) }
    return try WeightCache.standard().entry(named: name).path
  }
}

struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check the integrity of weights in the cache.",
    discussion: """
      Compares each file's SHA-256 with the one that `cnnzoo pull` recorded. Files added by other \
      means have no recorded hash.
      """)

  @Argument(
    help: "Networks or files in the cache (default: all).", completion: .networksAndCachedFiles)
  var names: [String] = []

  @OptionGroup var format: FormatOption

  func run() throws {
    let cache = try WeightCache.standard()
    let entries =
      names.isEmpty
      ? try cache.entries() : try names.flatMap { name throws in try cache.entries(called: name) }
    let verdicts = entries.map { Verdict($0, in: cache) }
    for verdict in verdicts where verdict.failure != nil {
      Diagnostics.error(
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

/// The result of checking a file.
private struct Verdict {
  let entry: WeightCache.Entry
  /// Machine-readable result.
  let state: String
  let sha256: String?
  /// Why the file must not be used, if so.
  let failure: String?

  init(_ entry: WeightCache.Entry, in cache: WeightCache) {
    self.entry = entry
    do {
      switch try cache.verify(entry) {
      case .good(let found): (state, sha256, failure) = ("good", found, nil)
      case .unrecorded(let found): (state, sha256, failure) = ("unrecorded", found, nil)
      case .changed(let expected, let found):
        (state, sha256) = ("changed", found)
        failure = "SHA-256 is \(found), expected \(expected)"
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

struct Remove: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rm",
    abstract: "Remove weights from the cache.")

  @Argument(help: "Networks or files in the cache.", completion: .networksAndCachedFiles)
  var names: [String]

  @OptionGroup var format: FormatOption

  func run() throws {
    let cache = try WeightCache.standard()
    // A symbolic link out of the cache is never followed, but it can be removed.
    let files = try names.flatMap { name throws in
      do {
        return try cache.entries(called: name).map(\.name)
      } catch CacheError.leadsOut {
        return [name]
      }
    }
    try Interrupts.deferred { () throws in
      for file in files { try cache.remove(named: file) }
    }
    let records = files.map { file -> JSON.Object in ["removed": .string(file)] }
    try Report(
      document: ["removed": .array(files.map(JSON.string))], records: records,
      table: Table([.text("removed")], rows: files.map { [.text($0)] })
    ).write(as: format.format)
  }
}
