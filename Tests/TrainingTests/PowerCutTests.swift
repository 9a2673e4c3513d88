import Foundation
import Host
import TestSupport
import Testing
import Training

/// A power cut at any moment of a run: a disk keeps what was synchronised, and any part of the rest.
struct PowerCutTests {
  private let folder: TemporaryFolder
  private let recorder = Recorder()

  init() throws {
    folder = try TemporaryFolder()
    let path = "\(folder.path)/own.run"
    let recorder = recorder
    recorder.root = path
    do {
      let run = try RecordedRun(path, states: 0, observer: { recorder.record($0) })
      recorder.hasSaved(0)
      for state in 1...3 {
        try run.save(state)
        recorder.hasSaved(state)
      }
      try run.folder.log?.append(RunFixtures.step(4))
    }
    // The run is interrupted and resumed.
    let resumed = try #require(try RecordedRun.resume(path, observer: { recorder.record($0) }))
    for state in 4...5 {
      try resumed.folder.log?.append(RunFixtures.step(state))
      try resumed.folder.save(
        try RunFixtures.store(UInt64(state)), RunFixtures.progress(state))
      recorder.hasSaved(state)
    }
  }

  /// Resumes after every cut that leaves other files behind, until something is lost.
  private func replay(_ isKept: (Recorder.Event) -> Bool) throws -> (cuts: Int, loss: String?) {
    var (disk, saved, cuts) = (Disk(), -1, 0)
    // Most events leave nothing new behind, as the file that is being written has no name yet.
    var seen: Set<[String: [UInt8]]> = []
    for (index, event) in recorder.events.enumerated() where isKept(event) {
      disk.apply(event)
      if case .saved(let state) = event {
        saved = state
        seen = []
      }
      for (kind, files) in disk.crashes() where seen.insert(files).inserted {
        cuts += 1
        if let loss = try loss(files, saved) { return (cuts, "event \(index), \(kind): \(loss)") }
      }
    }
    return (cuts, nil)
  }

  /// What is lost if these files are left, although state `saved` was saved.
  private func loss(_ files: [String: [UInt8]], _ saved: Int) throws -> String? {
    let path = "\(folder.path)/cut.run"
    defer { try? FileManager.default.removeItem(atPath: path) }
    for (name, bytes) in files { try folder.file("cut.run/\(name)", bytes) }
    do {
      guard let resumed = try RecordedRun.resume(path) else {
        return saved < 0 ? nil : "no state"
      }
      if resumed.state < saved { return "state \(resumed.state) instead of \(saved)" }
      let log = String(decoding: try RunFixtures.bytes("\(path)/log.jsonl"), as: UTF8.self)
      // Header, then each step once, up to the state.
      let steps = (log.split(separator: "\n").filter { $0.contains("\"type\":\"step\"") }).count
      guard log.hasPrefix("{\"type\":\"header\""), steps == resumed.state else {
        return "the log has \(steps) steps at state \(resumed.state)"
      }
      // The run can go on.
      try resumed.folder.save(try RunFixtures.store(9), RunFixtures.progress(9))
      return nil
    } catch RunError.noRun where saved < 0 {
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test func nothingSavedIsLost() throws {
    let (cuts, loss) = try replay { _ in true }
    #expect(loss == nil)
    #expect(cuts > 50)
  }

  /// The replay finds a missing call of each kind.
  @Test(arguments: ["log", "state", "folder"]) func missingSynchronisationIsFound(of part: String)
    throws
  {
    let (_, loss) = try replay { event in
      switch event {
      case .synchronized(_, let isLog): part == "folder" || isLog != (part == "log")
      case .synchronizedFolder: part != "folder"
      default: true
      }
    }
    #expect(loss != nil)
  }
}

/// Keeps the events of a run, with names relative to its folder.
private final class Recorder {
  enum Event {
    case created(Int32, name: String?)
    case opened(Int32, name: String)
    case wrote(Int32, [UInt8])
    case truncated(Int32, Int)
    case synchronized(Int32, isLog: Bool)
    case linked(Int32, name: String)
    case renamed(String, to: String)
    case removed(String)
    case synchronizedFolder
    /// The call returned.
    case saved(Int)
  }

  var root = ""
  private(set) var events: [Event] = []
  private var log: Int32 = -1

  func hasSaved(_ state: Int) { events.append(.saved(state)) }

  func record(_ event: FileEvent) {
    switch event {
    case .created(let file, let path): events.append(.created(file, name: path.map(name)))
    case .opened(let file, let path):
      log = file
      events.append(.opened(file, name: name(path)))
    case .wrote(let file, let bytes): events.append(.wrote(file, Array(bytes)))
    case .truncated(let file, let length): events.append(.truncated(file, length))
    case .synchronized(let file): events.append(.synchronized(file, isLog: file == log))
    case .linked(let file, let path): events.append(.linked(file, name: name(path)))
    case .renamed(let old, let new): events.append(.renamed(name(old), to: name(new)))
    case .removed(let path): events.append(.removed(name(path)))
    // The folder around the run is taken as durable.
    case .synchronizedFolder(let path):
      if path.hasPrefix(root), !path.hasSuffix("..") { events.append(.synchronizedFolder) }
    }
  }

  private func name(_ path: String) -> String { String(path.dropFirst(root.count + 1)) }
}

/// A file system that keeps changes in memory until they are synchronised.
private struct Disk {
  private struct File {
    var now: [UInt8] = []
    var durable: [UInt8] = []
  }

  private var files: [File] = []
  private var open: [Int32: Int] = [:]
  private var names: [String: Int] = [:]
  /// The names on disk, then after each change since.
  private var versions: [[String: Int]] = [[:]]

  mutating func apply(_ event: Recorder.Event) {
    switch event {
    case .created(let descriptor, let name):
      open[descriptor] = files.count
      files.append(File())
      if let name { rename { [last = files.count - 1] in $0[name] = last } }
    case .opened(let descriptor, let name): open[descriptor] = names[name]
    case .wrote(let descriptor, let bytes): change(descriptor) { $0.now += bytes }
    case .truncated(let descriptor, let length):
      change(descriptor) { $0.now = Array($0.now.prefix(length)) }
    case .synchronized(let descriptor, _): change(descriptor) { $0.durable = $0.now }
    case .linked(let descriptor, let name):
      let file = open[descriptor]
      rename { $0[name] = file }
    case .renamed(let old, let new): rename { $0[new] = $0.removeValue(forKey: old) }
    case .removed(let name): rename { $0[name] = nil }
    case .synchronizedFolder: versions = [names]
    case .saved: break
    }
  }

  private mutating func change(_ descriptor: Int32, _ body: (inout File) -> Void) {
    if let file = open[descriptor] { body(&files[file]) }
  }

  private mutating func rename(_ body: (inout [String: Int]) -> Void) {
    body(&names)
    versions.append(names)
  }

  /// What a power cut now may leave behind: the first of the changed names, and of each file's
  /// unsynchronised bytes all, none, half, or zeros in their place.
  func crashes() -> [(String, [String: [UInt8]])] {
    let kinds: [(String, (File) -> [UInt8])] = [
      ("all", { $0.now }), ("durable", { $0.durable }),
      ("half", { Array($0.now.prefix(($0.durable.count + $0.now.count) / 2)) }),
      (
        "zeros",
        {
          let kept = zip($0.now, $0.durable).prefix { $0 == $1 }.count
          return Array($0.now.prefix(kept)) + [UInt8](repeating: 0, count: $0.now.count - kept)
        }
      ),
    ]
    return versions.enumerated().flatMap { index, names in
      kinds.map { kind, contents in
        ("\(kind), \(index) renamed", names.mapValues { contents(files[$0]) })
      }
    }
  }
}
