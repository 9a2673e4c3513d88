import GraphIR
import Weights

/// Parameters read from a weight file, after checking it against the network.
public struct FileParameters: ParameterSource, Sendable {
  private let file: WeightFile
  private let tensors: [String: TensorView]

  /// Checks that `file` contains exactly the tensors of `graph`, with their shapes.
  ///
  /// - Parameters:
  ///   - names: the name of each parameter in the file, by the name in the graph.
  /// - Throws: `ParameterMismatch`, which lists all tensors that are missing, superfluous or have
  ///   the wrong shape.
  public init(file: WeightFile, graph: Graph, names: [String: String]) throws(ParameterMismatch) {
    var mismatch = ParameterMismatch(path: file.path, model: graph.name)
    var tensors: [String: TensorView] = [:]
    var known: Set<String> = []
    for parameter in graph.parameters {
      let name = file.wrapperPrefix + (names[parameter.name] ?? parameter.name)
      known.insert(name)
      guard let tensor = file[name] else {
        mismatch.missing.append((name, parameter.shape))
        continue
      }
      if !Self.isSame(tensor.shape, parameter.shape) {
        mismatch.reshaped.append((name, expected: parameter.shape, found: tensor.shape))
      }
      tensors[parameter.name] = tensor
    }
    for tensor in file.tensors
    where !known.contains(tensor.name) && !tensor.name.hasSuffix("num_batches_tracked") {
      mismatch.superfluous.append((tensor.name, tensor.shape))
    }
    guard mismatch.isEmpty else { throw mismatch }
    self.file = file
    self.tensors = tensors
  }

  /// Whether two shapes are equal except for trailing dimensions of 1.
  ///
  /// They then have the same values in the same order: a linear layer here may be a 1×1 convolution
  /// in the library that wrote the file.
  private static func isSame(_ shape: [Int], _ other: [Int]) -> Bool {
    let (short, long) = shape.count < other.count ? (shape, other) : (other, shape)
    return long.starts(with: short) && long[short.count...].allSatisfy { $0 == 1 }
  }

  /// Calls `body` with the tensor's values, in place in the mapped file if possible.
  ///
  /// - Throws: `InferenceError.badParameter` for a value that is NaN or infinite, or a variance
  ///   below zero; `WeightsError` for elements that are not floats, or a changed file.
  public func withValues<Result>(
    of parameter: Parameter, _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) throws -> Result {
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
    .badParameter(path: file.path, name: tensor(of: parameter).name, reason: reason)
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

/// All differences between a weight file and a network.
public struct ParameterMismatch: Error {
  /// The file.
  public let path: String
  /// The network.
  public let model: String
  /// Tensors that the network needs but the file lacks.
  public var missing: [(name: String, shape: [Int])] = []
  /// Tensors in the file that the network does not use.
  public var superfluous: [(name: String, shape: [Int])] = []
  /// Tensors with the wrong shape.
  public var reshaped: [(name: String, expected: [Int], found: [Int])] = []

  init(path: String, model: String) {
    self.path = path
    self.model = model
  }

  var isEmpty: Bool { missing.isEmpty && superfluous.isEmpty && reshaped.isEmpty }
}

extension ParameterMismatch: CustomStringConvertible {
  /// A summary line, then a line for each tensor, expected and found; long lists are truncated.
  public var description: String {
    let lines =
      reshaped.map { "\($0.name): expected \($0.expected), found \($0.found)" }
      + missing.map { "\($0.name): expected \($0.shape), found nothing" }
      + superfluous.map { "\($0.name): expected nothing, found \($0.shape)" }
    let shown = lines.prefix(40).map { "\n  \($0)" }.joined()
    let rest = lines.count > 40 ? "\n  … and \(lines.count - 40) more" : ""
    return "\(path) does not match \(model): \(lines.count) tensors differ\(shown)\(rest)"
  }
}
