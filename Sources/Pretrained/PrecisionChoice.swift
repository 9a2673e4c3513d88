import Download
import Inference

/// The precision of a network's matrix products, or how to choose it.
public enum PrecisionChoice: String, Hashable, Sendable, CaseIterable {
  /// 32-bit floats.
  case f32
  /// Products of bfloat16, summed in f32.
  case bf16
  /// Products of 8-bit integers where they are worthwhile, else of bfloat16.
  case int8
  /// The fastest native precision that was measured to agree with f32; otherwise f32.
  ///
  /// Native means that this processor has instructions for it. The most probable class must have
  /// been the same for at least 99.5 % of the images measured with this weight file.
  case auto

  /// A fixed precision.
  public init(_ precision: Precision) {
    self =
      switch precision {
      case .f32: .f32
      case .bf16: .bf16
      case .int8: .int8
      }
  }

  /// The precision; `nil` for `auto`.
  public var fixed: Precision? {
    switch self {
    case .f32: .f32
    case .bf16: .bf16
    case .int8: .int8
    case .auto: nil
    }
  }
}

/// The precision of a network, and why it was chosen.
public struct PrecisionDecision: Hashable, Sendable {
  /// The precision.
  public let precision: Precision
  /// Why `auto` chose it, as a clause for messages; `nil` if the caller chose it.
  public let reason: String?

  package init(_ precision: Precision, reason: String? = nil) {
    (self.precision, self.reason) = (precision, reason)
  }

  /// The precision that `auto` selects.
  ///
  /// - Parameters:
  ///   - hash: The SHA-256 of the weight file; computed only if needed.
  package init(
    autoOn backend: Backend, records: [String: PrecisionRecord],
    isEmulated: (Precision) throws -> Bool, hash: () throws -> String
  ) throws {
    if backend == .blas {
      self.init(.f32, reason: "the blas backend supports only f32")
      return
    }
    let native = try [Precision.int8, .bf16].filter { try !isEmulated($0) }
    if native.isEmpty {
      self.init(.f32, reason: "this processor emulates the others")
      return
    }
    guard let record = records[try hash()] else {
      self.init(.f32, reason: "lower precision was not measured with these weights")
      return
    }
    for precision in native {
      let agreement = precision == .int8 ? record.int8 : record.bf16
      guard agreement >= PrecisionRecord.required else { continue }
      // Rounded down, so that 99.5 % is never less.
      let tenths = Int(agreement * 1000)
      self.init(
        precision, reason: "agrees with f32 on \(tenths / 10).\(tenths % 10) % of measured images")
      return
    }
    self.init(.f32, reason: "lower precision agrees with f32 on too few images")
  }
}

extension LoadedNetwork {
  /// The precision that a choice selects for these weights on this processor.
  ///
  /// - Throws: `InferenceError.precision` for lower precision with the `blas` backend. With `auto` also
  ///   `ProcessorError` for a forced instruction set that is missing, `DownloadError` if the file cannot
  ///   be hashed, `WeightsError` if it has changed.
  public func decide(
    _ choice: PrecisionChoice, backend: Backend = .auto
  ) throws -> PrecisionDecision {
    try decide(choice, backend: backend, records: PrecisionRecord.measured) {
      try $0.isEmulated()
    }
  }

  /// The same with the given records and processor.
  package func decide(
    _ choice: PrecisionChoice, backend: Backend = .auto, records: [String: PrecisionRecord],
    isEmulated: (Precision) throws -> Bool
  ) throws -> PrecisionDecision {
    if let precision = choice.fixed {
      if backend == .blas, precision != .f32 { throw InferenceError.precision(precision) }
      return PrecisionDecision(precision)
    }
    return try PrecisionDecision(autoOn: backend, records: records, isEmulated: isEmulated) {
      let hash = try SHA256.digits(ofFile: file.path)
      try file.verifyUnchanged()
      return hash
    }
  }

  /// The SHA-256 of the weight file; of an index, that of the hashes of all its files.
  ///
  /// Where `--no-ema` selects others than usual, this is noted.
  package func weightsHash() throws -> String {
    var hash = try SHA256.digits(ofFile: file.path)
    if file.paths.count > 1 {
      let hashes = try file.paths.map { path throws in try SHA256.digits(ofFile: path) }
      hash = try SHA256.digits(of: hashes.joined(separator: "\n"))
    }
    return tensors.usesEMA == false ? "\(hash) without EMA" : hash
  }
}
