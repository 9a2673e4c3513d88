/// The exponential moving average of the parameters, which validation and the result use.
///
/// average ← d · average + (1 − d) · values, over weights and batch norm's statistics. A small d at first
/// forgets the initial values fast (TensorFlow's `ExponentialMovingAverage` with `num_updates`).
public struct WeightAverage: Hashable, Sendable {
  /// The largest decay d.
  public var limit: Double

  /// An average with decays up to `limit`.
  public init(limit: Double) { self.limit = limit }

  /// d after an update that `count` updates came before: min(limit, (1 + count) / (10 + count)).
  public func decay(after count: Int) -> Double {
    min(limit, Double(1 + count) / Double(10 + count))
  }
}
