import CNNZoo
import Glibc
import GraphIR
import Training
import Weights

extension FuzzTarget {
  static let runs = [
    FuzzTarget(name: "state", about: "a state of a training run, whose checksum is not checked") {
      checkState([UInt8](UnsafeBufferPointer(start: $0, count: $1)))
      return 0
    },
    FuzzTarget(name: "log", about: "the log of a training run") {
      checkLog([UInt8](UnsafeBufferPointer(start: $0, count: $1)))
      return 0
    },
    FuzzTarget(name: "images", about: "the list of a training run's images") {
      checkImages([UInt8](UnsafeBufferPointer(start: $0, count: $1)))
      return 0
    },
  ]
}

private let limits = TrainingProgress.Limits(epochs: 20, steps: 100, images: 3200)

/// The parameters of a linear layer.
private func store() -> ParameterStore {
  var builder = GraphBuilder(name: "linear")
  let input = builder.input(TensorShape(channels: 1))
  let output = builder.linear(input, "classifier", outputs: 2)
  let graph = builder.graph(output: output)
  guard let store = try? ParameterStore(graph, states: 1) else { fatalError("out of memory") }
  return store
}

/// The result of reading a run's file; nil if it is refused with a one-line message.
private func read<Value>(_ body: () throws(RunError) -> Value) -> Value? {
  do {
    return try body()
  } catch {
    guard case .damaged = error else { fatalError("the error is of another input: \(error)") }
    let text = "\(error)".utf8
    require(text.allSatisfy { $0 >= 0x20 && $0 != 0x7F }, "an error has control characters")
    return nil
  }
}

/// A state that is accepted holds possible numbers, and reads back as it was written.
private func checkState(_ bytes: [UInt8]) {
  let path = InputFile.path(holding: bytes)
  let (store, copy) = (store(), store())
  let open = { (path: String, store: ParameterStore) throws(RunError) in
    try TrainingState(path: path, for: store, limits: limits)
  }
  guard let state = read({ () throws(RunError) in try open(path, store) }) else { return }
  let progress = state.progress
  require(
    0...limits.epochs ~= progress.epoch && 0...limits.steps ~= progress.step
      && progress.updates >= 0 && progress.sums.loss.isFinite && progress.sums.seconds >= 0
      && progress.best?.value.isFinite ?? true, "a number is impossible")
  do {
    try state.copy(to: store)
    let written = "\(InputFile.folder)/copy.safetensors"
    try TrainingState.write(
      store, progress, number: state.number, log: state.log, to: written)
    let again = try open(written, copy)
    try again.verify(for: copy)
    try again.copy(to: copy)
    require(
      again.progress == progress && again.number == state.number && again.log == state.log,
      "a state changed when it was written and read back")
  } catch {
    fatalError("a state cannot be written and read again: \(error)")
  }
  for (first, second) in zip(buffers(store), buffers(copy)) {
    require(first == second, "an element changed when it was written and read back")
  }
}

private func buffers(_ store: ParameterStore) -> [[UInt32]] {
  ([store.values, store.average] + store.states).map { buffer in
    (0..<buffer.count).map { buffer.base[$0].bitPattern }
  }
}

/// A header that is accepted is possible, and reads back as it was written.
private func checkLog(_ bytes: [UInt8]) {
  let path = InputFile.path(holding: bytes)
  let header = { (path: String) throws(RunError) in
    try TrainingLog.header(path: path)
  }
  guard let read = read({ () throws(RunError) in try header(path) }) else { return }
  do {
    try read.identity.configuration.validate()
    let written = "\(InputFile.folder)/log.jsonl"
    _ = try TrainingLog(path: written, header: read)
    let again = try header(written)
    require(again == read, "a header changed when it was written and read back")
    require(
      read.identity.differences(in: again.identity).isEmpty, "an identity differs from itself")
  } catch {
    fatalError("a header cannot be written and read again: \(error)")
  }
}

/// The folder that the lists describe; Scripts/fuzzing/make_seeds.py lists the same files.
private let folder: String = {
  let path = "\(InputFile.folder)/images"
  for folder in [path, "\(path)/a", "\(path)/b"] {
    precondition(mkdir(folder, 0o700) == 0, "\(folder) cannot be created")
  }
  for (index, name) in ["a/0", "a/1", "a/\u{e9} \"\\\n", "b/0", "b/1", "b/2"].enumerated() {
    let image = Array("P6 1 1 255\n".utf8) + [UInt8](repeating: UInt8(index), count: 3)
    _ = InputFile.path(holding: image, named: "images/\(name).ppm")
  }
  return path
}()

private let reader = TrainingImageReader()

/// A list that is accepted describes the folder, and reads back as it was written.
private func checkImages(_ bytes: [UInt8]) {
  do {
    let images = try TrainingImages(
      folder: folder, resuming: InputFile.path(holding: bytes), reader: reader, threads: 1)
    require(images.images.count + images.failures.count == 6, "a file has disappeared")
    require(
      images.labels.names.indices.allSatisfy { index in
        images.training.contains { images.images[$0].classIndex == index }
      }, "a class has no images for training")
    let written = "\(InputFile.folder)/images.jsonl"
    try images.writeList(to: written)
    let again = try TrainingImages(folder: folder, resuming: written, reader: reader, threads: 1)
    require(again.list == images.list, "a list changed when it was written and read back")
  } catch let error as TrainingDataError {
    switch error {
    case .badList(_, let reason):
      require(
        reason.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }, "an error has control characters")
    // Names of files may contain anything.
    case .otherFolder, .noImages: break
    case .lost, .changed: fatalError("the error is of another input: \(error)")
    }
  } catch {
    fatalError("the error is of another input: \(error)")
  }
}
