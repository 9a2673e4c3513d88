import Host

/// How images are read.
public struct DecodingOptions: Sendable {
  /// Limits on images, checked before memory is allocated.
  public var limits = DecodingLimits.standard
  /// Whether to apply the EXIF orientation.
  public var appliesOrientation = true
  /// Threads that decode ahead of the network; `nil` chooses from the network's threads.
  public var threads: Int?

  /// The defaults.
  public init() {}
}

/// Reads, decodes and preprocesses images ahead of the network, on its own threads and in order.
///
/// A bounded number of images is in flight, each with room for the network's input; the memory is
/// allocated once. Together, images being decoded take at most `DecodingLimits.memoryBytes`.
final class ImagePipeline {
  /// An image on its way into the network.
  struct Prepared {
    let input: ImageInput
    /// The warnings of the decoder, or why the image could not be decoded.
    let outcome: Result<[ImageWarning], any Error>
    /// The network's input, undefined if the image could not be decoded.
    ///
    /// Valid until the next call.
    let values: UnsafeBufferPointer<Float>
  }

  private let source: any ImageSource
  private let workers: OrderedWorkers<ImageInput, Result<[ImageWarning], any Error>>
  private let values: PreparedValues
  /// The inputs that the workers hold, in order.
  private var inFlight: [ImageInput] = []

  /// - Parameters:
  ///   - threads: Decoding threads.
  ///   - batch: Images that the network takes at once.
  init(
    _ source: any ImageSource, preprocessing: Preprocessing, options: DecodingOptions, threads: Int,
    batch: Int
  ) {
    self.source = source
    // A full batch is ready when the previous one is done, while each thread works on the next images.
    let capacity = batch + 2 * threads
    let values = PreparedValues(count: preprocessing.valueCount, slots: capacity)
    self.values = values
    let memory = MemoryBudget(bytes: options.limits.memoryBytes)
    workers = OrderedWorkers(threads: threads, capacity: capacity) { input, slot in
      Result {
        try Self.prepare(
          input, into: values[slot], preprocessing: preprocessing, options: options, memory: memory)
      }
    }
  }

  deinit { workers.stop() }

  private static func prepare(
    _ input: ImageInput, into values: UnsafeMutableBufferPointer<Float>,
    preprocessing: Preprocessing, options: DecodingOptions, memory: MemoryBudget
  ) throws -> [ImageWarning] {
    if case .image(let image) = input.content {
      try preprocessing.apply(to: image, into: values)
      return image.warnings
    }
    let encoded = try input.encoded(options)
    // Large images take turns instead of filling the memory together.
    return try memory.spending(encoded.decodingMemory) { () throws in
      let image = try encoded.decode()
      try preprocessing.apply(to: image, into: values)
      return image.warnings
    }
  }

  /// Whether `next()` returns soon: before the network could run idle, and without waiting for the
  /// writer of a list or a pipe.
  var isReady: Bool {
    workers.count > 0 ? workers.isDone(within: Self.timeout) : source.isReady
  }

  /// Milliseconds: long enough to decode a photo, so that batches are full while images keep coming,
  /// and too short for a person to notice.
  private static let timeout = 50

  /// The next image, or `nil` at the end; waits until it is decoded.
  ///
  /// - Throws: what the source throws.
  func next() throws -> Prepared? {
    // Start whatever can start without waiting; wait for the source only if nothing is in flight.
    while workers.hasRoom, workers.count == 0 || source.isReady {
      guard let input = try source.next() else { break }
      inFlight.append(input)
      workers.give(input)
    }
    guard workers.count > 0 else { return nil }
    let (outcome, slot) = workers.take()
    return Prepared(
      input: inFlight.removeFirst(), outcome: outcome, values: UnsafeBufferPointer(values[slot]))
  }
}

/// Memory for the network's input of several images, one slot each.
private final class PreparedValues: @unchecked Sendable {
  // The thread that works on a slot writes it; it is read only after that thread handed it over.
  private let memory: UnsafeMutableBufferPointer<Float>
  private let count: Int

  init(count: Int, slots: Int) {
    self.count = count
    memory = .allocate(capacity: count * slots)
  }

  deinit { memory.deallocate() }

  subscript(slot: Int) -> UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(rebasing: memory[slot * count..<(slot + 1) * count])
  }
}
