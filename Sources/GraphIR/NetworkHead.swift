/// The end of a network: the last feature map, its mean over all positions, and the layers that make
/// logits of that.
public struct NetworkHead: Sendable {
  /// A layer between the pooling and the classifier, which MobileNetV3 has.
  public struct Hidden: Sendable {
    /// The linear layer.
    public let linear: Node
    /// What is applied to its outputs.
    public let activation: Activation
    /// Identifier of the node that yields the activated outputs.
    public let output: Int
  }

  /// The node of the last feature map, [height, width, channels].
  public let features: Node
  /// The node of its mean over all positions, [channels].
  public let pooled: Node
  /// The hidden layer, where there is one.
  public let hidden: Hidden?
  /// The linear layer that yields the logits.
  public let classifier: Node

  /// The node whose values the classifier reads.
  public var classifierInput: Int { hidden?.output ?? pooled.id }
}

extension Graph {
  /// The network's end; `nil` where it is not pooling, at most one hidden layer, and a classifier.
  public var head: NetworkHead? {
    let classifier = nodes[output]
    guard case .linear = classifier.operation else { return nil }
    var node = source(of: classifier)
    var hidden: NetworkHead.Hidden?
    if case .activation(let activation) = node.operation {
      let linear = source(of: node)
      guard case .linear = linear.operation else { return nil }
      hidden = .init(linear: linear, activation: activation, output: node.id)
      node = source(of: linear)
    }
    guard case .globalAveragePool = node.operation else { return nil }
    return NetworkHead(
      features: source(of: node), pooled: node, hidden: hidden, classifier: classifier)
  }

  /// The node whose value `node` reads, dropout looked through.
  private func source(of node: Node) -> Node {
    let input = nodes[node.inputs[0]]
    if case .dropout = input.operation { return source(of: input) }
    return input
  }
}
