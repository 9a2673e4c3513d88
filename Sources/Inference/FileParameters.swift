import GraphIR
import Weights

/// Parameters read from a weight file, after checking it against the network.
public struct FileParameters: ParameterSource, Sendable {
  private let file: WeightFile
  private let tensors: [String: TensorView]
  /// Values of parameters that the file lacks, by their names in the graph.
  private let substitutes: [String: [Float]]

  /// Checks that `file` contains exactly the tensors of `graph`, with their shapes.
  ///
  /// - Parameters:
  ///   - names: the name of each parameter in the file, by the name in the graph.
  /// - Throws: `ParameterMismatch`, which lists all tensors that are missing, superfluous or have
  ///   the wrong shape.
  public init(file: WeightFile, graph: Graph, names: [String: String]) throws(ParameterMismatch) {
    let match = ParameterMatch(file.wholeSet, graph: graph, names: names)
    guard match.mismatch.isEmpty, match.missingHead == nil else { throw match.completeMismatch }
    self.init(match)
  }

  /// The tensors of a match without mismatch.
  ///
  /// In place of a head that the file lacks there is a classifier of zeros, after a hidden layer of
  /// seeded values.
  package init(_ match: ParameterMatch) {
    file = match.set.file
    tensors = match.tensors
    var substitutes: [String: [Float]] = [:]
    for parameter in match.missingHead?.classifier ?? [] {
      substitutes[parameter.name] = [Float](repeating: 0, count: parameter.count)
    }
    for parameter in match.missingHead?.hidden ?? [] {
      substitutes[parameter.name] = SeededParameters().values(of: parameter)
    }
    self.substitutes = substitutes
  }

  /// Calls `body` with the tensor's values, in place in the mapped file if possible.
  ///
  /// - Throws: `InferenceError.badParameter` for a value that is NaN or infinite, or a variance
  ///   below zero; `WeightsError` for elements that are not floats, or a changed file.
  public func withValues<Result>(
    of parameter: Parameter, _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) throws -> Result {
    if let values = substitutes[parameter.name] {
      return try values.withUnsafeBufferPointer(body)
    }
    try file.verifyUnchanged()
    let result = try tensor(of: parameter).withContiguousFloats { values in
      if let fault = Self.fault(in: values, role: parameter.role) {
        throw refusal(of: parameter, because: fault)
      }
      return try body(values)
    }
    // If another process was writing, the values may be partly old and partly new.
    try file.verifyUnchanged()
    return result
  }

  /// The error names the file, and uses the file's name for the tensor.
  public func refusal(of parameter: Parameter, because reason: String) -> InferenceError {
    .badParameter(
      path: file.path, name: tensors[parameter.name]?.name ?? parameter.name, reason: reason)
  }

  private func tensor(of parameter: Parameter) -> TensorView {
    guard let tensor = tensors[parameter.name] else {
      preconditionFailure("\(parameter.name) is not a parameter of the graph that was checked")
    }
    return tensor
  }

  /// Releases the tensor's pages in the mapped file.
  public func release(_ parameter: Parameter) {
    if let tensor = tensors[parameter.name] { file.discardPages(of: tensor) }
  }

  private static func fault(
    in values: UnsafeBufferPointer<Float>, role: Parameter.Role
  ) -> String? {
    // Finite · 0 is 0, anything else · 0 is NaN: a loop without branches, which the compiler can
    // vectorise.
    var sums = SIMD8<Float>.zero
    var index = 0
    while index + 8 <= values.count {
      for lane in 0..<8 { sums[lane] += values[index + lane] * 0 }
      index += 8
    }
    while index < values.count {
      sums[0] += values[index] * 0
      index += 1
    }
    if sums.sum().isNaN, let bad = values.firstIndex(where: { !$0.isFinite }) {
      return "element \(bad) is \(values[bad])"
    }
    if role == .runningVariance, let bad = values.firstIndex(where: { $0 < 0 }) {
      return "element \(bad), a variance, is \(values[bad])"
    }
    return nil
  }
}
