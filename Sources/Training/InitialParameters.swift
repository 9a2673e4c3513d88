import GraphIR
import Host
import Inference

/// Random parameters to start training from, by the EfficientNet papers' code.
///
/// Convolutions are normal with variance 2 / fan-out, where fan-out is kernel² · outputs / groups;
/// linear layers are uniform in ±1 / √outputs; γ and variances are 1, biases, β and means 0.
package struct InitialParameters: ParameterSource, Sendable {
  private let seed: UInt64
  private let groups: [String: Int]

  /// The parameters of `graph` for a seed.
  package init(_ graph: Graph, seed: UInt64) {
    self.seed = seed
    var groups: [String: Int] = [:]
    for node in graph.nodes {
      guard case .convolution(let convolution) = node.operation else { continue }
      for parameter in node.parameters { groups[parameter.name] = convolution.groups }
    }
    self.groups = groups
  }

  package func withValues<Result>(
    of parameter: Parameter, _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) rethrows -> Result {
    try values(of: parameter).withUnsafeBufferPointer(body)
  }

  package func release(_ parameter: Parameter) {}

  /// The values of `parameter`, in PyTorch's order; they depend only on its name and the seed.
  package func values(of parameter: Parameter) -> [Float] {
    var key = RandomKey(seed: seed)[-1][.initialization]
    for byte in parameter.name.utf8 { key = key[Int(byte)] }
    let shape = parameter.shape
    switch parameter.role {
    case .weight where shape.count == 4:
      let fanOut = shape[0] * shape[2] * shape[3] / (groups[parameter.name] ?? 1)
      let deviation = (2 / Double(max(1, fanOut))).squareRoot()
      return (0..<parameter.count).map { Float(key.normal($0) * deviation) }
    case .weight where shape.count == 2:
      let bound = 1 / Double(shape[0]).squareRoot()
      return (0..<parameter.count).map { Float((2 * key.uniform($0) - 1) * bound) }
    case .weight, .runningVariance: return [Float](repeating: 1, count: parameter.count)
    case .bias, .runningMean: return [Float](repeating: 0, count: parameter.count)
    }
  }
}
