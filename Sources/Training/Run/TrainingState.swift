import Host
import Weights

/// A saved moment of a training run, between two updates.
///
/// A safetensors file with every buffer of the parameter store except the gradients, which an update
/// leaves empty: `values.NAME`, `average.NAME` and `state.0.NAME` … in the shape of the parameter
/// NAME. The metadata is the progress and the log's length. The last tensor is a checksum of all
/// others and of the metadata.
package struct TrainingState {
  /// Counts the states of a run; the highest is the newest.
  package let number: Int
  /// How far the run had come.
  package let progress: TrainingProgress
  /// The log when the state was saved.
  package let log: LogPosition

  private let file: WeightFile
  private let sum: UInt64
}

/// Writing.
extension TrainingState {
  private static let checksumName = "checksum"
  private static let format = "cnnzoo training state 1"

  /// Writes a state, replacing any existing file; only one tensor at a time is copied.
  ///
  /// - Parameters:
  ///   - log: The log, which must be durable.
  ///   - observer: Called after each change to a file.
  /// - Throws: `RunError.cannotSave`, `.damaged` if two parameters share a name.
  package static func write(
    _ store: ParameterStore, _ progress: TrainingProgress, number: Int, log: LogPosition,
    to path: String, observer: FileObserver? = nil
  ) throws(RunError) {
    var metadata = progress.metadata
    metadata["format"] = format
    metadata["number"] = "\(number)"
    metadata["log.bytes"] = "\(log.bytes)"
    metadata["log.checksum"] = log.checksum
    let sum = RunningSum(metadata)
    var writer = SafetensorsWriter(metadata: metadata)
    for (name, shape, floats) in tensors(of: store) {
      writer.append(name: name, elementType: .f32, shape: shape) {
        (buffer) throws(WeightsError) in
        buffer.copyMemory(from: UnsafeRawBufferPointer(floats))
        sum.add(name, shape, UnsafeRawBufferPointer(buffer))
      }
    }
    // Written last, when the sum covers all others.
    writer.append(name: checksumName, elementType: .u64, shape: [1]) {
      (buffer) throws(WeightsError) in
      buffer.storeBytes(of: sum.value.littleEndian, as: UInt64.self)
    }
    do {
      try writer.write(to: path, observer: observer)
    } catch let error as FileError {
      throw .cannotSave(error)
    } catch {
      throw .damaged(path: path, reason: "\(error)")
    }
  }

  /// The name, shape and elements of each tensor, in the order of the file.
  private static func tensors(
    of store: ParameterStore
  ) -> [(name: String, shape: [Int], floats: UnsafeMutableBufferPointer<Float>)] {
    let states = store.states.enumerated().map { ("state.\($0.offset)", $0.element) }
    let buffers = [("values", store.values), ("average", store.average)] + states
    return buffers.flatMap { prefix, buffer in
      store.entries.map { entry in
        let parameter = entry.parameter
        return ("\(prefix).\(parameter.name)", parameter.shape, store.floats(entry, of: buffer))
      }
    }
  }

  /// The checksum of a file while it is written or read.
  private final class RunningSum {
    private var sum = Checksum()

    init(_ metadata: [String: String]) {
      let sorted = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      for (key, value) in sorted {
        sum.add(key)
        sum.add(value)
      }
    }

    func add(_ name: String, _ shape: [Int], _ bytes: UnsafeRawBufferPointer) {
      sum.add(name)
      sum.add("\(shape)")
      sum.add(bytes)
    }

    var value: UInt64 { sum.value }
  }
}

/// Reading.
extension TrainingState {
  /// Opens a state and checks everything but the elements: the names, shapes and types of all tensors
  /// against `store`, and all numbers against `limits`.
  ///
  /// - Throws: `RunError.file` if the file cannot be opened, `.damaged` with what is wrong.
  package init(
    path: String, for store: ParameterStore, limits: TrainingProgress.Limits
  ) throws(RunError) {
    let file = try RunError.reading { () throws(WeightsError) in try WeightFile(path: path) }
    func damaged(_ reason: String) -> RunError { .damaged(path: path, reason: reason) }
    var metadata = file.metadata
    do throws(TrainingProgress.Fault) {
      let format = try metadata.text("format")
      guard format == Self.format else {
        throw TrainingProgress.Fault(reason: "the format is \(format), expected \(Self.format)")
      }
      number = try metadata.integer("number", 0...(.max - 1))
      progress = try TrainingProgress(&metadata, limits: limits)
      log = LogPosition(
        bytes: try metadata.integer("log.bytes", 1 ... .max),
        checksum: try metadata.text("log.checksum"))
    } catch {
      throw damaged(error.reason)
    }
    if let key = metadata.keys.min() { throw damaged("\(key) is unknown") }

    var missing: [String] = []
    let expected = Self.tensors(of: store)
    for (name, shape, _) in expected {
      guard let tensor = file[name] else {
        missing.append("\(name) is missing")
        continue
      }
      guard tensor.shape == shape, tensor.elementType == .f32 else {
        let found = "\(tensor.elementType.rawValue) \(tensor.shape)"
        throw damaged("\(name) is \(found), expected F32 \(shape)")
      }
    }
    if let first = missing.first {
      throw damaged(missing.count == 1 ? first : "\(first), as are \(missing.count - 1) more")
    }
    guard let checksum = file[Self.checksumName], checksum.elementType == .u64,
      checksum.shape == [1]
    else { throw damaged("the checksum is missing") }
    guard file.tensors.count == expected.count + 1 else {
      throw damaged(
        "\(file.tensors.count - expected.count - 1) tensors do not belong to the network")
    }
    sum = checksum.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
    self.file = file
  }

  /// Checks the checksum.
  ///
  /// - Throws: `RunError.damaged`.
  package func verify(for store: ParameterStore) throws(RunError) {
    try RunError.reading { () throws(WeightsError) in try file.verifyUnchanged() }
    let found = RunningSum(file.metadata)
    for (name, shape, _) in Self.tensors(of: store) {
      file[name]?.withUnsafeBytes { found.add(name, shape, $0) }
    }
    guard found.value == sum else {
      throw .damaged(path: file.path, reason: "its checksum does not match its contents")
    }
  }

  /// Copies all tensors to the store that the state was opened for.
  ///
  /// - Throws: `RunError.damaged` if the file changes meanwhile; the store is then useless.
  package func copy(to store: ParameterStore) throws(RunError) {
    try RunError.reading { () throws(WeightsError) in
      try file.verifyUnchanged()
      for (name, _, floats) in Self.tensors(of: store) {
        guard let tensor = file[name] else { continue }
        try tensor.copyFloats(into: floats)
        file.discardPages(of: tensor)
      }
      try file.verifyUnchanged()
    }
  }
}

extension RunError {
  /// The result of `body`, with errors of weight files as those of a run.
  static func reading<Result>(
    _ body: () throws(WeightsError) -> Result
  ) throws(RunError) -> Result {
    do {
      return try body()
    } catch {
      switch error {
      case .unreadable(let path, let reason):
        throw .file(.cannotRead(path: path, reason: reason))
      case .malformed(let path, let reason), .unsupported(let path, let reason),
        .refused(let path, let reason), .needsExport(let path, let reason, _),
        .unrepresentable(let path, _, let reason):
        throw .damaged(path: path, reason: reason)
      case .changed(let path):
        throw .damaged(path: path, reason: "it changed while being read")
      }
    }
  }
}
