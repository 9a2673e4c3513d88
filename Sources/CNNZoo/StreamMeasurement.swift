import Host

/// Images to measure a stream with: files that can be decoded.
public struct MeasuredImages: Sendable {
  /// The number of images.
  public var count: Int { paths.count }
  /// The bytes of all files.
  public let bytes: Int
  /// The files that cannot be decoded and are left out.
  public let failures: Int
  let paths: [FilePath]
  let preprocessing: Preprocessing
  let decoding: DecodingOptions

  /// Finds images and decodes each of them once.
  ///
  /// - Parameters:
  ///   - inputs: Files and folders.
  ///   - limit: The largest number of images; more are ignored.
  ///   - preprocessing: The network's preprocessing.
  /// - Throws: ``StreamMeasurementError`` if no image can be decoded.
  public init(
    in inputs: [String], limit: Int = 1000, preprocessing: Preprocessing,
    decoding: DecodingOptions = DecodingOptions()
  ) throws {
    self.preprocessing = preprocessing
    self.decoding = decoding
    let source = ImageInputs(paths: inputs)
    var values = [Float](repeating: 0, count: preprocessing.valueCount)
    var (paths, bytes, failures) = ([FilePath](), 0, 0)
    var firstError: (any Error)?
    while paths.count < limit, let input = try source.next() {
      do {
        let encoded = try input.encoded(decoding)
        _ = try values.withUnsafeMutableBufferPointer {
          try encoded.prepare(for: preprocessing, mode: decoding.mode, into: $0)
        }
        guard case .file(let path) = input.content else { continue }
        paths.append(path)
        bytes += encoded.bytes.count
      } catch {
        failures += 1
        firstError = firstError ?? error
      }
    }
    guard !paths.isEmpty else {
      throw StreamMeasurementError(reason: firstError.map { "\($0)" } ?? "there are no images")
    }
    (self.paths, self.bytes, self.failures) = (paths, bytes, failures)
  }
}

/// Measures the way of images from files to logits.
///
/// Files are read from the page cache, if they fit in memory.
public final class StreamMeasurement {
  /// Seconds of one processor that an image takes on its way, on average.
  public struct Shares: Sendable, Equatable {
    /// Reading the file and its headers.
    public var reading = 0.0
    /// Decoding the pixels that the crop needs.
    public var decoding = 0.0
    /// Resizing, cropping and normalising.
    public var resizing = 0.0
    /// The network.
    public var network = 0.0

    /// All zero.
    public init() {}

    /// The sum.
    public var total: Double { reading + decoding + resizing + network }
  }

  /// The network.
  public let session: InferenceSession
  private let images: MeasuredImages
  private let runner: NetworkRunner

  /// - Parameter session: The network; its batch size and threads are those of the stream.
  public init(of images: MeasuredImages, session: InferenceSession) {
    self.images = images
    self.session = session
    runner = NetworkRunner(
      session, preprocessing: images.preprocessing, decoding: images.decoding)
  }

  /// Sends all images through the network once.
  public func run() throws {
    try runner.run(
      ImageInputs(arguments: images.paths, list: nil, includesHidden: true), read: { _, _ in }
    ) { _ = try $0.result.get() }
  }

  /// Measures each part by itself, on one thread.
  ///
  /// A part of an image's way is the fastest of some repetitions. The network's part is its time for a
  /// batch times its threads.
  public func shares() throws -> Shares {
    var shares = Shares()
    let (preprocessing, decoding) = (images.preprocessing, images.decoding)
    var values = [Float](repeating: 0, count: preprocessing.valueCount)
    let repetitions = max(2, min(10, 1000 / images.count))
    for path in images.paths {
      var (reading, decoded, prepared) = (Double.infinity, Double.infinity, Double.infinity)
      for _ in 0..<repetitions {
        let start = MonotonicTime()
        let encoded = try ImageInput.file(path).encoded(decoding)
        reading = min(reading, start.elapsed)
        let second = MonotonicTime()
        try encoded.decode(for: preprocessing, mode: decoding.mode)
        decoded = min(decoded, second.elapsed)
        let third = MonotonicTime()
        _ = try values.withUnsafeMutableBufferPointer {
          try encoded.prepare(for: preprocessing, mode: decoding.mode, into: $0)
        }
        prepared = min(prepared, third.elapsed)
      }
      shares.reading += reading
      shares.decoding += decoded
      shares.resizing += max(0, prepared - decoded)
    }
    let batch = session.options.maximumBatch
    let batches = max(1, min(200, images.count / batch))
    let start = MonotonicTime()
    for _ in 0..<batches { try session.run(batch: batch) }
    let seconds = start.elapsed
    shares.network = seconds * Double(session.options.threads) / Double(batches * batch)
    let count = Double(images.count)
    shares.reading /= count
    shares.decoding /= count
    shares.resizing /= count
    return shares
  }
}

/// Why nothing can be measured.
public struct StreamMeasurementError: Error, CustomStringConvertible {
  /// The first image's error.
  public let reason: String

  /// One line.
  public var description: String { "no image can be decoded: \(reason)" }
}

extension MonotonicTime {
  /// Seconds since then.
  fileprivate var elapsed: Double { MonotonicTime().seconds - seconds }
}
