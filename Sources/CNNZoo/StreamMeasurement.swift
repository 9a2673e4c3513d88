import Host

/// Measures the way of images from files to logits.
///
/// ```swift
/// let measurement = try StreamMeasurement(
///   of: ["photos/"], session: session, preprocessing: preprocessing)
/// try measurement.run()
/// print(try measurement.shares())
/// ```
///
/// Files are read from the page cache, except in the very first pass.
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

    /// The sum.
    public var total: Double { reading + decoding + resizing + network }
  }

  /// The images in each pass; those that cannot be decoded are left out.
  public let images: Int
  /// The files that cannot be decoded.
  public let failures: Int
  private let paths: [FilePath]
  private let runner: NetworkRunner
  private let preprocessing: Preprocessing
  private let decoding: DecodingOptions

  /// Finds the images and tries each of them once.
  ///
  /// - Parameters:
  ///   - inputs: Files and folders.
  ///   - limit: The largest number of images; more are ignored.
  ///   - session: The network; its batch size and threads are those of the stream.
  /// - Throws: Errors of the network; ``StreamMeasurementError`` if no image can be decoded.
  public init(
    of inputs: [String], limit: Int = 1000, session: InferenceSession,
    preprocessing: Preprocessing, decoding: DecodingOptions = DecodingOptions()
  ) throws {
    self.preprocessing = preprocessing
    self.decoding = decoding
    runner = NetworkRunner(session, preprocessing: preprocessing, decoding: decoding)
    let source = ImageInputs(paths: inputs)
    var found: [FilePath] = []
    while found.count < limit, let input = try source.next() {
      if case .file(let path) = input.content { found.append(path) }
    }
    var decoded: [FilePath] = []
    var firstError: (any Error)?
    var index = 0
    try runner.run(PathSource(found), read: { _ in }) { result in
      switch result.result {
      case .success: decoded.append(found[index])
      case .failure(let error): firstError = firstError ?? error
      }
      index += 1
    }
    guard !decoded.isEmpty else {
      throw StreamMeasurementError(reason: firstError.map { "\($0)" } ?? "there are no images")
    }
    (paths, images, failures) = (decoded, decoded.count, found.count - decoded.count)
  }

  /// Sends all images through the network once.
  public func run() throws {
    try runner.run(PathSource(paths), read: { _ in }) { _ = try $0.result.get() }
  }

  /// Measures each part by itself, on one thread.
  ///
  /// The network's part is its time for a batch times its threads.
  public func shares() throws -> Shares {
    var shares = Shares()
    var values = [Float](repeating: 0, count: preprocessing.valueCount)
    for path in paths {
      let start = MonotonicTime()
      let encoded = try ImageInput.file(path).encoded(decoding)
      let read = MonotonicTime()
      try encoded.decode(for: preprocessing, mode: decoding.mode)
      let decoded = MonotonicTime()
      _ = try values.withUnsafeMutableBufferPointer {
        try encoded.prepare(for: preprocessing, mode: decoding.mode, into: $0)
      }
      let prepared = MonotonicTime()
      shares.reading += read.seconds - start.seconds
      shares.decoding += decoded.seconds - read.seconds
      shares.resizing += (prepared.seconds - decoded.seconds) - (decoded.seconds - read.seconds)
    }
    let session = runner.session
    let batch = session.options.maximumBatch
    let batches = max(1, min(200, paths.count / batch))
    let start = MonotonicTime()
    for _ in 0..<batches { try session.run(batch: batch) }
    let seconds = MonotonicTime().seconds - start.seconds
    shares.network = seconds * Double(session.options.threads) / Double(batches * batch)
    let count = Double(paths.count)
    shares.reading /= count
    shares.decoding /= count
    shares.resizing = max(0, shares.resizing / count)
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

/// Files whose paths are known.
private final class PathSource: ImageSource {
  private var paths: ArraySlice<FilePath>

  init(_ paths: [FilePath]) { self.paths = paths[...] }

  func next() -> ImageInput? { paths.popFirst().map { .file($0) } }

  var isReady: Bool { true }
}
