import GraphIR
import Inference
import Pretrained

extension LoadedNetwork {
  /// The boundary between features and classifier.
  public var head: NetworkHead {
    guard let head = graph.head else {
      preconditionFailure("every network of the catalogue ends in pooling and linear layers")
    }
    return head
  }

  /// The biases of a layer; zeros if it has none.
  func biases(of node: Node) throws -> [Float] {
    let biases = try values(node, .bias)
    return biases.isEmpty ? [Float](repeating: 0, count: node.shape.channels) : biases
  }

  /// The values of one of the graph's parameters, in PyTorch's order.
  ///
  /// - Throws: `InferenceError.badParameter`, `WeightsError`.
  func values(_ node: Node, _ role: Parameter.Role) throws -> [Float] {
    guard let parameter = node.parameters.first(where: { $0.role == role }) else { return [] }
    return try parameters.withValues(of: parameter) { Array($0) }
  }
}
