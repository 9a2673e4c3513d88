import Operators

/// How a network is trained.
///
/// Together with the data, the initial weights, the program and the instruction set, this determines
/// every bit of the result; the number of threads does not.
public struct TrainingConfiguration: Hashable, Sendable {
  /// What the loss is computed from.
  public enum Loss: String, Hashable, Sendable, CaseIterable {
    /// Cross-entropy of the softmax: each image has one class.
    case softmax
    /// The sum over classes of the cross-entropy of the sigmoid: classes are independent.
    case sigmoid
  }

  /// The statistics that batch norm uses.
  public enum BatchNorm: String, Hashable, Sendable, CaseIterable {
    /// Those of the batch; the running statistics follow them.
    case batch
    /// The running statistics, which stay as they are; γ and β are trained.
    case fixed
  }

  /// How classes with different numbers of images are made to count the same.
  public enum Balance: String, Hashable, Sendable, CaseIterable {
    /// They are not: each image counts the same.
    case none
    /// An image's loss is multiplied by a weight in inverse proportion to its class's images; the
    /// weights' mean over all images is 1.
    case weights
    /// Each class provides the same number of images of an epoch; those of small classes repeat.
    case sampling
  }

  /// Passes over the training images.
  public var epochs = 20
  /// Images in a step.
  public var batch = 32
  /// Batches whose gradients are averaged before an update.
  public var accumulation = 1
  /// Side of the training images in pixels, in progressive learning at the end.
  public var imageSize = 224
  /// Where progressive learning begins; `nil` for the same settings in all epochs.
  public var progressive: ProgressiveLearning?
  /// Side of the images that the result is for; `nil` for the last training size or, if it is up to a
  /// third larger, that of the initial weights.
  ///
  /// Objects appear larger in random crops than in inference; a training size about 20 % smaller
  /// makes up for it (Touvron et al. 2019, arXiv 1906.06423). Much smaller ones do harm: EfficientNet-Lite0
  /// trained at 128 pixels gets 89 % of TrashNet right at 128 pixels and 41 % at 224.
  public var inferenceSize: Int?

  /// The side of the images that the result is for if it starts from weights for images of side `weights`.
  public func inferenceSize(ofWeights weights: Int) -> Int {
    inferenceSize ?? (imageSize <= weights && 3 * weights <= 4 * imageSize ? weights : imageSize)
  }
  /// The share of the images that validates, unless the folder itself is divided.
  public var validationShare = 0.15
  /// How classes of different sizes are treated.
  public var balance = Balance.none
  /// Epochs without a lower validation loss after which training ends; `nil` to train all epochs.
  ///
  /// In progressive learning, only epochs of the last stage count.
  public var patience: Int?
  /// The smallest share of an image's area in a random crop; `nil` for the crop of inference.
  public var minimumCropArea: Double? = 0.35
  /// Whether every other image, at random, is mirrored.
  public var flips = true
  /// The strength of RandAugment's operations, from 0 to 30; `nil` for no RandAugment.
  ///
  /// Cubuk et al. 2020, arXiv 1909.13719.
  public var randAugmentMagnitude: Double?
  /// The operations that RandAugment applies to an image, one after the other.
  public var randAugmentOperations = 2
  /// The probability of erasing a rectangle of an image.
  ///
  /// Zhong et al. 2020, arXiv 1708.04896.
  public var erasingProbability = 0.0
  /// The α of mixup, which blends images and their labels with shares of Beta(α, α); 0 for no mixup.
  ///
  /// Zhang et al. 2018, arXiv 1710.09412.
  public var mixupAlpha = 0.0
  /// The α of CutMix, which pastes a rectangle of another image; 0 for no CutMix.
  ///
  /// With mixup, each is applied to one half of the batch (Yun et al. 2019, arXiv 1905.04899).
  public var cutMixAlpha = 0.0
  /// The seed of everything random.
  public var seed: UInt64 = 0
  /// The number format of the operands of matrix products, f32 or bf16.
  ///
  /// With bf16, the forward pass and the gradients of inputs multiply in bf16, which is faster on
  /// processors that can. Weights, feature maps, statistics, the gradients of weights, and validation
  /// stay f32.
  public var precision = Precision.f32
  /// The loss.
  public var loss = Loss.softmax
  /// The share of the target that is spread evenly over all classes.
  ///
  /// Szegedy et al. 2016, arXiv 1512.00567, section 7.
  public var labelSmoothing = 0.1
  /// The factor of ½Σw² in the loss, over weights but not biases, γ and β; AdamW subtracts it from the
  /// weights instead.
  public var weightDecay = 1e-5
  /// The optimiser.
  public var optimizer = Optimizer.rmsProp()
  /// The learning rate over time.
  public var schedule = LearningRateSchedule.cosine(rate: 0.01, warmupEpochs: 1)
  /// The limit of the average's decay, min(limit, (1 + n) / (10 + n)) at update n; `nil` for no average.
  public var averageDecay: Double? = 0.9999
  /// The largest Euclidean norm of all gradients together; longer ones are shortened to it.
  public var clipNorm: Double?
  /// The statistics that batch norm uses.
  public var batchNorm = BatchNorm.batch
  /// The share of the batch in batch norm's running statistics, PyTorch's momentum.
  public var batchNormMomentum = 0.1
  /// The probability of dropping the last block's branch.
  ///
  /// It rises linearly from 0 at the first block (Huang et al. 2016, arXiv 1603.09382).
  public var stochasticDepth = 0.2
  /// The probability of zeroing an input of the classifier.
  public var dropout = 0.2
  /// Leading stages that stay as they are, with the stem; 0 trains everything.
  ///
  /// A frozen layer's batch norm uses and keeps its running statistics.
  public var frozenStages = 0
  /// The learning rate's factor from one stage to the one before it; 1 for the same rate everywhere.
  public var layerDecay = 1.0

  /// The defaults for training from scratch.
  public init() {}
}

extension TrainingConfiguration {
  /// The defaults for training from random parameters.
  public static var fromScratch: TrainingConfiguration {
    var configuration = TrainingConfiguration()
    configuration.imageSize = 128
    configuration.schedule = .cosine(rate: 0.001, warmupEpochs: 2)
    configuration.averageDecay = 0.999
    return configuration
  }

  /// The defaults for training from pretrained weights.
  public static var fineTuning: TrainingConfiguration {
    var configuration = TrainingConfiguration()
    configuration.epochs = 10
    configuration.optimizer = .adamW()
    configuration.schedule = .cosine(rate: 3e-4, warmupEpochs: 1)
    configuration.weightDecay = 0.01
    configuration.batchNorm = .fixed
    configuration.averageDecay = 0.99
    configuration.stochasticDepth = 0.1
    return configuration
  }
}
