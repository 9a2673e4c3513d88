/// The end of a network: the last feature map, its mean over all positions, and the layers that turn
/// the mean into logits.
public struct NetworkHead: Sendable {
  /// A layer between the pooling and the classifier, which MobileNetV3 has.
  public struct Hidden: Sendable {
    /// The linear layer.
    public let linear: Node
    /// The activation of its outputs.
    public let activation: Activation
    /// Identifier of the node that outputs the activations.
    public let output: Int
  }

  /// The node of the last feature map, [height, width, channels].
  public let features: Node
  /// The node of its mean over all positions, [channels].
  public let pooled: Node
  /// The hidden layer, if there is one.
  public let hidden: Hidden?
  /// The linear layer that outputs the logits.
  public let classifier: Node

  /// The node whose values the classifier reads.
  public var classifierInput: Int { hidden?.output ?? pooled.id }
}

extension Graph {
  /// The network's end; `nil` without a pool or a classifier.
  public var head: NetworkHead? {
    guard let pooled = node(.pool), let classifier = nodes.last(where: \.isLinear),
      classifier.role == .classifier, classifier.id == output
    else { return nil }
    var hidden: NetworkHead.Hidden?
    if let linear = nodes.first(where: { $0.role == .hidden && $0.isLinear }) {
      guard let output = node(.hidden), case .activation(let activation) = output.operation else {
        return nil
      }
      hidden = .init(linear: linear, activation: activation, output: output.id)
    }
    return NetworkHead(
      features: nodes[pooled.inputs[0]], pooled: pooled, hidden: hidden, classifier: classifier)
  }

  /// The last node with a role.
  private func node(_ role: NodeRole) -> Node? { nodes.last { $0.role == role } }
}

extension Node {
  fileprivate var isLinear: Bool { operation == .linear }
}
