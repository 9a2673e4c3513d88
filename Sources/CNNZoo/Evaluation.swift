import Glibc

/// The performance of a classifier on labelled images: accuracy, log loss, calibration, confusion.
///
/// ```swift
/// var evaluation = Evaluation(classCount: 3)
/// evaluation.add(truth: 0, ranking: [(index: 0, probability: 0.7), (index: 2, probability: 0.2)])
/// print(evaluation.accuracy, evaluation.accuracyInterval)
/// ```
public struct Evaluation: Sendable {
  /// The result for one image.
  public struct Sample: Sendable, Equatable {
    /// The image's class.
    public let truth: Int
    /// The most probable class.
    public let answer: Int
    /// The probability of ``answer``.
    public let confidence: Double
    /// The probability of the image's own class.
    public let truthProbability: Double
    /// The position of the image's own class in the ranking, from 0; `nil` if it is not in it.
    public let truthRank: Int?
  }

  /// The results for one class, as the class of images and as an answer.
  public struct ClassResult: Sendable, Equatable {
    /// The class.
    public let index: Int
    /// Images of the class.
    public let count: Int
    /// Images of the class that were answered correctly.
    public let correct: Int
    /// Images of the class with the class among the first five answers.
    public let correctInTop5: Int
    /// Images of any class whose first answer is this one.
    public let answered: Int

    /// The results of a class.
    public init(index: Int, count: Int, correct: Int, correctInTop5: Int, answered: Int) {
      self.index = index
      self.count = count
      self.correct = correct
      self.correctInTop5 = correctInTop5
      self.answered = answered
    }

    /// The share of the class's images that were answered correctly.
    public var recall: Double { share(correct, of: count) }
    /// The share of this class's answers that are correct; `nan` if there are none.
    public var precision: Double { share(correct, of: answered) }
  }

  /// A class whose images were taken for another.
  public struct ConfusedPair: Sendable, Equatable {
    /// The images' class.
    public let truth: Int
    /// The first answer.
    public let answer: Int
    /// The images.
    public let count: Int
  }

  /// The images whose confidence lies in one interval.
  public struct CalibrationBin: Sendable, Equatable {
    /// The bin's images.
    public fileprivate(set) var count = 0
    /// The bin's images whose first answer is correct.
    public fileprivate(set) var correct = 0
    fileprivate var confidenceSum = 0.0

    /// The mean confidence of the bin's images; `nan` if there are none.
    public var meanConfidence: Double { confidenceSum / Double(count) }
    /// The share of the bin's images answered correctly; `nan` if there are none.
    public var accuracy: Double { share(correct, of: count) }
  }

  /// The classes that the classifier knows.
  public let classCount: Int
  /// Every image added so far, in order.
  public private(set) var samples: [Sample] = []
  /// 15 equal intervals of confidence, from the lowest.
  ///
  /// Guo et al. (2017, arXiv 1706.04599) use the same number.
  public private(set) var calibration = [CalibrationBin](repeating: CalibrationBin(), count: 15)

  /// Creates an evaluation without images.
  public init(classCount: Int) {
    self.classCount = classCount
  }

  /// Adds one image.
  ///
  /// - Parameters:
  ///   - truth: Its class.
  ///   - ranking: All classes with their probabilities, the most probable first.
  /// - Precondition: `ranking` is not empty; every class is within `0..<classCount`.
  public mutating func add(truth: Int, ranking: [(index: Int, probability: Double)]) {
    precondition((0..<classCount).contains(truth) && !ranking.isEmpty)
    let rank = ranking.firstIndex { $0.index == truth }
    let (answer, confidence) = ranking[0]
    add(
      Sample(
        truth: truth, answer: answer, confidence: confidence,
        truthProbability: rank.map { ranking[$0].probability } ?? 0, truthRank: rank))
  }

  /// Adds the result for one image.
  mutating func add(_ sample: Sample) {
    samples.append(sample)
    // A bin includes its upper edge; the first also includes 0.
    let bins = Double(calibration.count)
    let bin = min(max(Int((sample.confidence * bins).rounded(.up)) - 1, 0), calibration.count - 1)
    calibration[bin].count += 1
    calibration[bin].correct += sample.answer == sample.truth ? 1 : 0
    calibration[bin].confidenceSum += sample.confidence
  }

  /// The images added so far.
  public var count: Int { samples.count }

  /// The images whose class is among the first `k` answers.
  public func correct(inTop k: Int) -> Int {
    samples.count { sample in sample.truthRank.map { $0 < k } ?? false }
  }

  /// The share of images whose class is the first answer.
  public var accuracy: Double { share(correct(inTop: 1), of: count) }

  /// The share of images whose class is among the first five answers.
  public var top5Accuracy: Double { share(correct(inTop: 5), of: count) }

  /// The mean recall of the classes that have images.
  ///
  /// This equals the accuracy if all classes have the same number of images.
  public var balancedAccuracy: Double {
    let recalls = classResults.filter { $0.count > 0 }.map(\.recall)
    return recalls.reduce(0, +) / Double(recalls.count)
  }

  /// The 95 % Wilson score interval of ``accuracy``.
  public var accuracyInterval: ClosedRange<Double> {
    Self.wilsonInterval(successes: correct(inTop: 1), of: count)
  }

  /// The mean of −ln p, where p is the probability of the image's own class, but at least 10⁻¹⁵.
  public var logLoss: Double {
    samples.reduce(0) { $0 - log(max($1.truthProbability, 1e-15)) } / Double(count)
  }

  /// The mean probability of the first answers.
  public var meanConfidence: Double {
    samples.reduce(0) { $0 + $1.confidence } / Double(count)
  }

  /// The expected calibration error.
  ///
  /// The difference between confidence and accuracy in the bins of ``calibration``, averaged over
  /// all images.
  public var calibrationError: Double {
    calibration.filter { $0.count > 0 }
      .reduce(0) { $0 + abs(Double($1.correct) - $1.confidenceSum) } / Double(count)
  }

  /// The classes with images or answers, in the order of their indices.
  public var classResults: [ClassResult] {
    var counts: [Int: (count: Int, correct: Int, top5: Int, answered: Int)] = [:]
    for sample in samples {
      counts[sample.truth, default: (0, 0, 0, 0)].count += 1
      counts[sample.answer, default: (0, 0, 0, 0)].answered += 1
      guard let rank = sample.truthRank else { continue }
      if rank == 0 { counts[sample.truth]?.correct += 1 }
      if rank < 5 { counts[sample.truth]?.top5 += 1 }
    }
    return counts.sorted { $0.key < $1.key }.map { index, found in
      ClassResult(
        index: index, count: found.count, correct: found.correct, correctInTop5: found.top5,
        answered: found.answered)
    }
  }

  /// How often each class was the answer for images of one class; unused classes are left out.
  public var confusion: [Int: [Int: Int]] {
    var confusion: [Int: [Int: Int]] = [:]
    for sample in samples { confusion[sample.truth, default: [:]][sample.answer, default: 0] += 1 }
    return confusion
  }

  /// The positions in ``samples`` of wrong first answers, the most confident first.
  public var mistakes: [Int] {
    samples.indices.filter { samples[$0].answer != samples[$0].truth }
      .sorted { (samples[$1].confidence, $0) < (samples[$0].confidence, $1) }
  }

  /// The positions in ``samples`` of images whose label is likely wrong, the most likely first.
  ///
  /// The first answer is another class, with a probability of at least ½, and at least that which images
  /// of that class get for it on average, as in confident learning (Northcutt et al. 2021,
  /// arXiv 1911.00068): an overconfident classifier's mistakes are not all listed.
  public var likelyLabelErrors: [Int] {
    var means: [Int: (sum: Double, count: Int)] = [:]
    for sample in samples {
      means[sample.truth, default: (0, 0)].sum += sample.truthProbability
      means[sample.truth, default: (0, 0)].count += 1
    }
    // Of a class without images, nothing is known.
    return mistakes.filter { position in
      let sample = samples[position]
      guard sample.confidence >= 0.5, let mean = means[sample.answer] else { return false }
      return sample.confidence >= mean.sum / Double(mean.count)
    }
  }

  /// The pairs of a class and another answer, with the number of images, the most frequent first.
  public var confusedPairs: [ConfusedPair] {
    confusion.flatMap { truth, answers in
      answers.filter { $0.key != truth }
        .map { ConfusedPair(truth: truth, answer: $0.key, count: $0.value) }
    }.sorted { ($1.count, $0.truth, $0.answer) < ($0.count, $1.truth, $1.answer) }
  }

  /// The 95 % score interval of a share (Wilson 1927), which stays within 0…1 even for few trials.
  ///
  /// - Returns: 0…1 if there are no trials.
  public static func wilsonInterval(successes: Int, of trials: Int) -> ClosedRange<Double> {
    guard trials > 0 else { return 0...1 }
    let z = 1.959963984540054  // The normal distribution's 97.5 % quantile.
    let n = Double(trials)
    let p = Double(successes) / n
    let center = p + z * z / (2 * n)
    let margin = z * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
    let scale = 1 + z * z / n
    return max(0, (center - margin) / scale)...min(1, (center + margin) / scale)
  }
}

private func share(_ part: Int, of whole: Int) -> Double { Double(part) / Double(whole) }
