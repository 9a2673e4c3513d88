import Foundation
import Glibc
import Host
import TestSupport
import Testing
import Training

/// Beginning, saving and resuming runs in a folder.
struct RunFolderTests {
  private let folder: TemporaryFolder
  private let path: String

  init() throws {
    folder = try TemporaryFolder()
    path = "\(folder.path)/own.run"
  }

  private func lines(_ run: String? = nil) throws -> [String] {
    let text = String(decoding: try RunFixtures.bytes("\(run ?? path)/log.jsonl"), as: UTF8.self)
    #expect(text.hasSuffix("\n"))
    return text.split(separator: "\n").map(String.init)
  }

  /// The kind of each line of the log, and the step or state it is about.
  private func kinds(_ run: String? = nil) throws -> [String] {
    try lines(run).map { line in
      let json = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      let number = (json?["state"] ?? json?["step"]) as? Int
      return "\((json?["event"] ?? json?["type"]) as? String ?? "")\(number.map { " \($0)" } ?? "")"
    }
  }

  @Test func namedAfterTheOutput() {
    #expect(RunFolder.path(forOutput: "a.b/own.safetensors") == "a.b/own.run")
    #expect(RunFolder.path(forOutput: "own") == "own.run")
  }

  @Test func beginsWithAHeaderAndAState() throws {
    let run = try RecordedRun(path, states: 0)
    #expect(try folder.contents == ["own.run"])
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        == [".run.lock", "log.jsonl", "state-0.safetensors"])
    #expect(try kinds() == ["header", "saved 0"])
    #expect(run.folder.best == "\(path)/best.safetensors")
    #expect(run.folder.last == "\(path)/last.safetensors")
  }

  @Test(arguments: 0..<4) func resumesFromTheLastState(states: Int) throws {
    do { _ = try RecordedRun(path, states: states) }
    let before = try lines()
    let resumed = try #require(try RecordedRun.resume(path + "//"))
    #expect(resumed.state == states && resumed.warnings.isEmpty)
    #expect(resumed.folder.path == path && resumed.folder.header?.threads == 2)
    // The record of the save itself comes after the state, and is lost.
    #expect(try lines().dropLast() == before.dropLast())
    #expect(try kinds().last == "resumed \(states)")
  }

  /// Records after the last state are cut off, and the run goes on in the other file.
  @Test func goesOnAfterResuming() throws {
    do {
      let run = try RecordedRun(path, states: 2)
      for step in 3..<6 { try run.folder.log?.append(RunFixtures.step(step)) }
    }
    for state in 3..<7 {
      let resumed = try #require(try RecordedRun.resume(path))
      #expect(resumed.state == state - 1 && resumed.warnings.isEmpty)
      try resumed.folder.log?.append(RunFixtures.step(state))
      try resumed.folder.save(
        try RunFixtures.store(UInt64(state)), RunFixtures.progress(state))
    }
    #expect(
      try kinds() == [
        "header", "saved 0", "step 1", "saved 1", "step 2", "resumed 2", "step 3", "resumed 3",
        "step 4", "resumed 4", "step 5", "resumed 5", "step 6", "saved 6",
      ])
  }

  /// A process that was killed while it appended.
  @Test func halfALineIsCutOff() throws {
    do { _ = try RecordedRun(path, states: 1) }
    let whole = try RunFixtures.bytes("\(path)/log.jsonl")
    try Data(whole + Array("{\"type\":\"st".utf8)).write(to: URL(filePath: "\(path)/log.jsonl"))
    #expect(try RecordedRun.resume(path)?.state == 1)
    #expect(try kinds() == ["header", "saved 0", "step 1", "resumed 1"])
  }

  /// Damage to either file, or to the log, never goes unnoticed.
  @Test(arguments: ["state-0.safetensors", "state-1.safetensors"], [true, false])
  func fallsBackToTheOtherState(name: String, isFlipped: Bool) throws {
    do { _ = try RecordedRun(path, states: 4) }
    let file = "\(path)/\(name)"
    var bytes = try RunFixtures.bytes(file)
    if isFlipped { bytes[bytes.count - 40] ^= 2 } else { bytes.removeLast(100) }
    try Data(bytes).write(to: URL(filePath: file))
    let resumed = try #require(try RecordedRun.resume(path))
    // State 4 is in the first file.
    let isNewest = name.contains("0")
    #expect(resumed.state == (isNewest ? 3 : 4))
    // A flipped element of the older file is noticed only when it is needed.
    if isNewest || !isFlipped {
      let warning = try #require(resumed.warnings.first)
      #expect(warning.hasPrefix("\(file): damaged: "))
      #expect(warning.hasSuffix("; resuming from state-\(isNewest ? 1 : 0).safetensors"))
      #expect(try kinds().last == "warning")
    } else {
      #expect(resumed.warnings.isEmpty)
    }
    // The damaged file is replaced, not the good one.
    try resumed.folder.save(try RunFixtures.store(5), RunFixtures.progress(5))
    let copy = "\(folder.path)/copy.run"
    try FileManager.default.copyItem(atPath: path, toPath: copy)
    let again = try #require(try RecordedRun.resume(copy))
    #expect(again.state == 5 && again.warnings.isEmpty)
    withExtendedLifetime(resumed) {}
  }

  @Test func bothStatesDamaged() throws {
    do { _ = try RecordedRun(path, states: 2) }
    let log = try lines()
    try Data("x".utf8).write(to: URL(filePath: "\(path)/state-0.safetensors"))
    try FileManager.default.removeItem(atPath: "\(path)/state-1.safetensors")
    let error = #expect(throws: RunError.self) { try RecordedRun.resume(path) }
    guard case .noState(path, let reasons) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(reasons.count == 1 && reasons[0].hasPrefix("\(path)/state-0.safetensors: damaged"))
    #expect("\(try #require(error))".contains("best or last weights"))
    try FileManager.default.removeItem(atPath: "\(path)/state-0.safetensors")
    #expect(throws: RunError.noState(path: path, reasons: ["no state is left"])) {
      try RecordedRun.resume(path)
    }
    #expect(try lines() == log)
  }

  /// A bit flipped anywhere in the log's part that a state covers.
  @Test func damagedLogs() throws {
    do { _ = try RecordedRun(path, states: 2) }
    let bytes = try RunFixtures.bytes("\(path)/log.jsonl")
    let header = try #require(bytes.firstIndex(of: 10))
    let covered = try #require(bytes.dropLast().lastIndex(of: 10)) + 1
    let older = bytes[..<covered].indices.filter { bytes[$0] == 10 }.dropLast(2).last ?? 0
    for index in 0..<covered {
      var damaged = bytes
      damaged[index] ^= 1 << (index % 7)
      try RunFixtures.write(damaged, to: "\(path)/log.jsonl")
      do {
        let resumed = try RecordedRun.resume(path)
        #expect(index > older && resumed?.state == 1, "byte \(index)")
        #expect(resumed?.warnings.count == 1)
      } catch let error as RunError {
        #expect(index <= older, "byte \(index): \(error)")
        if index <= header {
          switch error {
          case .damaged, .changed, .noState: break
          default: Issue.record("byte \(index): \(error)")
          }
        }
      }
    }
    for length in [0, 1, header, header + 1, older] {
      try RunFixtures.write(bytes[..<length], to: "\(path)/log.jsonl")
      #expect(throws: RunError.self, "\(length) bytes") { try RecordedRun.resume(path) }
    }
  }

  /// Interrupted between the header and the first state: the run begins again.
  @Test func interruptedAtTheBeginning() throws {
    do { _ = try RecordedRun(path, states: 0) }
    try FileManager.default.removeItem(atPath: "\(path)/state-0.safetensors")
    let log = try lines()
    try (log[0] + "\n").write(toFile: "\(path)/log.jsonl", atomically: false, encoding: .utf8)
    #expect(try RecordedRun.resume(path) == nil)
    do {
      let folder = try RunFolder(existing: path)
      let store = try RunFixtures.store(0)
      #expect(
        try folder.resume(store, as: RunFixtures.identity(store), limits: RunFixtures.limits) == nil
      )
      try folder.begin(try #require(folder.header), store)
    }
    #expect(try RecordedRun.resume(path)?.state == 0)
  }

  /// Interrupted before the log's header: there is nothing to resume, and nothing in the way.
  @Test func interruptedBeforeTheBeginning() throws {
    struct Interruption: Error {}
    do {
      let run = try RunFolder(new: path)
      let store = try RunFixtures.store(0)
      #expect(throws: Interruption.self) {
        try run.begin(RunFixtures.header(store), store) {
          for file in [run.images, run.best, run.last] { try RunFixtures.write([1], to: file) }
          throw Interruption()
        }
      }
    }
    #expect(!FileManager.default.fileExists(atPath: path))
    #expect(throws: RunError.noRun(path: path)) { try RunFolder(existing: path) }
    do { _ = try RecordedRun(path, states: 1) }
    #expect(try RecordedRun.resume(path)?.state == 1)
  }

  /// A folder that was there stays, even if no run begins in it.
  @Test func foldersOfOthersStay() throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    do { _ = try RunFolder(new: path) }
    #expect(FileManager.default.fileExists(atPath: path))
    try FileManager.default.removeItem(atPath: path)
    do {
      let run = try RunFolder(new: path)
      try RunFixtures.write([1], to: "\(path)/notes")
      #expect(throws: RunError.inUse(path: path)) { try RunFolder(new: path) }
      try RunFixtures.write([1], to: run.images)
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: path) == ["notes"])
  }

  @Test func runsAreNotReplacedByMistake() throws {
    #expect(throws: RunError.noRun(path: path)) { try RunFolder(existing: path) }
    do { _ = try RunFolder(new: path) }
    #expect(throws: RunError.noRun(path: path)) { try RunFolder(existing: path) }
    do { _ = try RunFolder(new: path) }
    do { _ = try RecordedRun(path, states: 3) }
    let error = #expect(throws: RunError.exists(path: path)) { try RunFolder(new: path) }
    #expect("\(try #require(error))".contains("continue it with --resume"))
    try Data("w".utf8).write(to: URL(filePath: "\(path)/best.safetensors"))
    do {
      let folder = try RunFolder(new: path, replacing: true)
      // Nothing is lost before the new run begins.
      #expect(FileManager.default.fileExists(atPath: folder.best))
      try folder.begin(RunFixtures.header(try RunFixtures.store(0)), try RunFixtures.store(0))
      #expect(!FileManager.default.fileExists(atPath: folder.best))
    }
    #expect(try kinds() == ["header", "saved 0"])
    #expect(try RecordedRun.resume(path)?.state == 0)
    try Data().write(to: URL(filePath: "\(path)/photo.jpg"))
    for isReplaced in [false, true] {
      #expect(throws: RunError.occupied(path: path, by: "photo.jpg")) {
        try RunFolder(new: path, replacing: isReplaced)
      }
    }
  }

  @Test func oneProcessAtATime() throws {
    let run = try RecordedRun(path, states: 1)
    #expect(throws: RunError.inUse(path: path)) { try RunFolder(existing: path) }
    #expect(throws: RunError.inUse(path: path)) { try RunFolder(new: path, replacing: true) }
    withExtendedLifetime(run.folder) {}
  }

  /// A start that fails while it writes what a run needs leaves nothing, whatever it had written.
  @Test func failedStartsLeaveNoFolder() throws {
    let path = "\(folder.path)/failed.run"
    do {
      let run = try RunFolder(new: path)
      for file in [run.images, run.findings, run.head, run.last] {
        try Data("x".utf8).write(to: URL(filePath: file))
      }
    }
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func leftoversAreRemoved() throws {
    do { _ = try RecordedRun(path, states: 1) }
    try Data("half".utf8).write(to: URL(filePath: "\(path)/.cnnzoo-1f.tmp"))
    #expect(try RecordedRun.resume(path)?.state == 1)
    #expect(!FileManager.default.fileExists(atPath: "\(path)/.cnnzoo-1f.tmp"))
  }

  @Test func changedRunsAreRefused() throws {
    do { _ = try RecordedRun(path, states: 1) }
    let log = try lines()
    let store = try RunFixtures.store(9)
    let bits = RunFixtures.bits(store)
    var identity = RunFixtures.identity(store)
    identity.data = "e5"
    identity.configuration.epochs = 30
    let folder = try RunFolder(existing: path)
    let error = #expect(throws: RunError.self) {
      try folder.resume(store, as: identity, limits: RunFixtures.limits)
    }
    #expect(
      "\(try #require(error))"
        == "\(path): not resumed, because the result would differ: data was d4, is e5;"
        + " configuration.epochs was 20, is 30; restore what changed, or start a new run")
    #expect(try lines() == log && RunFixtures.bits(store) == bits)
  }

  /// The disk is full at any write of a save.
  @Test func fullDisk() throws {
    let disk = Disk()
    let run = try RecordedRun(path, states: 2, observer: { disk.see($0) })
    let names = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    let full = open("/dev/full", O_WRONLY | O_CLOEXEC)
    try #require(full >= 0)
    defer { close(full) }
    let writes = 4 * 7 + 2
    for number in 1..<writes {
      disk.fill(after: number, with: full)
      #expect(
        throws: RunError.cannotSave(
          .cannotWrite(
            path: "\(path)/state-1.safetensors", reason: "No space left on device")),
        "write \(number)"
      ) { try run.save(3) }
      #expect(try FileManager.default.contentsOfDirectory(atPath: path).sorted() == names)
    }
    // A copy of the folder is what another process would find.
    let copy = "\(folder.path)/copy.run"
    try FileManager.default.copyItem(atPath: path, toPath: copy)
    let resumed = try #require(try RecordedRun.resume(copy))
    #expect(resumed.state == 2 && resumed.warnings.isEmpty)
    // With room again, the run goes on.
    try run.save(4)
    try FileManager.default.removeItem(atPath: copy)
    withExtendedLifetime(resumed.folder) {}
    try FileManager.default.copyItem(atPath: path, toPath: copy)
    #expect(try RecordedRun.resume(copy)?.state == 4)
  }

  /// Replaces the next new file by a full device after some writes.
  private final class Disk {
    private var left: Int?
    private var full: Int32 = -1
    private var target: Int32 = -1

    func fill(after writes: Int, with full: Int32) {
      (left, self.full, target) = (writes, full, -1)
    }

    func see(_ event: FileEvent) {
      switch event {
      case .created(let descriptor, _): target = descriptor
      case .wrote(target, _):
        guard let left else { return }
        self.left = left > 1 ? left - 1 : nil
        if left == 1 { dup2(full, target) }
      default: break
      }
    }
  }

  /// A log that cannot grow stays whole.
  @Test func fullDiskAtTheLog() throws {
    let limited = try RecordedRun(path, states: 1)
    let log = try #require(limited.folder.log)
    let before = log.position
    let full = open("/dev/full", O_WRONLY | O_CLOEXEC)
    try #require(full >= 0)
    defer { close(full) }
    let descriptor = try #require(Self.descriptor(of: "\(path)/log.jsonl"))
    let kept = dup(descriptor)
    dup2(full, descriptor)
    #expect(
      throws: RunError.file(
        .cannotWrite(path: "\(path)/log.jsonl", reason: "No space left on device"))
    ) { try log.append(RunFixtures.step(9)) }
    #expect(log.position == before)
    dup2(kept, descriptor)
    close(kept)
    try log.append(RunFixtures.step(2))
    #expect(try kinds().suffix(2) == ["saved 1", "step 2"])
  }

  /// This process's descriptor of an open file.
  private static func descriptor(of path: String) -> Int32? {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
    return names.compactMap { Int32($0) }.first { number in
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(number)"))
        == path
    }
  }
}
