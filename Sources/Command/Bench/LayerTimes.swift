import CNNZoo

/// How long the steps of a program took, beside the least that this machine needs for each.
package struct LayerTimes {
  /// One step, for the whole batch.
  package struct Layer {
    package let step: ExecutionPlan.Step
    package let seconds: Double
    /// The longer of multiply-adds at the measured peak and bytes at the measured bandwidth.
    package let boundSeconds: Double
    package let bound: MachineLimits.Bound
  }

  /// Slowest first.
  package let layers: [Layer]
  package let limits: MachineLimits

  package init(
    _ steps: [ExecutionPlan.Step], seconds: [Double], batch: Int, limits: MachineLimits
  ) {
    self.limits = limits
    layers = zip(steps, seconds)
      .map { step, seconds in
        let bound = limits.bound(multiplyAdds: step.multiplyAdds, bytes: step.bytes)
        return Layer(
          step: step, seconds: seconds, boundSeconds: Double(batch) * bound.seconds,
          bound: bound.by)
      }
      .sorted { $0.seconds > $1.seconds }
  }

  /// Seconds of all steps.
  package var seconds: Double { layers.reduce(0) { $0 + $1.seconds } }
  /// Seconds that all steps need at least.
  package var boundSeconds: Double { layers.reduce(0) { $0 + $1.boundSeconds } }
}
