import CNNZoo
import Host

/// One measurement: a network with a thread count and a batch size.
package struct BenchResult {
  package let key: BenchKey
  package let input: TensorShape
  /// Seconds of the very first run.
  package let coldSeconds: Double
  /// Seconds of each run, after warming up.
  package let rounds: RoundStatistics
  /// Peak resident memory of the process so far.
  package let peakResidentBytes: Int
  /// Where the time goes: in inference with `--layers`, in training and streams always.
  package let parts: Parts?
  /// Time relative to the first network with the same settings; `nil` for that network itself.
  package var ratioToFirst: Double?
  /// Comparison with an earlier run of the same work.
  package var comparison: BenchComparison?

  /// Where the time of a run goes.
  package enum Parts {
    /// The steps of an inference program.
    case layers(LayerTimes)
    /// The layers of a training step, and its memory.
    case step(StepBreakdown)
    /// The parts of a stream.
    case stream(StreamMeasurement.Shares)
  }

  package init(
    key: BenchKey, input: TensorShape, coldSeconds: Double, rounds: RoundStatistics,
    peakResidentBytes: Int, parts: Parts? = nil
  ) {
    self.key = key
    self.input = input
    self.coldSeconds = coldSeconds
    self.rounds = rounds
    self.peakResidentBytes = peakResidentBytes
    self.parts = parts
  }

  package var seconds: SampleStatistics { rounds.all }

  /// Images per second at the median time.
  package var imagesPerSecond: Double { Double(key.imagesPerRun) / seconds.percentile(50) }
}

/// Measures networks on random input, without image decoding.
struct BenchRun {
  let rounds: BenchRounds
  let peaks = PeakRates()

  /// Measures networks that have not run yet, in interleaved turns.
  func measure(
    _ subjects: [any BenchSubject], progress: RunProgress
  ) throws -> [BenchResult] {
    let cold = try subjects.map { subject throws in try prepare(subject, progress) }
    let samples = try rounds.samples(
      clock: Self.clock, afterEachRun: progress.redraw, afterEachTurn: { progress.advance() },
      of: subjects.map { subject in { try subject.run() } })
    let statistics = samples.map { RoundStatistics($0) }
    let parts = try subjects.map { subject throws in try subject.parts(rounds.rule, peaks, progress)
    }
    let peak = Processor.peakResidentBytes ?? 0
    return subjects.indices.map { index in
      var result = BenchResult(
        key: subjects[index].key, input: subjects[index].input, coldSeconds: cold[index],
        rounds: statistics[index], peakResidentBytes: peak, parts: parts[index])
      if index > 0 { result.ratioToFirst = statistics[index].ratio(to: statistics[0]) }
      return result
    }
  }

  /// Warms a network up and returns the seconds its first run took.
  private func prepare(_ subject: any BenchSubject, _ progress: RunProgress) throws -> Double {
    subject.withInputs(fill)
    let cold = try RepetitionRule(minimumTime: 0, minimumCount: 1).samples(clock: Self.clock) {
      try subject.run()
    }
    let warmUp = RepetitionRule(minimumTime: rounds.rule.minimumTime / 10, minimumCount: 2)
    _ = try warmUp.samples(clock: Self.clock, afterEach: progress.redraw) { try subject.run() }
    subject.startRecording()
    return cold[0]
  }

  /// Fills the input with reproducible values from −2 to 2, about the range of normalised pixels.
  private func fill(_ image: Int, _ input: UnsafeMutableBufferPointer<Float>) {
    var state = UInt32(truncatingIfNeeded: image &+ 1)
    for index in input.indices {
      state = state &* 1_664_525 &+ 1_013_904_223
      input[index] = Float(state >> 8) * 0x1p-22 - 2
    }
  }

  static func clock() -> Double { MonotonicTime().seconds }
}

/// The machine's peak rates, measured once for each number of threads and precision.
final class PeakRates {
  private struct Key: Hashable {
    let threads: Int
    let precision: Precision
  }

  private var known: [Key: MachineLimits] = [:]

  /// - Throws: `ProcessorError`, `OutOfMemory`.
  func limits(threads: Int, _ precision: Precision) throws -> MachineLimits {
    let key = Key(threads: threads, precision: precision)
    let limits = try known[key] ?? HostInfo.limits(threads: threads, precision: precision)
    known[key] = limits
    return limits
  }
}

/// Measures several candidates in turns, so that changes in machine speed affect all equally.
///
/// Every measurement is split into rounds. In each round every candidate gets a turn long enough to
/// fill the caches with its own data. Every other round runs in reverse order, which cancels out
/// a steady drift. The spread between a candidate's rounds shows how noisy the machine is.
package struct BenchRounds: Equatable, Sendable {
  /// Rounds per measurement.
  package let count: Int
  /// Applies to all rounds of a measurement together.
  package let rule: RepetitionRule

  package init(count: Int, rule: RepetitionRule) {
    precondition(count >= 1)
    self.count = count
    self.rule = rule
  }

  /// The seconds of every run, by candidate and round, excluding the first run of each turn.
  ///
  /// - Parameter clock: Seconds since an arbitrary moment.
  package func samples(
    clock: () -> Double, afterEachRun: () -> Void = {}, afterEachTurn: () -> Void = {},
    of bodies: [() throws -> Void]
  ) throws -> [[[Double]]] {
    let turn = RepetitionRule(
      minimumTime: rule.minimumTime / Double(count),
      minimumCount: (rule.minimumCount + count - 1) / count)
    var samples = [[[Double]]](repeating: [], count: bodies.count)
    for round in 0..<count {
      for index in round.isMultiple(of: 2) ? Array(bodies.indices) : bodies.indices.reversed() {
        try bodies[index]()
        samples[index].append(
          try turn.samples(clock: clock, afterEach: afterEachRun, of: bodies[index]))
        afterEachTurn()
      }
    }
    return samples
  }
}

/// The runs of one candidate, round by round.
package struct RoundStatistics: Equatable, Sendable {
  /// All runs.
  package let all: SampleStatistics
  /// The median of each round.
  package let medians: [Double]

  /// - Precondition: There is a round, and none is empty.
  package init(_ rounds: [[Double]]) {
    all = SampleStatistics(rounds.flatMap(\.self))
    medians = rounds.map { SampleStatistics($0).percentile(50) }
  }

  /// The range of the rounds' medians, as a fraction of their median.
  package var spread: Double {
    let statistics = SampleStatistics(medians)
    let middle = statistics.percentile(50)
    return middle > 0 ? (statistics.percentile(100) - statistics.minimum) / middle : 0
  }

  /// The median of the round-by-round ratios to another candidate.
  ///
  /// Disturbances during a round affect both.
  package func ratio(to other: RoundStatistics) -> Double {
    SampleStatistics(zip(medians, other.medians).map { $0 / $1 }).percentile(50)
  }
}
