import Host
import Kernels
import Operators

/// What the steps of a tape share while they run: for the whole batch, or for a group of its images.
///
/// All partitions depend only on shapes and the batch, so results do not depend on the threads.
struct TapeRun {
  private let resources: TapeResources
  /// All threads; in a group's run, only the one that runs it.
  private(set) var workers: TrainingWorkers
  /// The maps of buffers that live only while a group runs.
  private var passing: UnsafeMutablePointer<Float>?
  /// Partial sums of the running action.
  var partials: UnsafeMutablePointer<Float>
  var batchNormMomentum: Double
  /// The random numbers of each image, in the batch's order.
  var keys: [RandomKey] = []
  /// Times the step; `nil` unless somebody wants to know.
  var clock: StepClock?

  /// The images for which the current unit runs, in order; all of them outside of blocks.
  private(set) var images: [Int] = []
  /// The group's part of `images`.
  private(set) var places = 0..<0
  /// The group's number.
  private(set) var group = 0
  /// The number of groups.
  var groupCount = 1
  /// The thread that runs the group.
  private(set) var worker = 0
  /// The running step.
  var step = 0

  init(
    _ tape: Tape, _ store: ParameterStore, _ kernels: KernelTable, pool: WorkerPool,
    _ memory: TapeMemory, batchNormMomentum: Double
  ) {
    resources = TapeResources(
      bufferCounts: tape.bufferCounts, store: store, kernels: kernels, memory: memory)
    workers = TrainingWorkers(pool: pool, scratch: memory.scratch, scratchCount: memory.threadCount)
    partials = memory.partials
    self.batchNormMomentum = batchNormMomentum
  }

  var store: ParameterStore { resources.store }
  var kernels: KernelTable { resources.kernels }
  private var memory: TapeMemory { resources.memory }
  /// Batch norm's vectors.
  var statistics: UnsafeMutablePointer<Float> { memory.statistics }
  /// Packed weights.
  var packed: UnsafeMutablePointer<Float> { memory.packed }
  /// Memory for packed weights that must be zero where packing leaves gaps: the other direction's were here.
  func clearedPacked(_ offset: Int, count: Int) -> UnsafeMutablePointer<Float> {
    packed.advanced(by: offset).update(repeating: 0, count: count)
    return packed + offset
  }

  /// Ones, as many as the widest layer has channels.
  var ones: UnsafePointer<Float> { memory.ones }
  /// Zeros, as many.
  var zeros: UnsafePointer<Float> { memory.zeros }

  /// Whether the current unit leaves images out.
  var dropsImages: Bool { images.count < keys.count }
  /// The number of images in the group.
  var imageCount: Int { places.count }

  /// Floats of a buffer for one image.
  func count(_ buffer: TapeBuffer) -> Int { resources.bufferCounts[buffer] }

  /// The maps of the group's images, one after another.
  subscript(buffer: TapeBuffer) -> UnsafeMutablePointer<Float> {
    memory.base(of: buffer, passing) { $0 + places.lowerBound * count(buffer) }
  }

  /// The map of one of the group's images, in a buffer that other units use for the whole batch.
  func map(_ buffer: TapeBuffer, _ index: Int) -> UnsafeMutablePointer<Float> {
    let image = images[places.lowerBound + index]
    return memory.base(of: buffer, passing, orGroup: index * count(buffer)) {
      $0 + image * count(buffer)
    }
  }

  /// The map of any image of the batch, in such a buffer.
  func batchMap(_ buffer: TapeBuffer, _ image: Int) -> UnsafeMutablePointer<Float> {
    memory.base(of: buffer, nil) { $0 + image * count(buffer) }
  }

  /// The random numbers of one of the group's images.
  func key(_ index: Int) -> RandomKey { keys[images[places.lowerBound + index]] }

  /// Ends a lap of the running step's work.
  func lap(_ work: TrainingWork) { clock?.lap(step, work, on: worker) }

  /// Starts a unit: it runs for `images`.
  mutating func begin(_ images: [Int]) { (self.images, places) = (images, 0..<images.count) }

  /// The run of a group of images by one thread.
  func group(_ group: Int, of count: Int, on worker: Int) -> TapeRun {
    var run = self
    run.places = images.count * group / count..<images.count * (group + 1) / count
    (run.group, run.groupCount, run.worker) = (group, count, worker)
    run.workers = workers.alone(worker)
    run.passing = workers.scratch(worker) + memory.scratchCount
    return run
  }

  /// Starts a step's action, with its partial sums.
  mutating func begin(step: Int, partials offset: Int) {
    self.step = step
    partials = memory.partials + offset
  }
}

/// What does not change while a tape runs; every group holds it by one reference.
private final class TapeResources {
  let bufferCounts: [Int]
  let store: ParameterStore
  let kernels: KernelTable
  let memory: TapeMemory

  init(bufferCounts: [Int], store: ParameterStore, kernels: KernelTable, memory: TapeMemory) {
    (self.bufferCounts, self.store) = (bufferCounts, store)
    (self.kernels, self.memory) = (kernels, memory)
  }
}

extension TapeRun {
  /// A part of a feature map: some rows of one image.
  struct Part {
    /// The image's place in the group.
    let image: Int
    let rows: Range<Int>
  }

  /// Feature maps cut into parts of about 48 K floats, which stay in the L2 cache.
  struct Parts {
    let images: Int
    let positions: Int
    let perImage: Int

    init(images: Int, positions: Int, stride: Int) {
      self.images = images
      self.positions = positions
      perImage = min(positions, max(1, positions * stride / 49_152))
    }

    var count: Int { images * perImage }

    subscript(index: Int) -> Part {
      let part = index % perImage
      return Part(
        image: index / perImage,
        rows: positions * part / perImage..<positions * (part + 1) / perImage)
    }
  }

  /// Calls `body` for each part of a map of the group's images, with the part's number in the batch.
  func forEachPart(
    positions: Int, stride: Int,
    _ body: (_ index: Int, _ part: Part, _ scratch: UnsafeMutablePointer<Float>) -> Void
  ) {
    let parts = Parts(images: imageCount, positions: positions, stride: stride)
    workers.forEach(parts.count) { index, scratch in
      body(places.lowerBound * parts.perImage + index, parts[index], scratch)
    }
  }

  /// Copies the group's images side by side.
  func gather(_ source: TapeBuffer, into target: TapeBuffer) {
    let count = count(source)
    workers.forEach(imageCount) { index, _ in
      (self[target] + index * count).update(from: map(source, index), count: count)
    }
  }

  /// Adds maps that lie side by side to those of the group's images.
  func scatterAdd(_ source: TapeBuffer, to target: TapeBuffer) {
    let count = count(source)
    // The layout does not matter here, but the ones and zeros are at least 64.
    let width = count % 64 == 0 ? 64 : 8
    workers.forEach(imageCount) { index, _ in
      let sum = map(target, index)
      kernels.training.combine(
        LinearCombination(
          rows: count / width, channels: width, g: KeptMap(self[source]) + index * count,
          gStride: width, z: KeptMap(sum), zStride: width, a: ones, b: ones, c: zeros, out: sum,
          outStride: width))
    }
  }
}
