import Glibc
import Host

/// A line of a run's log after the header.
package enum LogRecord: Sendable {
  case step(Step)
  case epoch(Epoch)
  case event(Event)

  /// A step; figures are of this step alone.
  package struct Step: Sendable {
    /// The epoch, counted from 0.
    package var epoch: Int
    /// The step in its epoch, counted from 0.
    package var step: Int
    /// The mean loss of the batch.
    package var loss: Double
    /// The learning rate, before layer-wise factors.
    package var learningRate: Double
    package var imagesPerSecond: Double

    package init(
      epoch: Int, step: Int, loss: Double, learningRate: Double, imagesPerSecond: Double
    ) {
      self.epoch = epoch
      self.step = step
      self.loss = loss
      self.learningRate = learningRate
      self.imagesPerSecond = imagesPerSecond
    }
  }

  /// A complete epoch.
  package struct Epoch: Sendable {
    /// The epoch, counted from 0.
    package var epoch: Int
    /// The mean loss over the training images, with augmentation and regularisation.
    package var trainLoss: Double
    /// The share of training images whose class had the highest score.
    package var trainAccuracy: Double
    /// Figures over the validation images, by name.
    package var validation: [(name: String, value: Double)]
    /// Whether this is the best validation so far.
    package var isBest: Bool
    /// Seconds of training and validation.
    package var seconds: Double
    /// Side of the training images in pixels.
    package var imageSize: Int

    package init(
      epoch: Int, trainLoss: Double, trainAccuracy: Double,
      validation: [(name: String, value: Double)], isBest: Bool, seconds: Double, imageSize: Int
    ) {
      self.epoch = epoch
      self.trainLoss = trainLoss
      self.trainAccuracy = trainAccuracy
      self.validation = validation
      self.isBest = isBest
      self.seconds = seconds
      self.imageSize = imageSize
    }
  }

  /// Something that happens to a run.
  package enum Event: Sendable {
    /// A state was saved; states are numbered from 0.
    case saved(number: Int)
    /// The run continues from a state.
    case resumed(number: Int, epoch: Int, step: Int)
    /// The run was asked to stop.
    case stopped(reason: String)
    /// A loss, gradient or weight is NaN or infinite.
    case nonFinite(epoch: Int, step: Int, layer: String, images: [String])
    /// Something that the user should know, such as a damaged image.
    case warning(String)
    /// The schedule of the run, before its first step.
    case planned([TrainingStage])
    /// The closed-form head's figures over the validation images.
    case head(top1: Double, logLoss: Double)
    /// Training ends early: the validation loss did not improve for some epochs.
    case stoppedEarly(epoch: Int)
    /// The run is complete.
    case finished
  }
}

extension LogRecord {
  /// The record as a JSON object.
  var json: JSON.Object {
    switch self {
    case .step(let step):
      [
        "type": .string("step"), "epoch": .integer(step.epoch), "step": .integer(step.step),
        "loss": .number(step.loss), "learning_rate": .number(step.learningRate),
        "images_per_second": .number(step.imagesPerSecond),
      ]
    case .epoch(let epoch):
      [
        "type": .string("epoch"), "epoch": .integer(epoch.epoch),
        "train_loss": .number(epoch.trainLoss), "train_accuracy": .number(epoch.trainAccuracy),
        "validation": .object(
          JSON.Object(epoch.validation.map { (key: $0.name, value: .number($0.value)) })),
        "best": .bool(epoch.isBest), "seconds": .number(epoch.seconds),
        "image_size": .integer(epoch.imageSize),
      ]
    case .event(let event):
      ["type": .string("event"), "time": .integer(time(nil))] + event.json
    }
  }
}

extension LogRecord.Event {
  fileprivate var json: JSON.Object {
    switch self {
    case .saved(let number): ["event": .string("saved"), "state": .integer(number)]
    case .resumed(let number, let epoch, let step):
      [
        "event": .string("resumed"), "state": .integer(number),
        "epoch": .integer(epoch), "step": .integer(step),
      ]
    case .stopped(let reason): ["event": .string("stopped"), "reason": .string(reason)]
    case .nonFinite(let epoch, let step, let layer, let images):
      [
        "event": .string("non-finite"), "epoch": .integer(epoch), "step": .integer(step),
        "layer": .string(layer), "images": .array(images.map(JSON.string)),
      ]
    case .warning(let text): ["event": .string("warning"), "text": .string(text)]
    case .planned(let stages):
      ["event": .string("planned"), "stages": .array(stages.map { .object($0.json) })]
    case .head(let top1, let logLoss):
      ["event": .string("head"), "top1": .number(top1), "log_loss": .number(logLoss)]
    case .stoppedEarly(let epoch):
      ["event": .string("stopped early"), "epoch": .integer(epoch)]
    case .finished: ["event": .string("finished")]
    }
  }
}

extension TrainingStage {
  fileprivate var json: JSON.Object {
    [
      "first_epoch": .integer(epochs.lowerBound), "epochs": .integer(epochs.count),
      "image_size": .integer(imageSize), "dropout": .number(dropout),
      "rand_augment_magnitude": randAugmentMagnitude.map(JSON.number) ?? .null,
      "mixup_alpha": .number(mixupAlpha),
    ]
  }
}
