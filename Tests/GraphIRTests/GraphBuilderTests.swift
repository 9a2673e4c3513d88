import GraphIR
import Testing

struct GraphBuilderTests {
  private static let image = TensorShape(height: 9, width: 7, channels: 4)

  /// A graph of one operation on `image`, and its node.
  private func node(_ build: (inout GraphBuilder, Value) -> Value) -> Node {
    var builder = GraphBuilder(name: "test")
    let input = builder.input(Self.image)
    let output = build(&builder, input)
    return builder.graph(output: output).nodes[output.id]
  }

  @Test func scopesNameNodesParametersAndModules() {
    var builder = GraphBuilder(name: "test")
    let input = builder.input(Self.image)
    let output = builder.scope("features", kind: "Sequential") { builder in
      builder.scope("0", kind: "Block") { builder in
        builder.batchNorm(input, "norm", epsilon: 1e-3)
      }
    }
    let after = builder.activation(output, "act", .relu)
    let graph = builder.graph(output: after)
    #expect(graph.name == "test")
    #expect(graph.nodes.map(\.name) == ["input", "features.0.norm", "act"])
    #expect(graph.modules == ["features": "Sequential", "features.0": "Block"])
    #expect(
      graph.parameters.map(\.name)
        == ["weight", "bias", "running_mean", "running_var"].map { "features.0.norm.\($0)" })
    #expect(
      graph.parameters.map(\.role) == [.weight, .bias, .runningMean, .runningVariance])
    #expect(graph.parameters.allSatisfy { $0.shape == [4] })
    // Statistics are stored, not trained.
    #expect(graph.parameterCount == 8)
    #expect(graph.nodes.map(\.inputs) == [[], [0], [1]])
    #expect(graph.output == 2 && graph.inputShape == Self.image && graph.classCount == 4)
  }

  @Test func scopesGiveRolesAndBlocks() {
    let block = Block(kind: .inverted, stage: 2, index: 1, number: 7)
    var builder = GraphBuilder(name: "test")
    let input = builder.input(Self.image)
    let convolution = Convolution(kernel: 3, stride: 2, padding: .same, hasBias: false)
    let output = builder.scope("features", kind: "Sequential", role: .stem) { builder in
      let stem = builder.convolution(input, "conv", channels: 4, convolution)
      let inner = builder.scope("0", kind: "MBConv", role: .expand, block: block) { builder in
        let expanded = builder.convolution(stem, "expand", channels: 4, convolution)
        let gate = builder.globalAveragePool(expanded, "squeeze", role: .squeeze)
        let scaled = builder.scale(expanded, by: gate)
        return builder.add(builder.activation(scaled, "act", .relu), scaled)
      }
      return builder.activation(inner, "act", .relu, role: .head)
    }
    let nodes = builder.graph(output: output).nodes
    #expect(
      nodes.map(\.role) == [.input, .stem, .expand, .squeeze, .gate, .expand, .residual, .head])
    #expect(nodes.map(\.stage) == [nil, nil, 2, 2, 2, 2, 2, nil])
    #expect(nodes.filter { $0.block != nil }.allSatisfy { $0.block == block })
    // Input pixels per position: the strides so far.
    #expect(nodes.map(\.reduction) == [1, 2, 4, 4, 4, 4, 4, 4])
  }

  @Test func convolution() {
    let node = node { builder, input in
      builder.convolution(
        input, "conv", channels: 6,
        Convolution(kernel: 3, stride: 2, padding: .symmetric, hasBias: true))
    }
    #expect(node.shape == TensorShape(height: 5, width: 4, channels: 6))
    #expect(node.parameters.map(\.shape) == [[6, 4, 3, 3], [6]])
    #expect(node.parameters.map(\.role) == [.weight, .bias])
    #expect(node.macs == 5 * 4 * 6 * 4 * 3 * 3)
  }

  @Test func depthwiseConvolution() {
    let node = node { builder, input in
      builder.convolution(
        input, "conv", channels: 4,
        Convolution(kernel: 5, padding: .same, groups: 4, hasBias: false))
    }
    #expect(node.shape == Self.image)
    #expect(node.parameters.map(\.shape) == [[4, 1, 5, 5]])
    #expect(node.macs == 9 * 7 * 4 * 5 * 5)
  }

  @Test func poolAndLinear() {
    var builder = GraphBuilder(name: "test")
    let input = builder.input(Self.image)
    let pooled = builder.globalAveragePool(input, "pool")
    let logits = builder.linear(pooled, "fc", outputs: 10)
    let graph = builder.graph(output: logits)
    #expect(pooled.shape == TensorShape(channels: 4))
    #expect(graph.nodes[logits.id].parameters.map(\.shape) == [[10, 4], [10]])
    #expect(graph.macs == 40 && graph.parameterCount == 50 && graph.classCount == 10)
  }

  @Test func addAndScaleKeepTheFirstShape() {
    var builder = GraphBuilder(name: "test")
    let input = builder.input(Self.image)
    let gate = builder.globalAveragePool(input, "squeeze")
    let scaled = builder.scale(input, by: gate)
    let sum = builder.add(scaled, input)
    let graph = builder.graph(output: sum)
    #expect(scaled.shape == Self.image && sum.shape == Self.image)
    #expect(graph.nodes[scaled.id].inputs == [input.id, gate.id])
    #expect(graph.nodes[sum.id].inputs == [scaled.id, input.id])
    #expect(graph.parameterCount == 0 && graph.macs == 0)
  }

  @Test func mismatchedShapesTrap() async {
    await #expect(processExitsWith: .failure) {
      var builder = GraphBuilder(name: "test")
      let input = builder.input(TensorShape(height: 2, width: 2, channels: 4))
      let pooled = builder.globalAveragePool(input, "pool")
      _ = builder.add(input, pooled)
    }
    await #expect(processExitsWith: .failure) {
      var builder = GraphBuilder(name: "test")
      let input = builder.input(TensorShape(height: 2, width: 2, channels: 4))
      _ = builder.convolution(
        input, "conv", channels: 4,
        Convolution(kernel: 1, padding: .same, groups: 3, hasBias: false))
    }
  }
}

struct TensorShapeTests {
  @Test func counts() {
    let shape = TensorShape(height: 3, width: 5, channels: 7)
    #expect(shape.positions == 15 && shape.count == 105)
    #expect(TensorShape(channels: 7) == TensorShape(height: 1, width: 1, channels: 7))
  }

  @Test func description() {
    #expect("\(TensorShape(height: 56, width: 48, channels: 24))" == "56x48x24")
    #expect("\(TensorShape(channels: 1280))" == "1280")
  }
}
