extension LoadedNetwork {
  /// Where features end and the classifier begins.
  public var head: NetworkHead {
    guard let head = graph.head else {
      preconditionFailure("every network of the catalogue ends in pooling and linear layers")
    }
    return head
  }

  /// The values of one of the graph's parameters, in PyTorch's order.
  ///
  /// - Throws: `InferenceError.badParameter`, `WeightsError`.
  func values(_ node: Node, _ role: Parameter.Role) throws -> [Float] {
    guard let parameter = node.parameters.first(where: { $0.role == role }) else { return [] }
    return try parameters.withValues(of: parameter) { Array($0) }
  }
}
