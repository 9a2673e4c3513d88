import ArgumentParser
import CNNZoo

/// What `bench --images` measures.
struct StreamOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Measure a stream of images from files instead: reading, decoding, resizing, network.",
      valueName: "folder"),
    completion: .directory)
  var images: String?

  @Option(help: "Images of the folder to use.", transform: Count.parse)
  var imageLimit: Count?

  @OptionGroup var decoding: DecodingModeOption

  /// Rejects options that only a stream has.
  func rejectWithoutImages() throws {
    for (option, isGiven) in [
      ("--image-limit", imageLimit != nil), ("--decode", decoding.decode != .exact),
    ] where isGiven {
      throw ValidationError("\(option) is for a stream; add --images, or drop \(option).")
    }
  }
}

/// A stream of images through a network.
struct StreamNetwork: BenchNetwork {
  private let network: InferenceNetwork
  private let images: MeasuredImages
  private let decode: DecodingMode

  /// - Throws: `StreamMeasurementError` if no image can be decoded.
  init(
    _ network: InferenceNetwork, _ folder: String, _ options: StreamOptions
  ) throws {
    let preprocessing = network.preprocessing
    guard network.inputSides == [preprocessing.crop, preprocessing.crop] else {
      throw ValidationError(
        "--images needs a network whose input is as large as its weights' crop,"
          + " \(preprocessing.crop) x \(preprocessing.crop); drop --input-size.")
    }
    var decoding = DecodingOptions()
    decoding.mode = options.decoding.decode
    self.network = network
    decode = decoding.mode
    images = try MeasuredImages(
      in: [folder], limit: options.imageLimit?.value ?? 1000, preprocessing: preprocessing,
      decoding: decoding)
    if images.failures > 0 {
      Diagnostics.warn("\(NumberText.count(images.failures, "file")) cannot be decoded")
    }
  }

  var precision: Precision { network.precision }

  func key(_ setting: BenchSetting) throws -> BenchKey {
    let key = try network.key(setting)
    return BenchKey(
      model: key.model,
      mode: .stream(
        BenchKey.StreamImages(
          count: images.count, bytes: images.bytes, decode: decode.rawValue)),
      input: key.input, macs: key.macs, backend: key.backend, precision: key.precision,
      threads: key.threads, batch: key.batch)
  }

  func subject(_ setting: BenchSetting) throws -> any BenchSubject {
    StreamSubject(
      key: try key(setting),
      StreamMeasurement(of: images, session: try network.session(setting, forStream: true)))
  }
}

private final class StreamSubject: BenchSubject {
  let key: BenchKey
  private let measurement: StreamMeasurement

  init(key: BenchKey, _ measurement: StreamMeasurement) {
    (self.key, self.measurement) = (key, measurement)
  }

  var input: TensorShape { measurement.session.graph.inputShape }

  /// The images are the input.
  func withInputs(_ body: (_ image: Int, UnsafeMutableBufferPointer<Float>) -> Void) {}

  func run() throws { try measurement.run() }

  func startRecording() {}

  func parts(
    _ rule: RepetitionRule, _ peaks: PeakRates, _ progress: RunProgress
  ) throws -> BenchResult.Parts? { .stream(try measurement.shares()) }
}

/// Where the processor time of each image goes.
func streamTable(_ results: [BenchResult]) -> Table {
  let columns = ["reading", "decoding", "resizing", "network", "total"]
  return Table(
    [
      .text("model"), .text("precision").optional(2), .number("threads"), .number("batch"),
    ] + columns.map { .number("\($0)_ms", heading: $0) } + [
      .number("network_%", heading: "network %"), .number("images_per_second", heading: "images/s"),
      .number("of_bound_%", heading: "of bound %"),
    ],
    rows: results.compactMap { result in
      guard case .stream(let shares)? = result.parts else { return nil }
      let milliseconds = [
        shares.reading, shares.decoding, shares.resizing, shares.network, shares.total,
      ].map { Table.Cell.number(1000 * $0, decimals: 3) }
      return [
        .text(result.key.model), .text(result.key.precision), .integer(result.key.threads),
        .integer(result.key.batch),
      ] + milliseconds + [
        .number(100 * shares.network / shares.total, decimals: 0),
        .number(result.imagesPerSecond, decimals: 1),
        .number(
          100 * result.imagesPerSecond / bound(shares, threads: result.key.threads), decimals: 0),
      ]
    })
}

/// Images per second if the threads did nothing but the parts of the work, each on its own processor.
private func bound(_ shares: StreamMeasurement.Shares, threads: Int) -> Double {
  Double(min(threads, HostInfo.allowedThreads)) / shares.total
}

func streamNotes(_ results: [BenchResult]) -> [String] {
  Set(results.compactMap(\.key.mode.images)).map { images in
    "images: \(images.count), \(images.bytes / images.count / 1024) KiB on average,"
      + " decode \(images.decode)"
  } + [
    "columns: processor time of each image in ms, measured part by part on one thread; bound: a processor"
      + " for each thread, which does nothing else"
  ]
}

func streamJSON(_ shares: StreamMeasurement.Shares, threads: Int) -> JSON.Object {
  [
    "reading_ms": .number(1000 * shares.reading), "decoding_ms": .number(1000 * shares.decoding),
    "resizing_ms": .number(1000 * shares.resizing), "network_ms": .number(1000 * shares.network),
    "bound_images_per_second": .number(bound(shares, threads: threads)),
  ]
}

extension Bench {
  /// Rejects options that would have no effect on a stream.
  func rejectOptionsOfTensors() throws {
    if step.train {
      throw ValidationError("--train and --images measure different things; drop one of them.")
    }
    if layers {
      throw ValidationError("--layers measures the network alone; drop --images or --layers.")
    }
  }
}

extension StreamMeasurementError: StatusCarrying {
  var status: ExitStatus { .nothingDone }
}
