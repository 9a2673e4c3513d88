import Weights

/// The course of a run, as its log has it.
public struct TrainingHistory: Equatable, Sendable {
  /// A step.
  public struct Step: Equatable, Sendable {
    /// The epoch, counted from 0.
    public let epoch: Int
    /// The step in the epoch, counted from 0.
    public let step: Int
    /// The mean loss of the batch.
    public let loss: Double
    /// The learning rate, before layer-wise factors.
    public let learningRate: Double
  }

  /// A complete epoch.
  public struct Epoch: Equatable, Sendable {
    /// The epoch, counted from 0.
    public let epoch: Int
    /// The mean loss over the training images, with augmentation and regularisation.
    public let trainLoss: Double
    /// The share of training images whose class had the highest score.
    public let trainAccuracy: Double
    /// The side of the training images in pixels; `nil` for that of the configuration.
    public let imageSize: Int?
    /// The validation; `nil` without images for it.
    public let validation: Validation?
    /// Whether this was the best validation until then.
    public let isBest: Bool
    /// Seconds of training and validation.
    public let seconds: Double
  }

  /// The validation of an epoch.
  public struct Validation: Equatable, Sendable {
    /// The share of images whose class is the first answer.
    public let accuracy: Double
    /// The mean of −ln p, where p is the probability of the image's own class.
    public let logLoss: Double
    /// The images.
    public let images: Int

    /// The figures of a validation.
    public init(accuracy: Double, logLoss: Double, images: Int) {
      (self.accuracy, self.logLoss, self.images) = (accuracy, logLoss, images)
    }
  }

  /// The last thing that happened.
  public enum End: Equatable, Sendable {
    /// All epochs are complete.
    case finished
    /// The run was asked to stop.
    case stopped(reason: String)
    /// A value became NaN or infinite; the images had one first.
    case diverged(epoch: Int, step: Int, place: String, images: [String])
  }

  /// The steps of all epochs.
  public private(set) var steps: [Step] = []
  /// The complete epochs.
  public private(set) var epochs: [Epoch] = []
  /// What the user should know, such as images that are damaged; one sentence each.
  public private(set) var warnings: [String] = []
  /// How often training continued after an interruption.
  public private(set) var resumptions = 0
  /// How it ended; `nil` if the process was killed, or is still training.
  public private(set) var end: End?

  /// Whether nothing was trained since the last resumption.
  private var isResuming = false

  /// Reads the log at `path`.
  ///
  /// An incomplete last line and records of other kinds are skipped.
  ///
  /// - Throws: `RunError.file`, `.damaged` with the line.
  package init(path: String) throws(RunError) {
    let file = try RunError.reading { () throws(WeightsError) in try MappedFile(path: path) }
    var start = try TrainingLog.header(of: file).line.upperBound
    var line = 2
    while let end = file.bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
      do {
        guard var record = try JSONValue(file, range: start..<end).members else {
          throw JSONFault("not an object")
        }
        try add(&record)
      } catch {
        throw .damaged(path: path, reason: "line \(line) is not a record: \(error)")
      }
      (start, line) = (end + 1, line + 1)
    }
  }

  private mutating func add(_ record: inout [String: JSONValue]) throws(JSONFault) {
    switch try record.text("type") {
    case "step":
      if isResuming { resumptions += 1 }
      (isResuming, end) = (false, nil)
      steps.append(
        Step(
          epoch: try record.integer("epoch", Self.counts),
          step: try record.integer("step", Self.counts), loss: try record.figure("loss"),
          learningRate: try record.figure("learning_rate")))
    case "epoch":
      end = nil
      epochs.append(try Epoch(&record))
    case "event": try addEvent(&record)
    default: break
    }
  }

  private mutating func addEvent(_ record: inout [String: JSONValue]) throws(JSONFault) {
    switch try record.text("event") {
    case "resumed": (isResuming, end) = (true, nil)
    case "finished": end = .finished
    case "stopped": end = .stopped(reason: try record.text("reason"))
    case "non-finite":
      end = .diverged(
        epoch: try record.integer("epoch", Self.counts),
        step: try record.integer("step", Self.counts), place: try record.text("layer"),
        images: record["images"]?.elements?.compactMap(\.text) ?? [])
    case "warning": warnings.append(try record.text("text"))
    default: break
    }
  }

  fileprivate static let counts = 0...(1 << 40)
}

extension TrainingHistory.Epoch {
  fileprivate init(_ record: inout [String: JSONValue]) throws(JSONFault) {
    epoch = try record.integer("epoch", TrainingHistory.counts)
    trainLoss = try record.figure("train_loss")
    trainAccuracy = try record.figure("train_accuracy")
    imageSize =
      record["image_size"] == nil ? nil : try record.integer("image_size", 1...(1 << 20))
    var figures = try record.object("validation")
    validation =
      figures["top1"] == nil
      ? nil
      : TrainingHistory.Validation(
        accuracy: try figures.figure("top1"), logLoss: try figures.figure("log_loss"),
        images: try figures.integer("images", TrainingHistory.counts))
    guard case .bool(let isBest) = try record.value("best") else {
      throw JSONFault("best is not true or false")
    }
    self.isBest = isBest
    seconds = try record.figure("seconds")
  }
}

extension [String: JSONValue] {
  /// A number; NaN for null, as which the log has numbers that are not finite.
  fileprivate mutating func figure(_ key: String) throws(JSONFault) -> Double {
    let value = try value(key)
    if case .null = value { return .nan }
    guard let number = value.number else { throw JSONFault("\(key) is not a number") }
    return number
  }
}
