import Training

extension Trainer {
  /// Settings of a run that do not change its result, except for `configuration`.
  public struct Options: Sendable {
    /// How the network is trained.
    public var configuration = TrainingConfiguration()
    /// Threads that compute, and as many that decode.
    public var threads = HostInfo.allowedThreads
    /// The largest number of bytes for parameters, feature maps and gradients; `nil` for no limit.
    ///
    /// The batch is made smaller to fit.
    public var memoryBytes: Int?
    /// Whether the backward pass computes the largest feature map of each block again instead of finding
    /// it in memory, which takes less memory and more time.
    public var recomputes = false
    /// How long a new run may take; `nil` for the configuration's epochs.
    ///
    /// A few steps are measured, and the number of epochs, and if need be image size and frozen stages,
    /// are chosen so that the run ends then. Its configuration says what was chosen.
    public var timeLimit: TimeLimit?
    /// The largest number of bytes of decoded images to keep from epoch to epoch.
    public var cacheBytes = 1 << 30
    /// Whether to use files and folders whose names begin with a dot.
    public var includesHidden = false
    /// Whether a run in the run folder may be replaced.
    public var replacesRun = false
    /// Seconds after which the state is saved, besides at the end of each epoch.
    public var saveInterval = 300.0
    /// Steps after which the state is saved; `nil` for the interval alone.
    public var saveSteps: Int?
    /// How images are decoded.
    public var decoding = DecodingOptions()
    /// The program's version, which a run must be resumed with.
    public var program = ""
    /// The command line that begins the run, for its report.
    public var command: [String] = []

    /// The defaults.
    public init() {}
  }

  /// What a run is about to do.
  public struct Plan: Sendable {
    /// The network.
    public let model: String
    /// How it is trained.
    public let configuration: TrainingConfiguration
    /// The class names.
    public let labels: Labels
    /// Images to train on.
    public let trainingImages: Int
    /// Images to validate with.
    public let validationImages: Int
    /// Steps of an epoch.
    public let stepsPerEpoch: Int
    /// Bytes of parameters, feature maps and gradients at their peak.
    public let memoryBytes: Int
    /// The folder with the run's log and states.
    public let runFolder: String
    /// The leave-one-out accuracy of the closed-form head that training starts with; `nil` without one.
    public let headAccuracy: Double?
    /// The epoch and step of the state that is resumed; `nil` for a new run.
    public internal(set) var resumed: (epoch: Int, step: Int)?
  }

  /// Something that happens during a run.
  public enum Event: Sendable {
    /// An image has been read for the first time.
    case scanned(ImageResult<TrainingImage>)
    /// The closed-form head has seen an image.
    case embedded
    /// The run begins.
    case planned(Plan)
    /// Classes have very different numbers of images, and are not balanced.
    case imbalanced(Imbalance)
    /// The closed-form head is validated: the result to improve on.
    case head(Evaluation)
    /// A stage of progressive learning begins.
    case stage(TrainingStage)
    /// A step is done.
    case step(Step)
    /// An epoch is done and validated.
    case epoch(Epoch)
    /// Something that the user should know, one sentence.
    case warning(String)
  }

  /// Two classes, one of which has several times as many training images as the other.
  public struct Imbalance: Sendable, Equatable {
    /// The class with the most images.
    public let largest: String
    /// Its images for training.
    public let largestCount: Int
    /// The class with the fewest images.
    public let smallest: String
    /// Its images for training.
    public let smallestCount: Int
  }

  /// A step.
  public struct Step: Sendable {
    /// The epoch, counted from 0.
    public let epoch: Int
    /// The step in the epoch, counted from 0.
    public let step: Int
    /// The mean loss of the epoch so far.
    public let loss: Double
    /// The share of the epoch's images so far whose class had the highest score.
    public let accuracy: Double
    /// The learning rate, before layer-wise factors.
    public let learningRate: Double
    /// Images in a second of the epoch so far.
    public let imagesPerSecond: Double
    /// Seconds until the last epoch is done, not counting validation.
    public let remainingSeconds: Double
  }

  /// An epoch.
  public struct Epoch: Sendable {
    /// The epoch, counted from 0.
    public let epoch: Int
    /// Side of the training images in pixels.
    public let imageSize: Int
    /// The mean loss over the training images, with augmentation and regularisation.
    public let loss: Double
    /// The share of training images whose class had the highest score.
    public let accuracy: Double
    /// The validation; `nil` without images for it.
    public let validation: Evaluation?
    /// Whether this is the best validation so far.
    public let isBest: Bool
    /// Seconds of training and validation.
    public let seconds: Double
  }

  /// How a run ended.
  public enum Outcome: Sendable {
    /// The output is written.
    case finished(Result)
    /// It was asked to stop, and can be resumed.
    case stopped
  }

  /// The result of a run.
  public struct Result: Sendable {
    /// The validation of the output; `nil` without images for it.
    public let validation: Evaluation?
    /// The validation of the trained network, which is the output unless ``keepsHead``; `nil` without
    /// images for it.
    public let trained: Evaluation?
    /// The validation of the closed-form head that training began with; `nil` without one.
    public let head: Evaluation?
    /// Whether the output is that head, because training did not improve on it beyond chance.
    public let keepsHead: Bool
    /// The epoch with the best weights, counted from 0.
    public let bestEpoch: Int
    /// By what the logits of the best weights were divided; `nil` if they were not.
    public let temperature: Double?
    /// Whether the output has batch norm statistics estimated after training.
    public let hasNewStatistics: Bool
    /// The epochs after which training ended early; `nil` if all were trained.
    public let stoppedAt: Int?
  }
}

/// Why a run ended early.
public enum TrainerError: Error, Sendable {
  /// A value became NaN or infinite; the images had one first.
  case diverged(place: String, images: [String], runFolder: String)
  /// Not even a batch of two images fits.
  case tooLittleMemory(needed: Int, limit: Int)
  /// Not even one epoch fits the time.
  case tooLittleTime(needed: Double, left: Double)
  /// There are too few images.
  case fewImages(Int)
}

extension TrainerError: CustomStringConvertible {
  /// One line: what is wrong, and what to do.
  public var description: String {
    switch self {
    case .diverged(let place, let images, let folder):
      let names = images.prefix(3).joined(separator: ", ") + (images.count > 3 ? ", …" : "")
      return "training diverged: \(place) is no longer finite"
        + (images.isEmpty ? "" : " for \(names)")
        + "; the last good state is in \(folder). Start again with a lower learning rate, a longer"
        + " warm-up or gradient clipping"
    case .tooLittleMemory(let needed, let limit):
      return "a batch of 2 images takes \(needed >> 20) MiB, more than the limit of"
        + " \(limit >> 20) MiB; use smaller images or a smaller model"
    case .tooLittleTime(let needed, let left):
      return "one epoch takes about \(Int(needed.rounded(.up))) s, but"
        + " \(max(0, Int(left))) s are left; allow more time, or use a smaller network"
    case .fewImages(let count):
      return "\(count) images for training; at least 2 are needed"
    }
  }
}
