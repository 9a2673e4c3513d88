import Foundation
import Glibc
import GraphIR
import Host
import Training

/// A network of a few parameters, and runs of it.
enum RunFixtures {
  static func graph(channels: Int = 4, name: String = "features") -> Graph {
    var builder = GraphBuilder(name: "tiny")
    let input = builder.input(TensorShape(height: 4, width: 4, channels: 3))
    let output = builder.scope(name, kind: "Sequential", role: .stem) { builder in
      let convolution = Convolution(kernel: 3, padding: .same, hasBias: false)
      let z = builder.convolution(input, "0", channels: channels, convolution)
      let pooled = builder.globalAveragePool(builder.batchNorm(z, "1", epsilon: 1e-3), "pool")
      return builder.linear(pooled, "classifier", outputs: 3)
    }
    return builder.graph(output: output)
  }

  /// A store with any bits in all buffers that a state contains.
  static func store(_ seed: UInt64, states: Int = 2, graph: Graph = graph()) throws
    -> ParameterStore
  {
    let store = try ParameterStore(graph, states: states)
    for (index, buffer) in buffers(store).enumerated() {
      let key = RandomKey(seed: seed)[index]
      for entry in store.entries {
        for (place, _) in store.floats(entry, of: buffer).enumerated() {
          let bits = UInt32(truncatingIfNeeded: key.bits(entry.offset + place))
          store.floats(entry, of: buffer)[place] = Float(bitPattern: bits)
        }
      }
    }
    return store
  }

  static func buffers(_ store: ParameterStore) -> [AlignedBuffer] {
    [store.values, store.average] + store.states
  }

  /// All bits of the buffers, padding too.
  static func bits(_ store: ParameterStore) -> [[UInt32]] {
    buffers(store).map { buffer in (0..<buffer.count).map { buffer.base[$0].bitPattern } }
  }

  static let limits = TrainingProgress.Limits(epochs: 20, steps: 100, images: 3200)

  /// Values that only an exact format preserves.
  static func progress(_ update: Int) -> TrainingProgress {
    var progress = TrainingProgress()
    progress.epoch = 3
    progress.step = update
    progress.updates = 300 + update
    progress.sums.images = 32 * update
    progress.sums.correct = 11 * update
    progress.sums.loss = 0.1 + Double(update) / 3
    progress.sums.seconds = 1e-9 * Double(update)
    progress.best = .init(epoch: 2, value: 2.0 / 3)
    return progress
  }

  static func identity(_ store: ParameterStore) -> RunIdentity {
    RunIdentity(
      model: "tiny", configuration: TrainingConfiguration(), data: "d4", initialWeights: "1f",
      program: "1.0 (abc)", instructionSet: "avx2", store: store)
  }

  static func header(_ store: ParameterStore) -> RunHeader {
    RunHeader(
      identity: identity(store), processor: "Ünïcode \"CPU\"", threads: 2, time: 1_700_000_000,
      folder: "images", output: "out.safetensors")
  }

  static func step(_ step: Int) -> LogRecord {
    .step(
      .init(epoch: 3, step: step, loss: 1.0 / 3, learningRate: 0.01, imagesPerSecond: 88.5))
  }

  /// Writes a new file, because cutting an old one to nothing makes some file systems wait for the disk.
  static func write(_ bytes: some Sequence<UInt8>, to path: String) throws {
    unlink(path)
    try Data(bytes).write(to: URL(filePath: path))
  }

  static func bytes(_ path: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(filePath: path)))
  }
}

/// A run in a folder, whose store is `RunFixtures.store(n)` when state n is saved.
struct RecordedRun {
  let folder: RunFolder
  let path: String

  /// Begins a run and saves states 1 to `states`, with records in between.
  init(_ path: String, states: Int, observer: FileObserver? = nil) throws {
    self.path = path
    folder = try RunFolder(new: path, observer: observer)
    let store = try RunFixtures.store(0)
    try folder.begin(RunFixtures.header(store), store)
    for state in 0..<states { try save(state + 1) }
  }

  func save(_ state: Int) throws {
    try folder.log?.append(RunFixtures.step(state))
    try folder.save(try RunFixtures.store(UInt64(state)), RunFixtures.progress(state))
  }

  /// What resuming gives: the number of the state, checked to the bit; `nil` before the first.
  static func resume(
    _ path: String, observer: FileObserver? = nil
  ) throws -> (state: Int, warnings: [String], folder: RunFolder)? {
    let folder = try RunFolder(existing: path, observer: observer)
    let store = try RunFixtures.store(99)
    let resumption = try folder.resume(
      store, as: RunFixtures.identity(store), limits: RunFixtures.limits)
    guard let resumption else { return nil }
    let state = resumption.progress.step
    let progress = state == 0 ? TrainingProgress() : RunFixtures.progress(state)
    guard resumption.progress == progress,
      RunFixtures.bits(store) == RunFixtures.bits(try RunFixtures.store(UInt64(state)))
    else { throw Mixed() }
    return (state, resumption.warnings, folder)
  }

  /// A state that was never saved.
  struct Mixed: Error {}
}
