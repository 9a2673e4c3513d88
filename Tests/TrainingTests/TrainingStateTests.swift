import Foundation
import GraphIR
import Host
import TestSupport
import Testing
import Training
import Weights

/// State files: exact, and hostile until proven otherwise.
struct TrainingStateTests {
  private let folder: TemporaryFolder
  private let store: ParameterStore
  private let path: String

  init() throws {
    folder = try TemporaryFolder()
    store = try RunFixtures.store(7)
    path = "\(folder.path)/state.safetensors"
    try TrainingState.write(
      store, RunFixtures.progress(7), number: 4, log: LogPosition(bytes: 10, checksum: "0123"),
      to: path)
  }

  /// Reads a state as resuming does; the error if that fails.
  private func fault(
    _ bytes: [UInt8], for store: ParameterStore? = nil, limits: TrainingProgress.Limits? = nil
  ) throws -> RunError? {
    let damaged = "\(folder.path)/damaged"
    try RunFixtures.write(bytes, to: damaged)
    do throws(RunError) {
      let state = try TrainingState(
        path: damaged, for: store ?? self.store, limits: limits ?? RunFixtures.limits)
      try state.verify(for: store ?? self.store)
      return nil
    } catch {
      return error
    }
  }

  @Test(arguments: [0, 1, 2]) func readsBackToTheBit(states: Int) throws {
    let written = try RunFixtures.store(5, states: states)
    let log = LogPosition(bytes: 123, checksum: "00ff")
    try TrainingState.write(written, RunFixtures.progress(5), number: 8, log: log, to: path)
    let read = try RunFixtures.store(6, states: states)
    #expect(RunFixtures.bits(read) != RunFixtures.bits(written))
    let state = try TrainingState(path: path, for: read, limits: RunFixtures.limits)
    try state.verify(for: read)
    #expect(state.number == 8 && state.log == log && state.progress == RunFixtures.progress(5))
    try state.copy(to: read)
    #expect(RunFixtures.bits(read) == RunFixtures.bits(written))
  }

  /// The names are those of the network, for other programs.
  @Test func isAnOrdinaryFile() throws {
    let file = try WeightFile(path: path)
    #expect(file.tensors.count == store.entries.count * 4 + 1)
    let entry = try #require(store.entries.first)
    let expected = store.floats(entry, of: store.states[1]).map(\.bitPattern)
    let tensor = try #require(file["state.1.features.0.weight"])
    #expect(tensor.shape == [4, 3, 3, 3])
    #expect(try tensor.floats().map(\.bitPattern) == expected)
  }

  @Test func everyTruncationIsRefused() throws {
    let bytes = try RunFixtures.bytes(path)
    #expect(try fault(bytes) == nil)
    for length in 0..<bytes.count {
      guard case .damaged = try fault(Array(bytes[..<length])) else {
        Issue.record("\(length) bytes are accepted")
        continue
      }
    }
    guard case .damaged = try fault(bytes + [0]) else {
      Issue.record("a longer file is accepted")
      return
    }
  }

  /// A flipped bit in any byte: in the length, the header, its padding, each tensor, the checksum.
  @Test func everyFlippedBitIsRefused() throws {
    let bytes = try RunFixtures.bytes(path)
    for index in bytes.indices {
      var damaged = bytes
      damaged[index] ^= 1 << (index % 8)
      guard case .damaged = try fault(damaged) else {
        Issue.record("a flipped bit in byte \(index) is accepted")
        continue
      }
    }
  }

  /// Exchanging tensors keeps every byte of the data, but not the checksum.
  @Test func exchangedTensorsAreRefused() throws {
    let text = try #require(
      String(bytes: try RunFixtures.bytes(path), encoding: .isoLatin1))
    let swapped = text.replacingOccurrences(of: "\"state.0.", with: "\"state.?.")
      .replacingOccurrences(of: "\"state.1.", with: "\"state.0.")
      .replacingOccurrences(of: "\"state.?.", with: "\"state.1.")
    let bytes = [UInt8](try #require(swapped.data(using: .isoLatin1)))
    #expect(bytes != [UInt8](try #require(text.data(using: .isoLatin1))))
    let reason = "its checksum does not match its contents"
    #expect(try fault(bytes) == .damaged(path: "\(folder.path)/damaged", reason: reason))
  }

  @Test func otherNetworksAreRefused() throws {
    let bytes = try RunFixtures.bytes(path)
    let wider = try RunFixtures.store(7, graph: RunFixtures.graph(channels: 5))
    let reason = "values.features.0.weight is F32 [4, 3, 3, 3], expected F32 [5, 3, 3, 3]"
    #expect(
      try fault(bytes, for: wider) == .damaged(path: "\(folder.path)/damaged", reason: reason))
    let renamed = try RunFixtures.store(7, graph: RunFixtures.graph(name: "other"))
    #expect(
      "\(try #require(try fault(bytes, for: renamed)))".hasSuffix(
        "values.other.0.weight is missing, as are 27 more"))
    let more = try RunFixtures.store(7, states: 3)
    #expect(
      "\(try #require(try fault(bytes, for: more)))".contains(
        "state.2.features.0.weight is missing"))
    let fewer = try RunFixtures.store(7, states: 1)
    #expect(
      "\(try #require(try fault(bytes, for: fewer)))".hasSuffix(
        "7 tensors do not belong to the network"))
  }

  /// Numbers that no run has.
  @Test(arguments: [
    ("epoch", "21"), ("epoch", "-1"), ("epoch", "3.0"), ("epoch", "+3"), ("epoch", "nan"),
    ("epoch", "99999999999999999999"), ("step", "101"), ("updates", "308"), ("updates", "-0"),
    ("epoch.images", "3201"), ("epoch.correct", "225"), ("epoch.loss", "nan"),
    ("epoch.loss", "inf"), ("epoch.loss", "0x1p3"), ("epoch.seconds", "-1.0"),
    ("best.epoch", "4"), ("best.value", "nan"), ("best.value", ""), ("number", "-1"),
    ("number", "9223372036854775807"), ("log.bytes", "0"), ("log.bytes", "1e3"),
    ("format", "cnnzoo training state 2"), ("unknown", "1"),
  ])
  func impossibleNumbersAreRefused(key: String, value: String) throws {
    var metadata = try WeightFile(path: path).metadata
    #expect(
      try fault(try copy(metadata))
        == .damaged(
          path: "\(folder.path)/damaged", reason: "its checksum does not match its contents"))
    metadata[key] = value
    let error = try #require(try fault(try copy(metadata)))
    guard case .damaged(_, let reason) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(reason.hasPrefix(key) || reason.hasPrefix("the format is"), "\(reason)")
  }

  @Test(arguments: [
    "format", "number", "log.bytes", "log.checksum", "epoch", "step", "updates", "epoch.images",
    "epoch.correct", "epoch.loss", "epoch.seconds", "best.value",
  ])
  func missingNumbersAreRefused(key: String) throws {
    var metadata = try WeightFile(path: path).metadata
    metadata[key] = nil
    let error = try #require(try fault(try copy(metadata)))
    #expect("\(error)".hasSuffix("damaged: \(key) is missing"), "\(error)")
  }

  /// The file with other metadata and no valid checksum.
  private func copy(_ metadata: [String: String]) throws -> [UInt8] {
    var writer = SafetensorsWriter(metadata: metadata)
    for tensor in try WeightFile(path: path).tensors where tensor.name != "checksum" {
      writer.append(tensor)
    }
    writer.append(name: "checksum", elementType: .u64, shape: [1]) { _ in }
    return try writer.encoded(named: "copy")
  }

  @Test func otherFilesAreRefused() throws {
    let missing = "\(folder.path)/none"
    #expect(
      throws: RunError.file(.cannotRead(path: missing, reason: "No such file or directory"))
    ) { try TrainingState(path: missing, for: store, limits: RunFixtures.limits) }
    var writer = SafetensorsWriter()
    writer.append(name: "x", shape: [1], values: [1])
    #expect(
      "\(try #require(try fault(try writer.encoded(named: "x"))))".hasSuffix("format is missing"))
  }
}
