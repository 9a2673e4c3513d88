import Host
import Images
import Pretrained
import Training

/// What the network sees of some images of a training folder in the first epochs.
///
/// The images come from the code that training uses, with its seed: crop, operations and erased
/// rectangle of an image are those of the epoch in the run. With mixup and CutMix, the images of
/// the preview are mixed with each other.
public struct TrainingPreview: Sendable {
  /// An image, as the network sees it at inference and in some epochs.
  public struct Row: Sendable {
    /// Its path in the folder.
    public let name: String
    /// Its class name.
    public let label: String
    /// The image at inference, at the training size.
    public let original: Image
    /// The image in each epoch.
    public let versions: [Version]
  }

  /// An image in an epoch.
  public struct Version: Sendable {
    /// What the network sees, rounded to 8 bits.
    public let image: Image
    /// The target: class names and their shares, the image's own class first.
    public let target: [(label: String, share: Double)]
    /// What was done to the image, after the crop.
    public let changes: [String]
  }

  /// The images in one stage.
  public struct Section: Sendable {
    /// The stage.
    public let stage: TrainingStage
    /// The images.
    public let rows: [Row]
  }

  /// How the network would be trained.
  public let configuration: TrainingConfiguration
  /// The first and the last stage of progressive learning, or the only one, with the same images.
  public let sections: [Section]
  /// Why images that were chosen first cannot be decoded.
  public let failures: [ImageError]

  /// Reads some images and prepares them.
  ///
  /// - Parameters:
  ///   - folder: The path of a folder with one folder per class; see `TrainingImages`.
  ///   - options: How the network would be trained.
  ///   - images: The number of images; of as many classes as possible.
  ///   - epochs: The number of epochs of each stage.
  /// - Throws: `TrainingConfigurationError`; `TrainerError.fewImages` if no image can be decoded;
  ///   errors of `TrainingImages` and of the network.
  public init(
    _ start: TrainingStart, folder: String, _ options: Trainer.Options, images count: Int = 6,
    epochs: Int = 5
  ) throws {
    let configuration = options.configuration
    try configuration.validate()
    let preprocessing = try start.preprocessing
    let reader = TrainingImageReader(decoding: options.decoding, cacheBytes: 1 << 28)
    var images = try TrainingImages(folder: folder, includesHidden: options.includesHidden)
    let (chosen, failures) = images.sample(count, seed: configuration.seed, reader)
    guard !chosen.isEmpty else { throw TrainerError.fewImages(0) }
    for index in images.images.indices {
      images.images[index].isValidation = !chosen.contains(index)
    }
    (self.failures, self.configuration) = (failures, configuration)
    let stages = configuration.stages
    self.sections = try stages.indices.filter { [0, stages.count - 1].contains($0) }.map { index in
      Section(
        stage: stages[index],
        rows: try Self.rows(
          images, reader, TrainingPreprocessing(preprocessing, configuration, stages[index]),
          epochs: stages[index].epochs.lowerBound..<stages[index].epochs.lowerBound + epochs,
          seed: configuration.seed, threads: options.threads))
    }
  }

  private static func rows(
    _ images: TrainingImages, _ reader: TrainingImageReader,
    _ preprocessing: TrainingPreprocessing, epochs: Range<Int>, seed: UInt64, threads: Int
  ) throws -> [Row] {
    let members = images.training
    var versions: [Int: [Version]] = [:]
    let batches = try TrainingBatches(
      images, reader: reader,
      settings: .init(preprocessing: preprocessing, batch: max(2, members.count), seed: seed),
      epochs: epochs, threads: threads)
    while let batch = try batches.next() {
      let count = preprocessing.valueCount
      let key = RandomKey(seed: seed)[batch.epoch][.augmentation]
      for (place, index) in batch.images.enumerated() {
        let values = batch.values[place * count..<(place + 1) * count]
        versions[index, default: []].append(
          Version(
            image: preprocessing.image(UnsafeBufferPointer(rebasing: values)),
            target: target(batch, place, images.labels),
            changes: preprocessing.changes(key: key[index])
              + (batch.mixtures[place].map { [$0.change] } ?? [])))
      }
    }
    return try members.sorted { images.images[$0].classIndex < images.images[$1].classIndex }.map {
      let image = images.images[$0]
      return Row(
        name: image.name, label: images.labels[image.classIndex],
        original: try reader.withImage(of: image, preprocessing.inference.cropped),
        versions: versions[$0] ?? [])
    }
  }

  /// The classes with a share in the target of an image of a batch.
  private static func target(
    _ batch: TrainingBatch, _ place: Int, _ labels: Labels
  ) -> [(label: String, share: Double)] {
    let own = batch.classes[place]
    let others = labels.names.indices.filter { $0 != own && batch.targets[place][$0] > 0 }
    return ([own] + others).map { (labels[$0], Double(batch.targets[place][$0])) }
  }
}

extension TrainingPreprocessing {
  /// What is done to the image with a key, in order.
  fileprivate func changes(key: RandomKey) -> [String] {
    var changes = isFlipped(key) ? ["mirrored"] : []
    changes += operations(key: key).map(\.description)
    if let box = erasedBox(key: key) {
      changes.append("erased \(box.columns.count) × \(box.rows.count) px")
    }
    return changes
  }
}

extension Mixture {
  /// Its name.
  fileprivate var change: String { box == nil ? "mixup" : "CutMix" }
}

extension TrainingStart {
  /// The preprocessing of inference, at the input size of the weights or the network.
  fileprivate var preprocessing: Preprocessing {
    get throws {
      switch self {
      case .weights(let network): network.info.preprocessing
      case .random(let model, _):
        try WeightInfo(path: model.name, metadata: [:], model: model).preprocessing
      }
    }
  }
}

extension TrainingImages {
  /// Some images for training, of as many classes as possible, chosen at random, that can be decoded.
  fileprivate func sample(
    _ count: Int, seed: UInt64, _ reader: TrainingImageReader
  ) -> (chosen: Set<Int>, failures: [ImageError]) {
    let training = training
    var rest = RandomKey(seed: seed)[.order].permutation(training.count).map { training[$0] }
    var chosen: Set<Int> = []
    var failures: [ImageError] = []
    while chosen.count < count, !rest.isEmpty {
      // One image of each class that has any left.
      var classes: Set<Int> = []
      var later: [Int] = []
      for index in rest {
        guard chosen.count < count, !classes.contains(images[index].classIndex) else {
          later.append(index)
          continue
        }
        do throws(TrainingDataError) {
          try reader.withImage(of: images[index]) { _ in }
          chosen.insert(index)
          classes.insert(images[index].classIndex)
        } catch {
          if case .lost(_, let error) = error { failures.append(error) }
        }
      }
      rest = later
    }
    return (chosen, failures)
  }
}
