import Host
import Kernels
import Operators
import Synchronization

/// What the steps of a tape share while they run for a batch.
///
/// All partitions depend only on shapes and the batch, so results do not depend on the threads.
struct TapeRun {
  let tape: Tape
  let store: ParameterStore
  let kernels: KernelTable
  let workers: TrainingWorkers
  /// The buffers' memory, and the offset of each.
  let arena: UnsafeMutablePointer<Float>
  let offsets: [Int]
  /// Batch norm's vectors, packed weights, and partial sums.
  let statistics: UnsafeMutablePointer<Float>
  let packed: UnsafeMutablePointer<Float>
  let partials: UnsafeMutablePointer<Float>
  /// Ones, as many as the widest layer has channels.
  let ones: UnsafePointer<Float>
  /// Zeros, as many.
  let zeros: UnsafePointer<Float>
  var batchNormMomentum: Double
  /// The random numbers of each image, in the batch's order.
  var keys: [RandomKey] = []
  /// Times the step; `nil` unless somebody wants to know.
  var clock: StepClock?
  /// The images for which the current unit runs, in order; all of them outside of blocks.
  var images: [Int] = []

  /// Whether the current unit leaves images out.
  var dropsImages: Bool { images.count < keys.count }

  subscript(buffer: TapeBuffer) -> UnsafeMutablePointer<Float> { arena + offsets[buffer] }

  /// Floats of a buffer for one image.
  func count(_ buffer: TapeBuffer) -> Int { tape.bufferCounts[buffer] }

  /// A part of a feature map: some rows of one image.
  struct Part {
    /// The image's place in the unit's images.
    let image: Int
    let rows: Range<Int>
  }

  /// Feature maps cut into parts of about 16 K floats, which stay in the L1 and L2 cache.
  struct Parts {
    let images: Int
    let positions: Int
    let perImage: Int

    init(images: Int, positions: Int, stride: Int) {
      self.images = images
      self.positions = positions
      perImage = min(positions, max(1, positions * stride / 16_384))
    }

    var count: Int { images * perImage }

    subscript(index: Int) -> Part {
      let part = index % perImage
      return Part(
        image: index / perImage,
        rows: positions * part / perImage..<positions * (part + 1) / perImage)
    }
  }

  /// Calls `body` for each part of a map of the unit's images.
  func forEachPart(
    positions: Int, stride: Int, _ body: (_ index: Int, _ part: Part) -> Void
  ) {
    let parts = Parts(images: images.count, positions: positions, stride: stride)
    workers.forEach(parts.count) { index, _ in body(index, parts[index]) }
  }

  /// Calls `body` for ranges of `channels`, a multiple of 8, for sums over the whole batch.
  func forEachChannelRange(_ channels: Int, _ body: (Range<Int>) -> Void) {
    let width = 64
    workers.forEach((channels + width - 1) / width) { index, _ in
      body(index * width..<min(channels, (index + 1) * width))
    }
  }

  /// Copies the unit's images side by side.
  func gather(_ source: TapeBuffer, into target: TapeBuffer) {
    let count = count(source)
    workers.forEach(images.count) { index, _ in
      (self[target] + index * count).update(
        from: self[source] + images[index] * count, count: count)
    }
  }

  /// Adds maps that lie side by side to those of the unit's images.
  func scatterAdd(_ source: TapeBuffer, to target: TapeBuffer) {
    let count = count(source)
    // The layout does not matter here, so rows are as long as possible.
    let width = count % 64 == 0 ? 64 : 8
    workers.forEach(images.count) { index, _ in
      let sum = self[target] + images[index] * count
      kernels.training.combine(
        LinearCombination(
          rows: count / width, channels: width, g: self[source] + index * count, gStride: width,
          z: sum, zStride: width, a: ones, b: ones, c: zeros, out: sum, outStride: width))
    }
  }
}

/// Threads with scratch memory for the steps of a tape.
struct TrainingWorkers {
  let pool: WorkerPool
  /// `scratchCount` floats for each thread.
  let scratch: UnsafeMutablePointer<Float>
  let scratchCount: Int

  /// Calls `body` once for every number below `count`, on whichever thread is free, with its scratch.
  func forEach(_ count: Int, _ body: (Int, UnsafeMutablePointer<Float>) -> Void) {
    let next = Atomic<Int>(0)
    pool.run { worker in
      while true {
        let index = next.add(1, ordering: .relaxed).oldValue
        guard index < count else { return }
        body(index, scratch + worker * scratchCount)
      }
    }
  }
}
