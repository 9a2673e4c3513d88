import GraphIR
import Host
import Inference
import Training

/// The images of a run, and the head that training from weights starts with.
struct PreparedData {
  let images: TrainingImages
  let reader: TrainingImageReader
  /// `nil` for training from random parameters, and for a resumed run.
  let head: TrainedHead?
  /// The time in which an image was decoded, on all threads together; 0 for a resumed run.
  var secondsPerImage = 0.0
  let findings: TrainingFindings

  /// The data of a resumed run.
  init(images: TrainingImages, reader: TrainingImageReader) {
    (self.images, self.reader, head) = (images, reader, nil)
    findings = TrainingFindings()
  }

  /// Reads all images, divides them, and fits the head.
  ///
  /// Copies stay on one side of the division: exact and near ones if the weights can tell, else exact
  /// ones.
  ///
  /// - Throws: Errors of `TrainingImages`, `HeadTrainer` and `receive`.
  init(
    _ start: TrainingStart, folder: String, _ options: Trainer.Options,
    _ receive: (Trainer.Event) throws -> Void
  ) throws {
    var options = options
    options.decoding.fingerprints = true
    reader = TrainingImageReader(decoding: options.decoding, cacheBytes: options.cacheBytes)
    var images = try TrainingImages(folder: folder, includesHidden: options.includesHidden)
    let began = MonotonicTime()
    try images.scan(reader, threads: options.threads) { try receive(.scanned($0)) }
    secondsPerImage =
      (MonotonicTime().seconds - began.seconds) / Double(max(1, images.images.count))
    let configuration = options.configuration
    switch start {
    case .weights(let network):
      let head = try TrainingHead(network, images, options) { try receive(.embedded) }
      let copies = try head.duplicates(threads: options.threads)
      if !images.isDivided {
        images.divide(
          validationShare: configuration.validationShare, seed: configuration.seed,
          duplicates: copies.map(\.images))
      }
      let fitted = try head.fit(images)
      for group in fitted.conflicts {
        let copies = group.images.map { images.images[images.training[$0]] }
        try receive(
          .warning(
            "copies with different labels: "
              + copies.map { "\($0.name) (\(images.labels[$0.classIndex]))" }
              .joined(separator: ", ")))
      }
      self.head = fitted
      findings = TrainingFindings(copies: copies, head: fitted, of: images)
    case .random:
      let copies = images.exactCopies
      if !images.isDivided {
        images.divide(
          validationShare: configuration.validationShare, seed: configuration.seed,
          duplicates: copies)
      }
      head = nil
      findings = TrainingFindings(
        copies: copies.map { DuplicateFinder.Group(images: $0, isExact: true) })
    }
    self.images = images
    if configuration.balance == .none, let imbalance = images.imbalance {
      try receive(.imbalanced(imbalance))
    }
    if let warning = findings.dividedCopies(of: images) { try receive(.warning(warning)) }
  }

  /// The parameters that training starts with.
  func parameters(_ start: TrainingStart, _ graph: Graph, seed: UInt64) -> any ParameterSource {
    switch start {
    case .weights(let network):
      ParametersWithHead(base: network.parameters, head: head?.classifierValues ?? [:])
    case .random: InitialParameters(graph, seed: seed)
    }
  }
}

extension TrainingImages {
  /// Groups of images with the same contents.
  fileprivate var exactCopies: [[Int]] {
    Dictionary(grouping: images.indices) { images[$0].hash }
      .compactMap { $0.key != nil && $0.value.count > 1 ? $0.value : nil }
      .sorted { $0[0] < $1[0] }
  }
}

extension TrainingImages {
  /// The largest and smallest class, if one has several times as many images as the other.
  fileprivate var imbalance: Trainer.Imbalance? {
    let counts = trainingCounts
    guard let most = counts.indices.max(by: { counts[$0] < counts[$1] }),
      let least = counts.indices.min(by: { counts[$0] < counts[$1] }),
      counts[most] >= 4 * counts[least]
    else { return nil }
    return Trainer.Imbalance(
      largest: labels[most], largestCount: counts[most], smallest: labels[least],
      smallestCount: counts[least])
  }
}
