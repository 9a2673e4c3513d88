import Host
import Images
import Training

/// How an epoch is cut into batches: as equal as possible, and none of a single image.
///
/// Batch norm has no variance to divide by in a batch of one image with a map of one pixel.
package struct EpochSteps: Hashable, Sendable {
  /// The images of an epoch.
  package let images: Int
  /// The batches of an epoch: ceil(images / batch), or fewer if one of them would have one image.
  package let count: Int

  /// - Parameter batch: Images in a batch. Batches are smaller if the epoch is not a multiple of it;
  ///   they are larger, with two or three images, only if it is one or two.
  package init(images: Int, batch: Int) {
    precondition(images >= 1 && batch >= 1)
    self.images = images
    count = max(1, min((images + batch - 1) / batch, images / 2))
  }

  /// Images of the largest batch.
  package var largest: Int { (images + count - 1) / count }

  /// The places in the epoch's order that belong to a step.
  package subscript(step: Int) -> Range<Int> {
    step * images / count..<(step + 1) * images / count
  }
}

/// Some images of an epoch, ready for the network.
package struct TrainingBatch {
  package let epoch: Int
  /// The position in the epoch, from 0.
  package let step: Int
  package let entries: [EpochOrder.Entry]
  /// The class of each image, before mixing.
  package let classes: [Int]
  /// The probability of each class for each image; those of an image sum to 1.
  package let targets: [[Float]]
  /// How each image was combined with another one of the batch.
  package let mixtures: [Mixture?]
  /// Normalised pixels, [images, size, size, 3], until the next batch is asked for.
  package let values: UnsafeBufferPointer<Float>

  /// The images, as indices of `TrainingImages.images`.
  package var images: [Int] { entries.map(\.image) }
}

/// The batches of some epochs in order, decoded and augmented ahead on other threads.
///
/// Each epoch contains every training image once, or with balanced sampling each class equally often,
/// in an order that depends on the seed and the epoch. An image's augmentation depends on the seed,
/// the epoch and the image; which other image it is mixed with, on the order. So the batches
/// depend neither on the threads nor on where a run was interrupted, and none before the first one
/// is computed. Up to one batch is ready while another is in use.
package final class TrainingBatches {
  /// What determines the batches, besides the images.
  package struct Settings: Sendable {
    /// Size, normalisation and augmentation.
    package var preprocessing: TrainingPreprocessing
    /// Images in a batch: see `EpochSteps`.
    package var batch: Int
    package var seed: UInt64
    /// Whether classes are balanced by sampling.
    package var balance: TrainingConfiguration.Balance

    package init(
      preprocessing: TrainingPreprocessing, batch: Int, seed: UInt64,
      balance: TrainingConfiguration.Balance = .none
    ) {
      (self.preprocessing, self.batch, self.seed) = (preprocessing, batch, seed)
      self.balance = balance
    }
  }

  /// The batches of an epoch.
  package let steps: EpochSteps

  private let settings: Settings
  private let images: TrainingImages
  private let epochOrder: EpochOrder
  private let workers: OrderedWorkers<Task, TrainingDataError?>
  /// Two batches, [2, largest batch, size, size, 3].
  private let memory: AlignedBuffer

  private var epochs: Range<Int>
  /// The next step to start.
  private var step: Int
  /// The order of the first of `epochs`.
  private var order: [EpochOrder.Entry] = []
  /// Batches started so far.
  private var started = 0
  /// The batches in progress, at most two, and their memory.
  private var pending: [(batch: TrainingBatch, values: UnsafeMutableBufferPointer<Float>)] = []
  private var failure: TrainingDataError?

  /// An image to prepare.
  private struct Task: Sendable {
    let image: TrainingImage
    let key: RandomKey
    /// The first of its values in the memory.
    let offset: Int
  }

  /// Starts to prepare the first batches.
  ///
  /// - Parameters:
  ///   - images: The images, after a scan; at least one is for training.
  ///   - epochs: The epochs, of which the first begins with `firstStep`.
  ///   - threads: Threads that decode.
  /// - Throws: `OutOfMemory`.
  package init(
    _ images: TrainingImages, reader: TrainingImageReader, settings: Settings, epochs: Range<Int>,
    firstStep: Int = 0, threads: Int
  ) throws(OutOfMemory) {
    epochOrder = EpochOrder(images, balance: settings.balance)
    steps = EpochSteps(images: images.training.count, batch: settings.batch)
    precondition((0..<steps.count).contains(firstStep))
    (self.images, self.settings, self.epochs, step) = (images, settings, epochs, firstStep)
    let preprocessing = settings.preprocessing
    let memory = try AlignedBuffer(count: 2 * steps.largest * preprocessing.valueCount)
    self.memory = memory
    workers = OrderedWorkers(threads: threads, capacity: 2 * steps.largest) { task, _ in
      // Each task in progress has its own part of the memory.
      let output = UnsafeMutableBufferPointer(
        start: memory.base + task.offset, count: preprocessing.valueCount)
      do throws(TrainingDataError) {
        try reader.withImage(of: task.image) { image in
          preprocessing.apply(to: image, key: task.key, into: output)
        }
        return nil
      } catch {
        return error
      }
    }
    fill()
  }

  deinit { workers.stop() }

  /// The next batch, or `nil` after the last epoch; waits until it is ready.
  ///
  /// - Throws: `TrainingDataError.lost` or `.changed` for the first image that fails, and again for
  ///   every later call.
  package func next() throws(TrainingDataError) -> TrainingBatch? {
    if let failure { throw failure }
    // The memory of the batch before is free.
    fill()
    guard !pending.isEmpty else { return nil }
    let (batch, values) = pending.removeFirst()
    for _ in batch.entries {
      guard let error = workers.take().outcome else { continue }
      failure = error
      workers.stop()
      throw error
    }
    mix(values, size: settings.preprocessing.size, batch.mixtures)
    return batch
  }

  /// Starts batches until two are in progress.
  private func fill() {
    while pending.count < 2, let epoch = epochs.first {
      let key = RandomKey(seed: settings.seed)[epoch]
      if order.isEmpty { order = epochOrder(key) }
      start(Array(order[steps[step]]), epoch: epoch, key)
      step += 1
      if step == steps.count {
        (step, order) = (0, [])
        epochs = epochs.dropFirst()
      }
    }
  }

  /// Starts a batch.
  ///
  /// - Parameter key: That of the epoch.
  private func start(_ members: [EpochOrder.Entry], epoch: Int, _ key: RandomKey) {
    let preprocessing = settings.preprocessing
    let count = preprocessing.valueCount
    let offset = started % 2 * steps.largest * count
    for (place, entry) in members.enumerated() {
      workers.give(
        Task(
          image: images.images[entry.image], key: key[.augmentation][entry],
          offset: offset + place * count))
    }
    let classes = members.map { images.images[$0.image].classIndex }
    let mixtures = preprocessing.augmentation.mixtures(
      size: preprocessing.size, keys: members.map { key[.mixing][$0] })
    let values = UnsafeMutableBufferPointer(
      start: memory.base + offset, count: members.count * count)
    pending.append(
      (
        TrainingBatch(
          epoch: epoch, step: step, entries: members, classes: classes,
          targets: Self.targets(classes, mixtures, count: images.labels.count),
          mixtures: mixtures, values: UnsafeBufferPointer(values)),
        values
      ))
    started += 1
  }

  /// The probability of each of `count` classes for each image of a batch.
  private static func targets(
    _ classes: [Int], _ mixtures: [Mixture?], count: Int
  ) -> [[Float]] {
    zip(classes, mixtures).map { index, mixture in
      var target = [Float](repeating: 0, count: count)
      target[index] = mixture?.share ?? 1
      if let mixture { target[classes[mixture.partner]] += 1 - mixture.share }
      return target
    }
  }
}
