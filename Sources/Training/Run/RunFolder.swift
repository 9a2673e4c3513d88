import Glibc
import Host
import Weights

/// The folder of a training run, `own.run` beside the output `own.safetensors`.
///
/// It contains the log, two generations of state, the run's weights and its report. States are written in
/// turn, each atomically and after the log is durable, so whenever the process is killed or the power
/// fails, one of them is complete and matches the beginning of the log. One process at a time works in
/// the folder.
///
/// Write `best.safetensors` before saving the state that names it, so that a state never claims a file
/// that is not there; repeating the epoch writes the same bytes.
package final class RunFolder {
  /// The folder, without a slash at its end.
  package let path: String
  /// The weights of the best validation so far.
  package var best: String { "\(path)/best.safetensors" }
  /// The weights of the last complete epoch.
  package var last: String { "\(path)/last.safetensors" }
  /// The weights with the closed-form head, which the run begins with.
  package var head: String { "\(path)/head.safetensors" }
  /// The best weights with batch norm's statistics estimated again.
  package var result: String { "\(path)/result.safetensors" }
  /// The list of the run's images; write it before the run begins.
  package var images: String { "\(path)/\(Self.imagesName)" }
  /// What was found out about the images; write it before the run begins.
  package var findings: String { "\(path)/\(Self.findingsName)" }
  /// The report for a viewer or browser.
  package var plot: String { "\(path)/\(Self.reportNames[0])" }
  /// The report in Markdown.
  package var summary: String { "\(path)/\(Self.reportNames[1])" }
  /// The log; `nil` until the run has begun or is resumed.
  package private(set) var log: TrainingLog?
  /// How the run began; `nil` for a new folder.
  package private(set) var header: RunHeader?

  private static let logName = "log.jsonl"
  private static let imagesName = "images.jsonl"
  private static let findingsName = "findings.jsonl"
  private static let reportNames = ["report.svg", "report.md"]
  private static let stateNames = ["state-0.safetensors", "state-1.safetensors"]
  private static let weightNames = ["best", "last", "head", "result"].map { "\($0).safetensors" }

  private var logPath: String { "\(path)/\(Self.logName)" }
  /// `nil` once the folder is no longer needed.
  private var lock: ProcessLock?
  private let observer: FileObserver?
  /// The number of the last state; -1 before the first.
  private var number = -1
  /// Which of the two files has it.
  private var current = 1
  /// Whether the folder is new.
  private let isCreated: Bool

  /// The folder for an output file: its name with `.run` in place of `.safetensors`.
  package static func path(forOutput output: String) -> String {
    let suffix = ".safetensors"
    return (output.hasSuffix(suffix) ? String(output.dropLast(suffix.count)) : output) + ".run"
  }

  /// Creates or takes over a folder for a new run, which `begin` starts.
  ///
  /// - Parameters:
  ///   - replacing: Whether a run in the folder may be replaced; `begin` removes it.
  ///   - observer: Called after each change to a file.
  /// - Throws: `RunError.exists`, `.occupied`, `.inUse`, `.file`.
  package init(
    new path: String, replacing: Bool = false, observer: FileObserver? = nil
  ) throws(RunError) {
    isCreated = mkdir(path, 0o777) == 0
    guard isCreated || errno == EEXIST else {
      throw .file(.cannotCreate(path: path, reason: systemMessage()))
    }
    (self.path, self.observer) = (Self.trimmed(path), observer)
    lock = try Self.lock(path)
    let names = try Self.names(in: path)
    let ours =
      [Self.logName, Self.imagesName, Self.findingsName] + Self.reportNames + Self.stateNames
      + Self.weightNames
    if let other = names.first(where: { !ours.contains($0) }) {
      throw .occupied(path: path, by: other)
    }
    // Without these, a run was interrupted before it began.
    let isRun = names.contains { $0 == Self.logName || Self.stateNames.contains($0) }
    guard !isRun || replacing else { throw .exists(path: path) }
  }

  /// Opens the folder of a run and reads its header; `resume` continues the run.
  ///
  /// - Throws: `RunError.noRun`, `.inUse`, `.damaged` if the header is malformed, `.file`.
  package init(existing path: String, observer: FileObserver? = nil) throws(RunError) {
    (self.path, self.observer, isCreated) = (Self.trimmed(path), observer, false)
    guard access("\(path)/\(Self.logName)", F_OK) == 0 else { throw .noRun(path: path) }
    lock = try Self.lock(path)
    header = try TrainingLog.header(path: logPath)
  }

  /// Removes a new folder in which no run began.
  deinit {
    guard isCreated, log == nil else { return }
    for name in [Self.imagesName, Self.findingsName] + Self.weightNames {
      unlink("\(path)/\(name)")
    }
    // The lock is a file in the folder.
    lock = nil
    rmdir(path)
  }

  private static func trimmed(_ path: String) -> String {
    var path = path[...]
    while path.count > 1, path.hasSuffix("/") { path = path.dropLast() }
    return String(path)
  }

  /// Locks the folder, and removes what interrupted processes left unfinished in it.
  private static func lock(_ path: String) throws(RunError) -> ProcessLock {
    do {
      guard let lock = try ProcessLock(folder: path, name: "run", shouldContinue: { false }) else {
        throw RunError.inUse(path: path)
      }
      for name in FilePath.names(in: path)
      where name.hasPrefix(".cnnzoo-") && name.hasSuffix(".tmp") { unlink("\(path)/\(name)") }
      return lock
    } catch let error as FileError {
      throw .file(error)
    } catch {
      throw .inUse(path: path)
    }
  }

  /// The visible names; hidden files are locks and what an interrupted process left behind.
  private static func names(in path: String) throws(RunError) -> [String] {
    do {
      return try FilePath(path.utf8).names().map { String(decoding: $0, as: UTF8.self) }
        .filter { !$0.hasPrefix(".") }
    } catch {
      throw .file(error)
    }
  }

  private static func map(_ path: String) throws(RunError) -> MappedFile {
    try RunError.reading { () throws(WeightsError) in try MappedFile(path: path) }
  }

  private func statePath(_ index: Int) -> String { "\(path)/\(Self.stateNames[index])" }
}

/// Beginning and saving.
extension RunFolder {
  /// The run so far, as its log has it.
  ///
  /// - Throws: Errors of `TrainingHistory`.
  package func history() throws(RunError) -> TrainingHistory { try TrainingHistory(path: logPath) }

  /// Writes the log's header and the first state.
  ///
  /// - Parameter prepare: Writes the list of images and the first weights, once what an older run left
  ///   is gone. A run that was interrupted before its first state has both already, and keeps them.
  /// - Throws: `RunError.file`, `.cannotSave`, and errors of `prepare`.
  package func begin(
    _ header: RunHeader, _ store: ParameterStore, prepare: () throws -> Void = {}
  ) throws {
    // States go first: without them, what remains of an older run cannot be resumed by mistake.
    if self.header == nil {
      for name in Self.stateNames + Self.weightNames + Self.reportNames {
        let file = "\(path)/\(name)"
        if unlink(file) == 0 { observer?(.removed(file)) }
      }
      try prepare()
    }
    let log = try TrainingLog(path: logPath, header: header, observer: observer)
    Files.synchronize(directory: "\(path)/..")
    observer?(.synchronizedFolder("\(path)/.."))
    (self.log, self.header) = (log, header)
    try save(store, TrainingProgress())
  }

  /// Saves a state, which replaces the last but one.
  ///
  /// Call it between two updates, when the gradients are spent.
  ///
  /// - Throws: `RunError.cannotSave` or `.file`; the state saved before is intact.
  package func save(_ store: ParameterStore, _ progress: TrainingProgress) throws(RunError) {
    guard let log else { preconditionFailure("the run has not begun") }
    let position = try log.synchronize()
    try TrainingState.write(
      store, progress, number: number + 1, log: position, to: statePath(1 - current),
      observer: observer)
    number += 1
    current = 1 - current
    try log.append(.event(.saved(number: number)))
  }
}

/// Resuming.
extension RunFolder {
  /// Where a run continues.
  package struct Resumption: Sendable {
    /// What is done.
    package var progress: TrainingProgress
    /// What the user should know: one line each.
    package var warnings: [String]
  }

  /// Reads the newest usable state into `store` and cuts the log back to it.
  ///
  /// Nothing is changed before everything is checked.
  ///
  /// - Parameters:
  ///   - identity: What the run would continue with.
  ///   - limits: The size of the run.
  /// - Returns: `nil` if the run was interrupted before its first state; call `begin`.
  /// - Throws: `RunError.changed` with every difference, `.noState`, `.damaged`, `.file`.
  package func resume(
    _ store: ParameterStore, as identity: RunIdentity, limits: TrainingProgress.Limits
  ) throws(RunError) -> Resumption? {
    let file = try Self.map(logPath)
    let (header, line) = try TrainingLog.header(of: file)
    let differences = header.identity.differences(in: identity)
    guard differences.isEmpty else { throw .changed(path: path, differences) }

    let (usable, reasons) = newestState(for: store, limits, file)
    guard let (index, state, end) = usable else {
      // The first state is saved before anything else is logged.
      if reasons.isEmpty, file.count == line.upperBound { return nil }
      throw .noState(
        path: path, reasons: reasons.isEmpty ? ["no state is left"] : reasons.map(\.description))
    }
    try state.copy(to: store)
    let log = try TrainingLog(path: logPath, at: end, observer: observer)
    (self.log, number, current) = (log, state.number, index)
    let progress = state.progress
    try log.append(
      .event(.resumed(number: state.number, epoch: progress.epoch, step: progress.step)))
    let warnings = reasons.map { "\($0); resuming from \(Self.stateNames[index])" }
    for warning in warnings { try log.append(.event(.warning(warning))) }
    return Resumption(progress: progress, warnings: warnings)
  }

  /// The newest state that is complete and whose log is there, and why others are not usable.
  private func newestState(
    for store: ParameterStore, _ limits: TrainingProgress.Limits, _ log: MappedFile
  ) -> ((index: Int, state: TrainingState, end: (bytes: Int, sum: Checksum))?, [RunError]) {
    var reasons: [RunError] = []
    var states: [(index: Int, state: TrainingState)] = []
    for index in Self.stateNames.indices where access(statePath(index), F_OK) == 0 {
      do throws(RunError) {
        let state = try TrainingState(path: statePath(index), for: store, limits: limits)
        states.append((index, state))
      } catch {
        reasons.append(error)
      }
    }
    for (index, state) in states.sorted(by: { $0.state.number > $1.state.number }) {
      do throws(RunError) {
        try state.verify(for: store)
        return ((index, state, try TrainingLog.end(of: log, at: state.log)), reasons)
      } catch {
        reasons.append(error)
      }
    }
    return (nil, reasons)
  }
}
