import GraphIR
import Host
import Inference
import ModelZoo
import Operators
import Testing
import Training

/// Training steps with products of bf16.
struct LowPrecisionTests {
  private static let batch = 4

  /// MobileNetV3-Small, which has layers wide enough for bf16.
  private static func session(
    _ precision: Precision, threads: Int = 2
  ) throws -> TrainingSession {
    let model = try ModelCatalog.model(named: "mobilenetv3-small")
    var configuration = model.defaultConfiguration
    (configuration.inputHeight, configuration.inputWidth, configuration.classes) = (64, 64, 10)
    let graph = try model.graph(configuration)
    let store = try ParameterStore(graph, states: 0)
    try store.load(InitialParameters(graph, seed: 1))
    var options = TrainingSession.Options(batch: batch, threads: threads)
    // The statistics of four images of 2×2 positions would amplify every rounding.
    (options.precision, options.batchNorm) = (precision, .fixed)
    return try TrainingSession(graph, store, options)
  }

  /// The loss, and the gradients by parameter.
  private static func gradients(
    _ session: TrainingSession
  ) throws -> (loss: Double, gradients: [String: [Float]]) {
    for image in 0..<batch {
      let key = RandomKey(seed: 7)[image]
      session.withInput(image: image) { pixels in
        for index in pixels.indices { pixels[index] = Float(key.normal(index)) }
      }
    }
    let loss = try session.addGradients(
      targets: (0..<batch).map { image in (0..<10).map { $0 == image ? 1 : 0 } },
      keys: (0..<batch).map { RandomKey(seed: 3)[$0] }
    ).loss
    let store = session.store
    let pairs = store.entries.map { entry in
      (entry.parameter.name, Array(store.floats(entry, of: store.gradients)))
    }
    return (loss, Dictionary(uniqueKeysWithValues: pairs))
  }

  /// Loss and gradients differ from f32's by bf16's rounding, which has 8 bits: not at all would mean
  /// that nothing was computed in bf16, much more that something else is wrong.
  @Test func gradientsAreThoseOfF32Rounded() throws {
    let exact = try Self.gradients(try Self.session(.f32))
    let rounded = try Self.gradients(try Self.session(.bf16))
    #expect(rounded.loss != exact.loss)
    #expect(abs(rounded.loss - exact.loss) < 0.01 * exact.loss)
    var (totalError, totalNorm) = (0.0, 0.0)
    for (name, expected) in exact.gradients {
      let found = try #require(rounded.gradients[name])
      var (error, norm) = (0.0, 0.0)
      for (one, other) in zip(found, expected) {
        error += Double(one - other) * Double(one - other)
        norm += Double(other) * Double(other)
      }
      #expect(error.squareRoot() <= 0.4 * norm.squareRoot(), "\(name)")
      totalError += error
      totalNorm += norm
    }
    #expect(totalError.squareRoot() <= 0.01 * totalNorm.squareRoot())
  }

  @Test func bitsDoNotDependOnThreads() throws {
    let one = try Self.gradients(try Self.session(.bf16, threads: 1))
    let three = try Self.gradients(try Self.session(.bf16, threads: 3))
    #expect(one.loss == three.loss)
    #expect(one.gradients == three.gradients)
  }

  /// Each product counts as what it is computed with: in bf16 most, but never those of depthwise
  /// convolutions and of the stem.
  @Test func costsKnowTheirPrecision() throws {
    for layer in try Self.session(.f32).layers {
      let backward = layer.backward?.arithmetic ?? [:]
      #expect(layer.forward.arithmetic.keys.allSatisfy { $0 == .f32 })
      #expect(backward.keys.allSatisfy { $0 == .f32 })
    }
    let layers = try Self.session(.bf16).layers.filter { $0.forward.macs > 0 }
    for layer in layers where layer.strategy == "depthwise" || layer.role == .stem {
      #expect(layer.forward.arithmetic[.bf16] == nil && layer.backward?.arithmetic[.bf16] == nil)
    }
    for layer in layers where layer.role == .project && layer.shape.channels > 90 {
      #expect(layer.forward.arithmetic == [.bf16: layer.forward.macs])
      #expect(layer.backward?.arithmetic == [.bf16: 2 * layer.forward.macs])
    }
    #expect(layers.contains { $0.role == .project && $0.shape.channels > 90 })
  }

  /// Also where the layer's output is kept as bf16.
  @Test(arguments: [Precision.f32, .bf16])
  func nonFiniteLayersAreNamed(_ precision: Precision) throws {
    let session = try Self.session(precision)
    let name = "features.4.block.0.0"
    let entry = try #require(
      session.store.entries.first { $0.parameter.name == name + ".weight" })
    session.store.values.base[entry.offset] = .infinity
    #expect(throws: TrainingError.nonFinite(place: name, images: Array(0..<Self.batch))) {
      _ = try Self.gradients(session)
    }
  }

  @Test func int8IsRefused() {
    var configuration = TrainingConfiguration()
    configuration.precision = .int8
    let error = #expect(throws: TrainingConfigurationError.self) { try configuration.validate() }
    #expect(error?.description == "precision is out of range: expected f32 or bf16")
    configuration.precision = .bf16
    #expect(throws: Never.self) { try configuration.validate() }
  }
}
