import Host
import Inference
import ModelZoo
import Operators
import Testing

/// Memory that is not available, and memory that is not needed.
struct SessionMemoryTests {
  /// More values than fit into the address space, or into an integer.
  @Test(arguments: [1 << 40, Int.max / 2, Int.max])
  func batchesTooLargeForMemory(batch: Int) throws {
    let graph = try ModelCatalog.model(named: "mobilenetv3-small").graph()
    #expect(throws: OutOfMemory.self) {
      try InferenceSession(
        graph: graph, parameters: SeededParameters(),
        options: .init(threads: 2, maximumBatch: batch))
    }
  }

  /// A session's program can be inspected without weights, and uses the backend that `auto`
  /// selects.
  @Test(arguments: ["mobilenetv3-small", "effnetv2-s"], Backend.allCases)
  func programWithoutWeights(name: String, backend: Backend) throws {
    let graph = try ModelCatalog.model(named: name).graph()
    let program = try Program(
      lowering: graph, options: InferenceSession.Options(threads: 2, backend: backend))
    #expect(backend == .auto ? program.backend != .auto : program.backend == backend)
    #expect(program.steps.reduce(0) { $0 + $1.macs } == graph.macs)
    let weights = graph.parameters.filter { $0.role == .weight && $0.shape.count > 1 }
    #expect(program.packedBytes >= 4 * weights.reduce(0) { $0 + $1.count })
    #expect(program.scratchBytes > 0)
    #expect(program.peakActivationBytes <= program.arenaBytes)
  }

  /// Memory beyond the largest live set is waste.
  @Test(
    arguments: ModelCatalog.models.map(\.name).filter { !$0.hasPrefix("effnetv2-l") },
    Backend.allCases)
  func arenaIsTight(_ name: String, _ backend: Backend) throws {
    let model = try ModelCatalog.model(named: name)
    var configuration = model.defaultConfiguration
    configuration.classes = 10
    let graph = try model.graph(configuration)
    let program = try Program(lowering: graph, options: .init(threads: 1, backend: backend))
    let (arena, live) = (program.arenaBytes, program.peakActivationBytes)
    #expect(Double(arena) <= 1.2 * Double(live), "\(arena) of \(live)")
  }
}
