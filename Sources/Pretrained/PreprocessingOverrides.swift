import GraphIR
import Images

/// User overrides for parts of the weights' preprocessing.
public struct PreprocessingOverrides: Sendable, Equatable {
  /// Length of the short side after the resize, in pixels.
  public var resize: Int?
  /// Side of the centre crop, in pixels.
  public var crop: Int?
  /// The resize filter.
  public var interpolation: Interpolation?
  /// How the resize treats the long side.
  public var fit: Preprocessing.Fit?
  /// Subtracted from each channel (R, G, B), for pixels from 0 to 1.
  public var mean: SIMD3<Float>?
  /// Divides each channel (R, G, B), on the same scale.
  public var std: SIMD3<Float>?
  /// The convolutions' padding rule.
  public var padding: Padding?

  /// No overrides.
  public init() {}

  /// Replaces the preprocessing and padding of `info`.
  ///
  /// - Throws: `PretrainedError.preprocessing` as `applied(to:)` does.
  public func apply(to info: inout WeightInfo) throws(PretrainedError) {
    info.preprocessing = try applied(to: info.preprocessing)
    info.padding = padding ?? info.padding
  }

  /// `preprocessing` with these parts replaced.
  ///
  /// - Throws: `PretrainedError.preprocessing` for a side outside `Preprocessing.resizes` or `crops`,
  ///   a mean or std that is not finite, or an std that is not positive.
  public func applied(to preprocessing: Preprocessing) throws(PretrainedError) -> Preprocessing {
    let old = preprocessing
    for (name, side, sides) in [
      ("resize", resize ?? old.resize, Preprocessing.resizes),
      ("crop", crop ?? old.crop, Preprocessing.crops),
    ] where !sides.contains(side) {
      throw .preprocessing(
        reason: "the \(name) is \(side) pixels; it must be from 1 to \(sides.upperBound)")
    }
    let mean = mean ?? old.mean
    let std = std ?? old.standardDeviation
    for channel in 0..<3 {
      guard mean[channel].isFinite else {
        throw .preprocessing(reason: "the mean is \(mean[channel]); it must be a finite number")
      }
      guard std[channel].isFinite, std[channel] > 0 else {
        throw .preprocessing(
          reason: "the std is \(std[channel]); it must be a finite number above zero")
      }
    }
    let new = Preprocessing(
      resize: resize ?? old.resize, crop: crop ?? old.crop,
      interpolation: interpolation ?? old.interpolation, mean: mean, standardDeviation: std,
      fit: fit ?? old.fit)
    if let fault = new.scaleFault { throw .preprocessing(reason: fault) }
    return new
  }
}

extension PreprocessingOverrides {
  /// Why the mean or std is not for pixels from 0 to 1; `nil` if both are, or are not given.
  ///
  /// Both are often published for pixels from 0 to 255, which would make all inputs nearly equal.
  package var scaleFault: String? { Preprocessing.scaleFault(mean: mean, std: std) }
}

extension Preprocessing {
  /// As `PreprocessingOverrides.scaleFault`.
  var scaleFault: String? { Self.scaleFault(mean: mean, std: standardDeviation) }

  fileprivate static func scaleFault(mean: SIMD3<Float>?, std: SIMD3<Float>?) -> String? {
    var faults: [String] = []
    var suggestions: [String] = []
    for (name, values) in [("mean", mean), ("std", std)] {
      guard let values else { continue }
      let channels = (0..<3).map { values[$0] }
      guard channels.contains(where: { !(0...1).contains($0) }) else { continue }
      faults.append("\(name) \(list(channels))")
      if channels.allSatisfy({ (0...255).contains($0) }) {
        suggestions.append(
          "\(name) \(list(channels.map { ($0 / 255 * 1e4).rounded() / 1e4 }))")
      }
    }
    guard !faults.isEmpty else { return nil }
    let verb = faults.count == 1 ? "is" : "are"
    let text = "\(faults.joined(separator: " and ")) \(verb) not on the pixel scale of 0 to 1"
    guard suggestions.count == faults.count else { return text }
    return text + "; use \(suggestions.joined(separator: " and ")) (divided by 255)"
  }

  private static func list(_ channels: [Float]) -> String {
    channels.map { $0 == $0.rounded() && abs($0) < 1e6 ? "\(Int($0))" : "\($0)" }
      .joined(separator: ",")
  }
}
