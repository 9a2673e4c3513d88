import GraphIR
import Inference
import ModelZoo
import TestSupport
import Testing

/// Results for an image depend only on the image, bit for bit.
struct DeterminismTests {
  /// Odd, non-square inputs, so that no task divides evenly.
  private func graph(_ name: String) throws -> Graph {
    let model = try ModelCatalog.model(named: name)
    var configuration = model.defaultConfiguration
    configuration.inputHeight = 75
    configuration.inputWidth = 101
    configuration.classes = 13
    return try model.graph(configuration)
  }

  @Test(
    arguments: ["mobilenetv3-small", "mobilenetv3-large", "effnet-lite0", "effnetv2-s"],
    Backend.allCases)
  func sameBits(_ name: String, _ backend: Backend) throws {
    let graph = try graph(name)
    let images = SeededImages.make(batch: 8, height: 75, width: 101)
    var single: [[Float]] = []
    for threads in 1...3 {
      let session = try InferenceSession(
        graph: graph, parameters: SeededParameters(),
        options: .init(threads: threads, backend: backend, maximumBatch: 8))
      let one = try images.map { try session.logits(of: [$0])[0] }
      if threads == 1 { single = one }
      #expect(one == single, "one image at a time, \(threads) threads")
      #expect(try session.logits(of: images) == single, "eight images, \(threads) threads")
      #expect(
        try session.logits(of: Array(images[3..<6])) == Array(single[3..<6]),
        "three of eight, \(threads) threads")
    }
    #expect(Set(single).count == 8, "the images give different answers")
  }

  #if arch(x86_64)
    /// Denormal numbers count as zero on every thread and with every backend, because they would
    /// make a network many times slower.
    @Test(arguments: ["mobilenetv3-small", "effnetv2-s"], Backend.allCases)
    func denormalValuesAreZero(_ name: String, _ backend: Backend) throws {
      let graph = try graph(name)
      let blank = [Float](repeating: 0, count: graph.inputShape.count)
      let faint = blank.indices.map { Float(bitPattern: UInt32(1 + $0 % 1000)) }
      #expect(faint.allSatisfy { $0.isSubnormal })
      for threads in 1...3 {
        let session = try InferenceSession(
          graph: graph, parameters: Amplified(name: "features.0.0.weight"),
          options: .init(threads: threads, backend: backend))
        let (found, expected) = (try session.logits(of: [faint]), try session.logits(of: [blank]))
        #expect(found == expected, "\(threads) threads")
      }
      #expect(faint[0] * 2 > 0, "the caller's own arithmetic is as it was")
    }
  #endif

  /// Values share memory; overwriting one too early would change the results.
  @Test(arguments: ["mobilenetv3-large", "effnetv2-s"], Backend.allCases)
  func sharedMemoryDoesNotChangeResults(_ name: String, _ backend: Backend) throws {
    let graph = try graph(name)
    let image = SeededImages.make(batch: 1, height: 75, width: 101)
    let blocks = graph.nodes.filter { if case .add = $0.operation { true } else { false } }
    let sharing = try InferenceSession(
      graph: graph, parameters: SeededParameters(), options: .init(threads: 2, backend: backend))
    let keeping = try InferenceSession(
      graph: graph, parameters: SeededParameters(),
      options: .init(threads: 2, backend: backend, retained: blocks.map(\.id)))
    #expect(sharing.program.arenaBytes < keeping.program.arenaBytes)
    let first = try sharing.logits(of: image)
    #expect(try keeping.logits(of: image) == first)
    #expect(try sharing.logits(of: image) == first, "a second run")
  }

  /// An expansion that must stay readable is a separate step; the arithmetic is the same.
  @Test func joinedConvolutionsGiveTheSameBits() throws {
    let graph = try graph("effnetv2-s")
    let image = SeededImages.make(batch: 1, height: 75, width: 101)
    let expansions = graph.nodes.filter {
      guard case .activation = $0.operation else { return false }
      return $0.name.hasPrefix("features.2.") || $0.name.hasPrefix("features.3.")
    }
    #expect(expansions.count == 8)
    let joined = try InferenceSession(
      graph: graph, parameters: SeededParameters(), options: .init(threads: 2, backend: .simd))
    let apart = try InferenceSession(
      graph: graph, parameters: SeededParameters(),
      options: .init(threads: 2, backend: .simd, retained: expansions.map(\.id)))
    #expect(joined.program.steps.count == apart.program.steps.count - 8)
    #expect(joined.program.steps.filter { $0.strategy.hasSuffix("project") }.count == 8)
    #expect(try joined.logits(of: image) == apart.logits(of: image))
    for node in expansions { #expect(apart.output(ofNode: node.id).contains { $0 > 0 }) }
  }
}

/// Seeded parameters with one tensor so large that it amplifies denormal numbers until they show in
/// the logits.
private struct Amplified: ParameterSource {
  let name: String

  func withValues<Result>(
    of parameter: Parameter, _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) throws -> Result {
    let factor: Float = parameter.name == name ? 1e37 : 1
    return try SeededParameters().values(of: parameter).map { $0 * factor }
      .withUnsafeBufferPointer(body)
  }

  func release(_ parameter: Parameter) {}
}
