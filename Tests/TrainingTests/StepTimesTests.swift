import GraphIR
import Host
import Inference
import Operators
import TestSupport
import Testing
import Training

/// The times, the layers and the memory of a training step.
struct StepTimesTests {
  private static let batch = 5

  private static func session(
    _ network: TinyNetwork, frozenStages: Int = 0, stochasticDepth: Double = 0
  ) throws -> TrainingSession {
    let graph = network.graph { $0.stochasticDepth = stochasticDepth }
    let store = try ParameterStore(graph, states: 1, frozenStages: frozenStages)
    try store.load(SeededParameters())
    var options = TrainingSession.Options(batch: batch, threads: 2)
    options.frozenStages = frozenStages
    let session = try TrainingSession(graph, store, options)
    for (index, image) in network.images(batch).enumerated() {
      session.withInput(image: index) { _ = $0.update(fromContentsOf: image) }
    }
    return session
  }

  @discardableResult
  private static func addGradients(
    _ session: TrainingSession, clock: StepClock? = nil
  ) throws -> Double {
    let classes = session.graph.classCount
    return try session.addGradients(
      targets: (0..<batch).map { image in
        (0..<classes).map { $0 == image % classes ? 1 : 0 }
      }, keys: (0..<batch).map { RandomKey(seed: 3)[$0] }, clock: clock
    ).loss
  }

  /// The laps fill the time between the start and the end, each belongs to a layer that does such
  /// work, and the gradients are those of a step without a clock.
  @Test(arguments: TinyNetwork.allCases, [0, 0.5])
  func lapsAddUp(_ network: TinyNetwork, stochasticDepth: Double) throws {
    let plain = try Self.session(network, stochasticDepth: stochasticDepth)
    let loss = try Self.addGradients(plain)
    let session = try Self.session(network, stochasticDepth: stochasticDepth)
    let clock = session.makeClock()
    let began = MonotonicTime().seconds
    clock.start()
    #expect(try Self.addGradients(session, clock: clock) == loss)
    clock.lapWhole(.update)
    let elapsed = MonotonicTime().seconds - began
    let (bytes, expected) = (session.store.gradients, plain.store.gradients)
    #expect((0..<bytes.count).allSatisfy { bytes.base[$0] == expected.base[$0] })

    let times = clock.times
    #expect(times.layerCount == session.layers.count)
    #expect(times.total > 0 && times.total <= elapsed)
    for (index, layer) in session.layers.enumerated() {
      let hasProduct = layer.forward.macs > 0
      #expect((times[index, .product] > 0) == hasProduct, "\(layer.name)")
      #expect((times[index, .weightGradient] > 0) == hasProduct, "\(layer.name)")
      for work in TrainingWork.allCases where work.direction == .whole {
        #expect(times[index, work] == 0)
      }
    }
    for work in TrainingWork.allCases {
      #expect((times[nil, work] > 0) == (work.direction == .whole), "\(work)")
    }
    // Without the clock, nothing is recorded any more.
    try Self.addGradients(session)
    #expect(clock.times == times)
    clock.start()
    #expect(clock.times.total == 0)
  }

  /// Steps that were disturbed do not count, and the parts still add up to the whole.
  @Test func typicalSteps() {
    let steps = [9.0, 1, 2, 3, 400, 2.5, 0.5, 3.5].map { scale in
      var times = StepTimes(layerCount: 2)
      times[0, .product] = scale
      times[1, .weightGradient] = 2 * scale
      times[nil, .update] = 3 * scale
      return times
    }
    let typical = StepTimes.typical(steps)
    // The middle four: 2, 2.5, 3, 3.5.
    #expect(typical[0, .product] == 2.75)
    #expect(typical[1, .weightGradient] == 5.5)
    #expect(typical[nil, .update] == 8.25)
    #expect(typical[1, .product] == 0)
    #expect(typical.total == 16.5)
    #expect(StepTimes.typical([steps[4]]) == steps[4])
  }

  @Test(arguments: TinyNetwork.allCases)
  func layersAreThoseOfTheGraph(_ network: TinyNetwork) throws {
    let session = try Self.session(network)
    let layers = session.layers
    let products = layers.filter { $0.forward.macs > 0 }
    let nodes = session.graph.nodes.filter { $0.macs > 0 }
    #expect(products.map(\.name) == nodes.map(\.name))
    #expect(Set(layers.map(\.name)).count == layers.count)
    for (layer, node) in zip(products, nodes) {
      #expect(layer.shape == node.shape && layer.role == node.role && layer.block == node.block)
      #expect(layer.forward.macs == node.macs)
      // The gradients of the weights and of the input; the image has none.
      #expect(layer.backward?.macs == (node.role == .stem ? 1 : 2) * node.macs)
      #expect(layer.forward.multiplyAdds <= node.macs)
      #expect(!layer.strategy.isEmpty)
      let weights = 4 * node.parameters[0].count
      #expect(layer.forward.weightBytes == weights)
      #expect(layer.backward?.weightBytes == (node.role == .stem ? 1 : 2) * weights)
    }
    // A pool and a gate have nothing to multiply.
    for layer in layers where layer.forward.macs == 0 { #expect(layer.strategy.isEmpty) }
  }

  /// The stem reads the image and writes z; its batch norm also writes the first block's input.
  @Test func bytesOfTheStem() throws {
    let session = try Self.session(.efficientNetV2)
    let stem = try #require(session.layers.first)
    let (image, map) = (4 * session.graph.inputShape.count, 4 * stem.shape.positions * 8)
    #expect(stem.shape.channels == 8)
    #expect(stem.forward.bytes == image + map + 2 * map)
    // Backwards, it reads image, gradient and z.
    #expect(stem.backward?.bytes == image + map + map)
  }

  /// Frozen layers have no backward pass.
  @Test func frozenLayers() throws {
    let session = try Self.session(.mobileNetV3, frozenStages: 1)
    let clock = session.makeClock()
    clock.start()
    try Self.addGradients(session, clock: clock)
    var frozen = 0
    for (index, layer) in session.layers.enumerated() {
      let isFrozen = layer.role == .stem || layer.block?.stage == 0
      frozen += isFrozen ? 1 : 0
      #expect((layer.backward == nil) == isFrozen, "\(layer.name)")
      for work in TrainingWork.allCases where isFrozen && work.direction == .backward {
        #expect(clock.times[index, work] == 0, "\(layer.name)")
      }
    }
    #expect(frozen > 1 && frozen < session.layers.count)
    // The gradient ends at the first trained layer.
    let first = try #require(session.layers.first { $0.backward != nil })
    #expect(first.backward?.macs == first.forward.macs)
  }

  @Test(arguments: TinyNetwork.allCases)
  func memoryAddsUp(_ network: TinyNetwork) throws {
    let session = try Self.session(network)
    let (graph, memory) = (session.graph, session.memory)
    #expect(memory.state == ParameterStore.bytes(graph, states: 1))
    #expect(memory.parameters == memory.optimizer)
    let planned = try TrainingSession.memoryBytes(graph, session.store, session.options)
    #expect(memory.total == memory.state + planned)
    #expect(memory.keptMaps > 0 && memory.passingMaps > 0 && memory.scratch > 0)

    // The image, outputs of convolutions, and what the first node of each block reads, once each.
    func floats(_ id: Int) -> Int {
      let shape = graph.nodes[id].shape
      return shape.positions * (id == 0 ? 3 : channelStride(shape.channels))
    }
    var inputs: Set<Int> = [0]
    var number: Int? = -1
    for node in graph.nodes.dropFirst() where node.block?.number != number {
      if node.role != .stem { inputs.formUnion(node.inputs) }
      number = node.block?.number
    }
    let products = graph.nodes.filter { $0.macs > 0 }.map(\.id)
    let lean = (products + inputs).reduce(0) { $0 + floats($1) }
    #expect(memory.leanMaps == 4 * Self.batch * lean)
    #expect(memory.lean == memory.leanMaps + memory.state)
  }
}
