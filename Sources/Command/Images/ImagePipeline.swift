import CNNZoo
import Host

/// Images in the order of their inputs, read, decoded and prepared ahead by threads of their own.
///
/// While the network computes, the next images become ready: as many as a batch needs and some
/// more, in memory that is taken once.
final class ImagePipeline {
  /// An input and what became of it.
  struct Answer {
    let input: ImageInputs.Input
    /// What was noticed while decoding, or why there is no image.
    let outcome: Result<[ImageWarning], any Error>
    /// The network's input; where there is no image, of no meaning.
    ///
    /// Valid until the next call.
    let values: UnsafeBufferPointer<Float>
  }

  private var inputs: ImageInputs
  private let workers: OrderedWorkers<ImageInputs.Input, Result<[ImageWarning], any Error>>
  private let values: PreparedValues

  /// - Parameters:
  ///   - inputs: The images.
  ///   - preprocessing: The recipe that prepares them.
  ///   - threads: Threads that decode.
  ///   - batch: Images that are computed together.
  init(
    _ inputs: ImageInputs, preprocessing: Preprocessing, reading: ImageReading, threads: Int,
    batch: Int
  ) {
    self.inputs = inputs
    // A batch that is ready when the last one is done, and for each thread one at work.
    let capacity = batch + 2 * threads
    let values = PreparedValues(count: preprocessing.valueCount, places: capacity)
    self.values = values
    let memory = MemoryBudget(bytes: reading.limits.memoryBytes)
    workers = OrderedWorkers(threads: threads, capacity: capacity) { input, place in
      Result {
        let encoded = try input.encodedImage(reading)
        // Images that would fill the memory together wait for one another.
        return try memory.spending(encoded.decodingMemory) { () throws in
          let image = try encoded.decode()
          try preprocessing.apply(to: image, into: values[place])
          return image.warnings
        }
      }
    }
  }

  deinit { workers.stop() }

  /// Whether `next()` would answer soon: the next image is there before the network could become
  /// idle, and no writer of a list, or of a pipe, has to be waited for.
  var isReady: Bool {
    workers.count > 0 ? workers.isDone(within: Self.patience) : inputs.isReady
  }

  /// Milliseconds: longer than a photo takes to decode, so that batches are full where images come
  /// one after the other, and too short for a person to notice.
  private static let patience = 50

  /// The next image, waited for; `nil` at the end.
  func next() throws(PathListError) -> Answer? {
    // Whatever can be begun without waiting is; only where nothing is under way, the list is waited
    // for.
    while workers.hasRoom, workers.count == 0 || inputs.isReady {
      guard let input = try inputs.next() else { break }
      given.append(input)
      workers.give(input)
    }
    guard workers.count > 0 else { return nil }
    let (outcome, place) = workers.take()
    return Answer(
      input: given.removeFirst(), outcome: outcome, values: UnsafeBufferPointer(values[place]))
  }

  /// What the workers hold, in the same order.
  private var given: [ImageInputs.Input] = []
}

/// Memory for the prepared values of some images, a place each.
private final class PreparedValues: @unchecked Sendable {
  // A place is written by the thread that works on it, and read after that handed it over.
  private let memory: UnsafeMutableBufferPointer<Float>
  private let count: Int

  init(count: Int, places: Int) {
    self.count = count
    memory = .allocate(capacity: count * places)
  }

  deinit { memory.deallocate() }

  subscript(place: Int) -> UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(rebasing: memory[place * count..<(place + 1) * count])
  }
}
