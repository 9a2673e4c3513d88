import CNNZoo
import Glibc

/// One measurement: a network with a number of threads and a batch.
package struct BenchResult {
  package let key: BenchKey
  package let input: TensorShape
  /// Seconds of the very first run.
  package let coldSeconds: Double
  /// Seconds of each run, after warming up.
  package let rounds: RoundStatistics
  /// Greatest memory of the process so far.
  package let peakResidentBytes: Int
  /// The steps, if they were asked for.
  package let layers: LayerTimes?
  /// The time to that of the first network under the same setting; `nil` for that one.
  package var ratioToFirst: Double?
  /// The same work in an earlier run.
  package var comparison: BenchComparison?

  package init(
    key: BenchKey, input: TensorShape, coldSeconds: Double, rounds: RoundStatistics,
    peakResidentBytes: Int, layers: LayerTimes? = nil
  ) {
    self.key = key
    self.input = input
    self.coldSeconds = coldSeconds
    self.rounds = rounds
    self.peakResidentBytes = peakResidentBytes
    self.layers = layers
  }

  package var seconds: SampleStatistics { rounds.all }

  /// Images answered per second at the median.
  package var imagesPerSecond: Double { Double(key.batch) / seconds.percentile(50) }
}

/// Measures networks on random input; decoding pictures is not part of it.
struct BenchRun {
  let rounds: BenchRounds
  let measuresLayers: Bool

  /// Measures sessions that have never run, in turns.
  func measure(_ sessions: [(key: BenchKey, session: InferenceSession)]) throws -> [BenchResult] {
    let cold = try sessions.map { _, session throws in try prepare(session) }
    let samples = try rounds.samples(
      clock: Self.clock,
      of: sessions.map { key, session in { try session.run(batch: key.batch) } })
    let statistics = samples.map { RoundStatistics($0) }
    let layers = try sessions.map { _, session throws in
      measuresLayers ? try self.layers(of: session) : nil
    }
    let peak = Self.peakResidentBytes()
    return sessions.indices.map { index in
      var result = BenchResult(
        key: sessions[index].key, input: sessions[index].session.graph.inputShape,
        coldSeconds: cold[index], rounds: statistics[index], peakResidentBytes: peak,
        layers: layers[index])
      if index > 0 { result.ratioToFirst = statistics[index].ratio(to: statistics[0]) }
      return result
    }
  }

  /// Runs a session until it is warm, and returns the seconds of the first run.
  private func prepare(_ session: InferenceSession) throws -> Double {
    let batch = session.options.maximumBatch
    for image in 0..<batch { fill(image, of: session) }
    let cold = try RepetitionRule(minimumTime: 0, minimumCount: 1).samples(clock: Self.clock) {
      try session.run(batch: batch)
    }
    let warmUp = RepetitionRule(minimumTime: rounds.rule.minimumTime / 10, minimumCount: 2)
    _ = try warmUp.samples(clock: Self.clock) { try session.run(batch: batch) }
    return cold[0]
  }

  /// Runs that profile, apart from those that were timed.
  private func layers(of session: InferenceSession) throws -> LayerTimes {
    let limits = try HostFacts.limits(threads: session.options.threads)
    var profiles: [[Double]] = []
    _ = try rounds.rule.samples(clock: Self.clock) {
      profiles.append(try session.profile(batch: session.options.maximumBatch))
    }
    return LayerTimes(
      session.plan.steps,
      seconds: session.plan.steps.indices.map { index in
        SampleStatistics(profiles.map { $0[index] }).percentile(50)
      }, batch: session.options.maximumBatch, limits: limits)
  }

  /// Values from −2 to 2, the same in every run: normalised pixels have about that range.
  private func fill(_ image: Int, of session: InferenceSession) {
    session.withInput(image: image) { input in
      var state = UInt32(truncatingIfNeeded: image &+ 1)
      for index in input.indices {
        state = state &* 1_664_525 &+ 1_013_904_223
        input[index] = Float(state >> 8) * 0x1p-22 - 2
      }
    }
  }

  /// Seconds of the clock that never jumps.
  private static func clock() -> Double {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) * 1e-9
  }

  private static func peakResidentBytes() -> Int {
    var usage = rusage()
    getrusage(RUSAGE_SELF.rawValue, &usage)
    return usage.ru_maxrss * 1024
  }
}
