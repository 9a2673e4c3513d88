/// What two measurements must have in common to be compared.
package struct BenchKey: Hashable, Sendable {
  package let model: String
  /// Height, width and channels.
  package let input: [Int]
  /// Work of one image: tells apart forms of a network that have one name.
  package let macs: Int
  package let backend: String
  package let threads: Int
  package let batch: Int

  package init(
    model: String, input: [Int], macs: Int, backend: String, threads: Int, batch: Int
  ) {
    self.model = model
    self.input = input
    self.macs = macs
    self.backend = backend
    self.threads = threads
    self.batch = batch
  }
}

extension BenchKey {
  /// Whether two networks were measured in the same rounds.
  func sharesSetting(with other: BenchKey) -> Bool {
    threads == other.threads && batch == other.batch
  }

  var json: JSON.Object {
    [
      "model": .string(model), "threads": .integer(threads), "batch": .integer(batch),
      "backend": .string(backend), "input_shape": .array(input.map(JSON.integer)),
      "macs": .integer(macs),
    ]
  }
}

extension BenchKey: CustomStringConvertible {
  /// As `effnetv2-s 384x384x3 simd, 2 threads, batch 8`; names in files may be of any length.
  package var description: String {
    let shape = input.map { "\($0)" }.joined(separator: "x")
    return "\(model.prefix(60)) \(shape) \(backend.prefix(20)), \(threadsAndBatch)"
  }

  /// As `2 threads, batch 8`.
  var threadsAndBatch: String { "\(threads) thread\(threads == 1 ? "" : "s"), batch \(batch)" }
}
