import Foundation
import GraphIR
import Inference
import ModelZoo
import Testing
import Weights

/// What a weight file must hold, and how one that does not is refused.
struct ParameterTests {
  private let graph = TinyNetwork.mobileNetV3.graph()

  /// Calls `body` with a file of the small network's tensors after `change`.
  private func withFile(
    change: (inout [(name: String, shape: [Int], values: [Float])]) -> Void,
    _ body: (WeightFile) throws -> Void
  ) throws {
    let golden = try Goldens.file(TinyNetwork.mobileNetV3.rawValue)
    var tensors = try golden.tensors.map {
      (name: $0.name, shape: $0.shape, values: try $0.floats())
    }
    change(&tensors)
    let path = FileManager.default.temporaryDirectory
      .appending(path: "cnnzoo-\(UUID().uuidString).safetensors").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    var writer = SafetensorsWriter()
    for tensor in tensors {
      writer.append(name: tensor.name, shape: tensor.shape, values: tensor.values)
    }
    try writer.write(to: path)
    try body(WeightFile(path: path))
  }

  @Test func mismatchListsEverything() throws {
    try withFile {
      $0.removeAll { $0.name == "classifier.0.bias" || $0.name == "features.0.0.weight" }
      $0.append((name: "fc.weight", shape: [2, 3], values: [Float](repeating: 0, count: 6)))
      $0.append((name: "features.0.1.num_batches_tracked", shape: [1], values: [3]))
      let last = $0.firstIndex { $0.name == "classifier.3.bias" } ?? 0
      $0[last].shape = [4]
      $0[last].values = [1, 2, 3, 4]
    } _: { file in
      do {
        _ = try FileParameters(file: file, graph: graph, names: [:])
        Issue.record("the file was accepted")
      } catch let error as ParameterMismatch {
        #expect(error.model == "tiny-mobilenetv3")
        #expect(Set(error.missing.map(\.name)) == ["classifier.0.bias", "features.0.0.weight"])
        #expect(error.superfluous.map(\.name) == ["fc.weight"])
        #expect(error.reshaped.map(\.name) == ["classifier.3.bias"])
        let text = error.description
        #expect(text.contains("4 tensors differ"))
        #expect(text.contains("features.0.0.weight: expected [8, 3, 3, 3], found nothing"))
        #expect(text.contains("fc.weight: expected nothing, found [2, 3]"))
        #expect(text.contains("classifier.3.bias: expected [5], found [4]"))
      }
    }
  }

  @Test func namesOfTheFileAreMapped() throws {
    try withFile {
      let index = $0.firstIndex { $0.name == "classifier.3.bias" } ?? 0
      $0[index].name = "head.b"
    } _: { file in
      _ = try FileParameters(file: file, graph: graph, names: ["classifier.3.bias": "head.b"])
    }
  }

  @Test(arguments: [
    ("features.0.0.weight", 5, Float.nan, "element 5 is nan"),
    ("features.1.block.0.0.weight", 71, .infinity, "element 71 is inf"),
    ("classifier.3.bias", 4, -.infinity, "element 4 is -inf"),
    ("features.0.1.running_var", 7, -0.5, "element 7, a variance, is -0.5"),
    ("features.0.1.running_var", 0, .nan, "element 0 is nan"),
  ])
  func badValuesAreRefused(_ name: String, _ element: Int, _ value: Float, _ reason: String) throws
  {
    try withFile {
      let index = $0.firstIndex { $0.name == name } ?? 0
      $0[index].values[element] = value
    } _: { file in
      let parameters = try FileParameters(file: file, graph: graph, names: [:])
      #expect(throws: InferenceError.badParameter(path: file.path, name: name, reason: reason)) {
        try InferenceSession(graph: graph, parameters: parameters, options: .init(threads: 1))
      }
    }
  }

  /// Finite weights whose product is not.
  @Test func overflowingLogitsAreRefused() throws {
    try withFile {
      for name in ["classifier.0.weight", "classifier.3.weight"] {
        let index = $0.firstIndex { $0.name == name } ?? 0
        $0[index].values = $0[index].values.map { $0 * 1e38 }
      }
    } _: { file in
      let session = try InferenceSession(
        graph: graph, parameters: FileParameters(file: file, graph: graph, names: [:]),
        options: .init(threads: 1, maximumBatch: 2))
      let image = TinyNetwork.mobileNetV3.image
      #expect(throws: InferenceError.nonFinite(image: 0)) {
        try session.logits(of: [image, image])
      }
    }
  }

  @Test(arguments: Backend.allCases)
  func notANumberInTheImageIsNoticed(_ backend: Backend) throws {
    for network in TinyNetwork.allCases {
      let graph = network.graph()
      let session = try InferenceSession(
        graph: graph, parameters: network.parameters(for: graph),
        options: .init(threads: 1, backend: backend, maximumBatch: 2))
      var broken = network.image
      broken[broken.count / 2] = .nan
      #expect(throws: InferenceError.nonFinite(image: 1), "\(network)") {
        try session.logits(of: [network.image, broken])
      }
    }
  }
}

/// Parameters that cost nothing to make.
struct Zeros: ParameterSource {
  func withValues<Result>(
    of parameter: Parameter, _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) throws -> Result {
    try [Float](repeating: 0, count: parameter.count).withUnsafeBufferPointer(body)
  }

  func release(_ parameter: Parameter) {}
}
