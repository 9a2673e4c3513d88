import GraphIR
import Inference
import TestSupport

extension TinyNetwork {
  /// The recorded parameters.
  func parameters(for graph: Graph) throws -> FileParameters {
    try FileParameters(file: try Goldens.file(rawValue), graph: graph, names: [:])
  }
}
