import GraphIR
import Host
import Inference

/// The parameters of a network in training: values, gradients, optimiser state and averages.
///
/// Each is one flat buffer with the same layout: an entry for every parameter of the graph, in its
/// order, in PyTorch's element order, at a multiple of 16 floats and followed by zeros up to the next.
package final class ParameterStore {
  /// Where a parameter is, and how it is trained.
  package struct Entry: Sendable {
    /// The parameter in the graph.
    package let parameter: Parameter
    /// Its node's identifier.
    package let node: Int
    /// Its first float.
    package let offset: Int
    /// Whether the optimiser changes it; false for batch norm's statistics and frozen layers.
    package var isTrainable: Bool
    /// Whether weight decay applies: not to biases and batch norm.
    package let decays: Bool
    /// Factor on the learning rate.
    package var rate: Float = 1

    /// Floats with padding.
    package var paddedCount: Int { (parameter.count + 15) & ~15 }
    /// Its floats, without padding.
    package var range: Range<Int> { offset..<offset + parameter.count }
  }

  /// All parameters, in the graph's order.
  package let entries: [Entry]
  /// Floats of each buffer.
  package let count: Int
  /// The current values.
  package let values: AlignedBuffer
  /// Gradients of the loss; a step adds to them.
  package let gradients: AlignedBuffer
  /// The optimiser's buffers.
  package let states: [AlignedBuffer]
  /// The exponential moving average of the values, including batch norm's statistics.
  package let average: AlignedBuffer
  private let indices: [Key: Int]

  private struct Key: Hashable {
    let node: Int
    let role: Parameter.Role
  }

  /// Reserves memory; all values are zero.
  ///
  /// - Parameters:
  ///   - states: The number of buffers that the optimiser needs.
  ///   - frozenStages: See `TrainingConfiguration.frozenStages`.
  ///   - layerDecay: See `TrainingConfiguration.layerDecay`.
  /// - Throws: `OutOfMemory`.
  package init(
    _ graph: Graph, states: Int, frozenStages: Int = 0, layerDecay: Double = 1
  ) throws(OutOfMemory) {
    let depths = LayerDepths(graph)
    var entries: [Entry] = []
    var indices: [Key: Int] = [:]
    var offset = 0
    for node in graph.nodes {
      let depth = depths[node]
      for parameter in node.parameters {
        indices[Key(node: node.id, role: parameter.role)] = entries.count
        var rate = 1.0
        for _ in depth..<depths.count { rate *= layerDecay }
        let entry = Entry(
          parameter: parameter, node: node.id, offset: offset,
          isTrainable: parameter.isTrainable && depth >= depths.firstTrained(frozen: frozenStages),
          decays: parameter.role == .weight && parameter.shape.count > 1, rate: Float(rate))
        offset += entry.paddedCount
        entries.append(entry)
      }
    }
    (self.entries, self.indices, count) = (entries, indices, offset)
    values = try AlignedBuffer(count: offset)
    gradients = try AlignedBuffer(count: offset)
    average = try AlignedBuffer(count: offset)
    var buffers: [AlignedBuffer] = []
    for _ in 0..<states { buffers.append(try AlignedBuffer(count: offset)) }
    self.states = buffers
  }

  /// The entry of a node's parameter.
  package func entry(_ node: Int, _ role: Parameter.Role) -> Entry? {
    indices[Key(node: node, role: role)].map { entries[$0] }
  }

  /// Copies values from `source` and starts the averages with them.
  ///
  /// - Throws: Errors of the source.
  package func load(_ source: any ParameterSource) throws {
    for entry in entries {
      try source.withValues(of: entry.parameter) { loaded in
        for buffer in [values, average] {
          guard let base = loaded.baseAddress else { continue }
          (buffer.base + entry.offset).update(from: base, count: entry.parameter.count)
        }
      }
      source.release(entry.parameter)
    }
  }

  /// The values or averages of an entry, in PyTorch's order.
  package func floats(_ entry: Entry, of buffer: AlignedBuffer) -> UnsafeMutableBufferPointer<Float>
  {
    UnsafeMutableBufferPointer(start: buffer.base + entry.offset, count: entry.parameter.count)
  }

  /// The first parameter with a value or an average that is NaN or infinite.
  package var firstNonFinite: Parameter? {
    entries.first { entry in
      [values, average].contains { buffer in
        // Finite values give zero; the others give NaN, which stays.
        floats(entry, of: buffer).reduce(0) { $0 + $1 * 0 } != 0
      }
    }?.parameter
  }

  /// Bytes of all buffers for a graph.
  package static func bytes(_ graph: Graph, states: Int) -> Int {
    let floats = graph.parameters.reduce(0) { $0 + (($1.count + 15) & ~15) }
    return floats * (3 + states) * MemoryLayout<Float>.stride
  }
}

/// The depth of each layer, counted in stages: the stem is 0, stage i is i + 1, the rest comes last.
struct LayerDepths {
  /// The depth of head and classifier.
  let count: Int

  init(_ graph: Graph) {
    count = (graph.nodes.compactMap(\.stage).max() ?? -1) + 2
  }

  subscript(node: Node) -> Int {
    if let stage = node.stage { return stage + 1 }
    return node.role == .stem || node.role == .input ? 0 : count
  }

  /// The first depth that is trained if the stem and the first `stages` stages are frozen; the head
  /// always is.
  func firstTrained(frozen stages: Int) -> Int { stages == 0 ? 0 : min(stages + 1, count) }
}
