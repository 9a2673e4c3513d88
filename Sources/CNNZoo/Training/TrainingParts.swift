import GraphIR
import Host
import Images
import InstructionSets
import Operators
import Training

// What a run is made of, from its configuration.

extension ParameterStore {
  /// A store for a configuration.
  ///
  /// - Throws: `OutOfMemory`.
  convenience init(_ graph: Graph, _ configuration: TrainingConfiguration) throws {
    try self.init(
      graph, states: configuration.optimizer.initialStates.count,
      frozenStages: configuration.frozenStages, layerDecay: configuration.layerDecay)
  }

  /// 32 hexadecimal digits that identify the values.
  var digest: String {
    var hash = ContentHash()
    hash.append(UnsafeRawBufferPointer(start: values.base, count: 4 * count))
    return hash.description
  }
}

extension TrainingSession.Options {
  /// The options for a configuration.
  ///
  /// - Parameter classWeights: See `TrainingImages.classWeights(_:)`.
  init(
    _ configuration: TrainingConfiguration, classWeights: [Double] = [], batch: Int, threads: Int,
    recomputes: Bool
  ) {
    self.init(batch: batch, threads: threads)
    frozenStages = configuration.frozenStages
    batchNorm = configuration.batchNorm
    batchNormMomentum = configuration.batchNormMomentum
    precision = configuration.precision
    self.recomputes = recomputes
    loss = ClassificationLoss(
      configuration.loss, labelSmoothing: configuration.labelSmoothing,
      classWeights: classWeights)
  }
}

extension OptimizerStep {
  /// The update for a configuration.
  ///
  /// - Throws: `ProcessorError`.
  init(_ store: ParameterStore, _ configuration: TrainingConfiguration) throws {
    self.init(
      store, optimizer: configuration.optimizer, weightDecay: configuration.weightDecay,
      clipNorm: configuration.clipNorm,
      average: configuration.averageDecay.map(WeightAverage.init(limit:)),
      kernels: try InstructionSet.selected().kernels)
  }
}

extension TrainingBatches.Settings {
  /// The settings for a stage.
  ///
  /// - Parameter preprocessing: That of inference.
  init(
    _ configuration: TrainingConfiguration, _ preprocessing: Preprocessing, _ stage: TrainingStage
  ) {
    self.init(
      preprocessing: TrainingPreprocessing(preprocessing, configuration, stage),
      batch: configuration.batch, seed: configuration.seed, balance: configuration.balance)
  }
}

extension TrainingPreprocessing {
  /// How a stage's images are prepared for weights with some preprocessing.
  init(
    _ preprocessing: Preprocessing, _ configuration: TrainingConfiguration, _ stage: TrainingStage
  ) {
    var augmentation = Augmentation(
      minimumArea: configuration.minimumCropArea, flips: configuration.flips)
    augmentation.randAugment = stage.randAugmentMagnitude.map {
      RandAugment(operations: configuration.randAugmentOperations, magnitude: $0)
    }
    augmentation.erasingProbability = configuration.erasingProbability
    augmentation.mixupAlpha = stage.mixupAlpha
    augmentation.cutMixAlpha = configuration.cutMixAlpha
    self.init(preprocessing, size: stage.imageSize, augmentation: augmentation)
  }
}

extension TrainingSession {
  /// Copies a batch's pixels to the network's input.
  func setInputs(_ batch: TrainingBatch) {
    let count = batch.values.count / batch.entries.count
    for place in batch.entries.indices {
      withInput(image: place) { input in
        _ = input.update(
          fromContentsOf: UnsafeBufferPointer(
            rebasing: batch.values[place * count..<(place + 1) * count]))
      }
    }
  }
}
