import Host
import Images
import Training
import Weights

/// What is found out about the images before training: copies, and how the closed-form head classifies
/// the training images.
///
/// A run keeps it in a file beside the list of its images, in the same order, for its report.
package struct TrainingFindings: Sendable, Equatable {
  /// Images that are copies of each other, as indices of `TrainingImages.images`.
  package var copies: [DuplicateFinder.Group] = []
  /// The result for each image of a head fitted to the other training images; `nil` for those for
  /// validation, and empty without a head.
  package var head: [Evaluation.Sample?] = []

  private static let longestFile = 1 << 30

  package init(copies: [DuplicateFinder.Group] = []) { self.copies = copies }

  init(copies: [DuplicateFinder.Group], head: TrainedHead, of images: TrainingImages) {
    self.copies = copies
    self.head = [Evaluation.Sample?](repeating: nil, count: images.images.count)
    for (index, sample) in zip(images.training, head.heldOut.samples) { self.head[index] = sample }
  }

  /// Writes the file, replacing an existing one.
  ///
  /// - Throws: `FileError`.
  package func write(_ images: TrainingImages, to path: String) throws(FileError) {
    var groups: [Int: (number: Int, isExact: Bool)] = [:]
    for (number, group) in copies.enumerated() {
      for image in group.images { groups[image] = (number, group.isExact) }
    }
    let lines = images.images.enumerated().map { index, image in
      var line: JSON.Object = ["file": .string(image.name)]
      if let group = groups[index] {
        line.append("copies", .integer(group.number))
        line.append("exact", .bool(group.isExact))
      }
      if index < head.count, let sample = head[index] {
        line.append("answer", .string(images.labels[sample.answer]))
        line.append("probability", .number(sample.confidence))
        line.append("class_probability", .number(sample.truthProbability))
        line.append("class_rank", .integer((sample.truthRank ?? images.labels.count - 1) + 1))
      }
      return "\(JSON.object(line))\n"
    }
    try AtomicFile.write(Array(lines.joined().utf8), to: path)
  }

  /// Reads the file of a run with these images.
  ///
  /// - Throws: `TrainingDataError.badList`.
  package init(path: String, _ images: TrainingImages) throws(TrainingDataError) {
    let lines: [JSONValue]
    do throws(WeightsError) {
      lines = try JSONValue.values(in: path, limit: Self.longestFile)
    } catch {
      throw .badList(path: path, reason: "\(error)")
    }
    guard lines.map({ $0["file"]?.text }) == images.images.map(\.name) else {
      throw .badList(path: path, reason: "it describes other images")
    }
    let classes = Dictionary(
      images.labels.names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    var groups: [Int: (images: [Int], isExact: Bool)] = [:]
    for (index, line) in lines.enumerated() {
      if let number = line["copies"]?.number.flatMap({ Int(exactly: $0) }) {
        groups[number, default: ([], line["exact"] == .bool(true))].images.append(index)
      }
      guard line["answer"] != nil else {
        head.append(nil)
        continue
      }
      guard
        let sample = Evaluation.Sample(
          line, truth: images.images[index].classIndex, classes: classes)
      else {
        throw .badList(path: path, reason: "line \(index + 1) is not a prediction")
      }
      head.append(sample)
    }
    copies = groups.sorted { $0.key < $1.key }.map {
      DuplicateFinder.Group(images: $1.images, isExact: $1.isExact)
    }
    if head.allSatisfy({ $0 == nil }) { head = [] }
  }

  /// A warning if copies are on both sides of the division, which only the folder itself can cause.
  func dividedCopies(of images: TrainingImages) -> String? {
    let pairs = copies.compactMap { group -> (training: Int, validation: [Int])? in
      let training = group.images.first { !images.images[$0].isValidation }
      let validation = group.images.filter { images.images[$0].isValidation }
      return training.flatMap { validation.isEmpty ? nil : ($0, validation) }
    }
    guard let first = pairs.first else { return nil }
    let count = pairs.reduce(0) { $0 + $1.validation.count }
    return
      "\(count) \(count == 1 ? "image" : "images") for validation \(count == 1 ? "is a copy" : "are copies")"
      + " of images for training, such as \(images.images[first.validation[0]].name) of"
      + " \(images.images[first.training].name): the validation is too good"
  }

  /// How the head does on the training images; `nil` without one.
  package func headEvaluation(classCount: Int) -> Evaluation? {
    guard !head.isEmpty else { return nil }
    var evaluation = Evaluation(classCount: classCount)
    for case let sample? in head { evaluation.add(sample) }
    return evaluation
  }
}

extension Evaluation.Sample {
  fileprivate init?(_ line: JSONValue, truth: Int, classes: [String: Int]) {
    guard let answer = line["answer"]?.text.flatMap({ classes[$0] }),
      let confidence = line["probability"]?.number, 0...1 ~= confidence,
      let own = line["class_probability"]?.number, 0...1 ~= own,
      let rank = line["class_rank"]?.number.flatMap({ Int(exactly: $0) }),
      1...classes.count ~= rank, (rank == 1) == (answer == truth)
    else { return nil }
    self.init(
      truth: truth, answer: answer, confidence: confidence, truthProbability: own,
      truthRank: rank - 1)
  }
}
