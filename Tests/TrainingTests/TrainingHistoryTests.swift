import Foundation
import Host
import Testing
import Training

/// Reading the log of a run.
struct TrainingHistoryTests {
  private let path = NSTemporaryDirectory() + "cnnzoo-history-\(UUID().uuidString).jsonl"

  /// The history in a log with these records, and lines after them.
  private func history(_ records: [LogRecord], then rest: String = "") throws -> TrainingHistory {
    defer { try? FileManager.default.removeItem(atPath: path) }
    let log = try TrainingLog(path: path, header: RunFixtures.header(RunFixtures.store(1)))
    for record in records { try log.append(record) }
    if !rest.isEmpty {
      let file = try #require(FileHandle(forWritingAtPath: path))
      try file.seekToEnd()
      try file.write(contentsOf: Data(rest.utf8))
    }
    return try TrainingHistory(path: path)
  }

  private static let epoch = LogRecord.epoch(
    .init(
      epoch: 3, trainLoss: 0.5, trainAccuracy: 0.75,
      validation: [("top1", 0.8), ("log_loss", 1.0 / 3), ("images", 45)], isBest: true,
      seconds: 2.5, imageSize: 96))

  @Test func recordsComeBack() throws {
    let history = try history([
      RunFixtures.step(0), RunFixtures.step(1), Self.epoch, .event(.saved(number: 1)),
      .event(.warning("a/ü.jpg: damaged")), .event(.finished),
    ])
    #expect(history.steps.map(\.step) == [0, 1] && history.steps[1].epoch == 3)
    #expect(history.steps[0].loss == 1.0 / 3 && history.steps[0].learningRate == 0.01)
    let epoch = try #require(history.epochs.first)
    #expect(epoch.epoch == 3 && epoch.trainLoss == 0.5 && epoch.trainAccuracy == 0.75)
    #expect(epoch.isBest && epoch.seconds == 2.5 && epoch.imageSize == 96)
    #expect(epoch.validation == .init(accuracy: 0.8, logLoss: 1.0 / 3, images: 45))
    #expect(history.warnings == ["a/ü.jpg: damaged"] && history.end == .finished)
    #expect(history.resumptions == 0)
  }

  @Test func epochsWithoutValidationAndWithASize() throws {
    let history = try history(
      [],
      then: #"{"type":"epoch","epoch":0,"train_loss":null,"train_accuracy":1,"validation":{},"#
        + #""best":false,"seconds":1,"image_size":128,"dropout":0.1}"# + "\n")
    let epoch = try #require(history.epochs.first)
    #expect(epoch.trainLoss.isNaN && epoch.validation == nil && epoch.imageSize == 128)
  }

  /// The end is that of the last session; resuming a complete run trains nothing.
  @Test func endsAndResumptions() throws {
    let stopped = LogRecord.event(.stopped(reason: "interrupted"))
    let resumed = LogRecord.event(.resumed(number: 0, epoch: 3, step: 1))
    #expect(try history([RunFixtures.step(0), stopped]).end == .stopped(reason: "interrupted"))
    #expect(try history([RunFixtures.step(0)]).end == nil)
    let again = try history([RunFixtures.step(0), stopped, resumed, RunFixtures.step(1)])
    #expect(again.end == nil && again.resumptions == 1)
    let complete = try history([RunFixtures.step(0), resumed, .event(.finished)])
    #expect(complete.end == .finished && complete.resumptions == 0)
    let diverged = LogRecord.event(
      .nonFinite(epoch: 3, step: 1, layer: "the loss", images: ["a.jpg"]))
    #expect(
      try history([diverged]).end
        == .diverged(epoch: 3, step: 1, place: "the loss", images: ["a.jpg"]))
  }

  @Test func otherRecordsAndAnIncompleteLineAreSkipped() throws {
    let history = try history(
      [RunFixtures.step(0)],
      then: "{\"type\":\"plan\"}\n{\"type\":\"event\",\"event\":\"new\"}\n{\"type\":\"ste")
    #expect(history.steps.count == 1)
  }

  @Test(arguments: [
    "x", "[]", "{}", #"{"type":"step"}"#, #"{"type":"step","epoch":-1,"step":0}"#,
    #"{"type":"step","epoch":0,"step":0,"loss":"1","learning_rate":1}"#,
    #"{"type":"epoch","epoch":0,"train_loss":1,"train_accuracy":1,"validation":{},"best":0}"#,
    #"{"type":"event"}"#, #"{"type":"event","event":"warning","text":1}"#,
  ])
  func malformedLinesAreNamed(line: String) throws {
    do {
      _ = try history([RunFixtures.step(0)], then: line + "\n")
      Issue.record("accepted \(line)")
    } catch RunError.damaged(let path, let reason) {
      #expect(path == self.path && reason.hasPrefix("line 3 is not a record: "), "\(reason)")
    }
  }
}
