import CNNZoo
import Glibc

/// One measurement: a network with a number of threads and a batch.
struct BenchResult {
  let model: String
  let threads: Int
  let batch: Int
  let backend: Backend
  let input: TensorShape
  /// Seconds of the very first run.
  let coldSeconds: Double
  /// Seconds of each run, after warming up.
  let seconds: SampleStatistics
  /// Greatest memory of the process so far.
  let peakResidentBytes: Int
  /// The steps, if they were asked for.
  let layers: LayerTimes?

  /// Images answered per second at the median.
  var imagesPerSecond: Double { Double(batch) / seconds.percentile(50) }
}

/// Measures networks on random input; decoding pictures is not part of it.
struct BenchRun {
  let rule: RepetitionRule
  let measuresLayers: Bool

  /// Measures a session that has never run.
  func measure(_ session: InferenceSession, model: String) throws -> BenchResult {
    let batch = session.options.maximumBatch
    for image in 0..<batch { fill(image, of: session) }
    let cold = try RepetitionRule(minimumTime: 0, minimumCount: 1).samples(clock: Self.clock) {
      try session.run(batch: batch)
    }
    let warmUp = RepetitionRule(minimumTime: rule.minimumTime / 10, minimumCount: 2)
    _ = try warmUp.samples(clock: Self.clock) { try session.run(batch: batch) }
    let samples = try rule.samples(clock: Self.clock) { try session.run(batch: batch) }
    return BenchResult(
      model: model, threads: session.options.threads, batch: batch,
      backend: session.plan.backend,
      input: session.graph.inputShape, coldSeconds: cold[0], seconds: SampleStatistics(samples),
      peakResidentBytes: Self.peakResidentBytes(),
      layers: measuresLayers ? try layers(of: session) : nil)
  }

  /// Runs that profile, apart from those that were timed.
  private func layers(of session: InferenceSession) throws -> LayerTimes {
    let limits = try HostFacts.limits(threads: session.options.threads)
    var profiles: [[Double]] = []
    _ = try rule.samples(clock: Self.clock) {
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
