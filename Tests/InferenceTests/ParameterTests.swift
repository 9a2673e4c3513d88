import Foundation
import GraphIR
import Inference
import ModelZoo
import TestSupport
import Testing
import Weights

/// The required contents of weight files, and how invalid files are rejected.
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

  /// The first in the order of the network, on however many threads its layers are packed.
  @Test(arguments: 1...3)
  func theFirstBadTensorIsNamed(threads: Int) throws {
    // The last of them are the largest, and are packed first.
    let bad = [
      "features.0.0.weight", "features.0.1.weight", "features.3.block.2.fc1.weight",
      "features.3.block.3.0.weight", "classifier.0.weight",
    ]
    for first in bad.indices {
      try withFile {
        for name in bad[first...] {
          let index = $0.firstIndex { $0.name == name } ?? 0
          #expect($0[index].name == name)
          $0[index].values[2] = .infinity
        }
      } _: { file in
        let parameters = try FileParameters(file: file, graph: graph, names: [:])
        #expect(
          throws: InferenceError.badParameter(
            path: file.path, name: bad[first], reason: "element 2 is inf")
        ) {
          try InferenceSession(
            graph: graph, parameters: parameters, options: .init(threads: threads))
        }
      }
    }
  }

  /// Every stored type, and the bits that mean no number in it.
  @Test(arguments: [
    (ElementType.f16, [0x00, 0x7c], "inf"), (.f16, [0x00, 0x7e], "nan"),
    (.bf16, [0x80, 0xff], "-inf"), (.bf16, [0xc0, 0x7f], "nan"),
    (.f64, [0, 0, 0, 0, 0, 0, 0xf0, 0x7f], "inf"),
    // Finite, but above the largest float.
    (.f64, [0, 0, 0, 0, 0, 0, 0xe0, 0x7f], "inf"),
  ])
  func badValuesOfEveryType(_ type: ElementType, _ bits: [UInt8], _ value: String) throws {
    let name = "features.0.1.bias"
    let golden = try Goldens.file(TinyNetwork.mobileNetV3.rawValue)
    let path = FileManager.default.temporaryDirectory
      .appending(path: "cnnzoo-\(UUID().uuidString).safetensors").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    var writer = SafetensorsWriter()
    for tensor in golden.tensors {
      guard tensor.name == name else {
        writer.append(tensor)
        continue
      }
      writer.append(name: name, elementType: type, shape: tensor.shape) { target in
        target.dropFirst(3 * bits.count).prefix(bits.count).copyBytes(from: bits)
      }
    }
    try writer.write(to: path)
    let parameters = try FileParameters(file: WeightFile(path: path), graph: graph, names: [:])
    #expect(
      throws: InferenceError.badParameter(
        path: path, name: name, reason: "element 3 is \(value)")
    ) {
      try InferenceSession(graph: graph, parameters: parameters, options: .init(threads: 2))
    }
  }

  /// Finite tensors that cannot be folded, and the sentence that says why.
  @Test(arguments: [
    (
      ["features.0.1.weight": Float(3e38), "features.0.0.weight": 1e3], "features.0.1.weight",
      "element 0, 3e+38, over the root of the variance"
    ),
    (
      ["features.0.1.weight": 1e38, "features.0.1.running_var": 1e-12], "features.0.1.weight",
      "is too large a factor for features.0.0.weight"
    ),
    (
      ["features.0.1.weight": 1e30, "features.0.1.running_mean": 1e30], "features.0.1.weight",
      "element 0, 1e+30, over the root of the variance"
    ),
    (
      ["features.0.1.weight": -3e38, "features.0.1.running_var": 1e-12], "features.0.1.weight",
      "element 0, -3e+38"
    ),
  ])
  func foldingThatOverflows(_ values: [String: Float], _ name: String, _ reason: String) throws {
    try withFile {
      for (name, value) in values {
        let index = $0.firstIndex { $0.name == name } ?? 0
        $0[index].values = $0[index].values.map { _ in value }
      }
    } _: { file in
      let parameters = try FileParameters(file: file, graph: graph, names: [:])
      let error = #expect(throws: InferenceError.self) {
        try InferenceSession(graph: graph, parameters: parameters, options: .init(threads: 2))
      }
      guard case .badParameter(file.path, name, let found) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(found.contains(reason), "\(found)")
    }
  }

  /// Without epsilon, a variance of zero would cause a division by zero.
  @Test func zeroVarianceNeedsEpsilon() throws {
    let graph = TinyNetwork.mobileNetV3.graph(epsilon: 0)
    try withFile {
      let index = $0.firstIndex { $0.name == "features.0.1.running_var" } ?? 0
      $0[index].values[6] = 0
    } _: { file in
      let parameters = try FileParameters(file: file, graph: graph, names: [:])
      #expect(
        throws: InferenceError.badParameter(
          path: file.path, name: "features.0.1.running_var",
          reason: "element 6, a variance, is 0.0, and epsilon 0.0: their sum must be above 0")
      ) {
        try InferenceSession(graph: graph, parameters: parameters, options: .init(threads: 1))
      }
    }
  }

  /// Finite weights under which values overflow inside the network: the layer is named, for any
  /// threads and any place in the batch, and the images beside it are answered.
  @Test(arguments: 1...3, Backend.allCases)
  func theFirstLayerThatOverflowsIsNamed(threads: Int, backend: Backend) throws {
    // The expansion overflows; the kernels compute it and the depthwise convolution in one step.
    let name = backend == .blas ? "features.2.block.0.2" : "features.2.block.1.2"
    try withFile {
      for name in ["features.1.block.0.1.weight", "features.2.block.0.1.weight"] {
        let index = $0.firstIndex { $0.name == name } ?? 0
        $0[index].values = $0[index].values.map { $0 * 1e30 }
      }
    } _: { file in
      let session = try InferenceSession(
        graph: graph, parameters: FileParameters(file: file, graph: graph, names: [:]),
        options: .init(threads: threads, backend: backend, maximumBatch: 3))
      let image = TinyNetwork.mobileNetV3.image
      let error = #expect(throws: InferenceError.self) {
        try session.logits(of: [image, image, image])
      }
      #expect(error == .nonFinite(image: 0, layer: name))
      #expect(session.firstNonFiniteLayer(image: 2) == name)
      #expect(session.firstNonFiniteLayer(image: 1) == name)
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
      #expect(throws: InferenceError.nonFinite(image: 0, layer: "classifier.3")) {
        try session.logits(of: [image, image])
      }
    }
  }

  @Test(arguments: Backend.allCases)
  func nanInTheImageIsDetected(_ backend: Backend) throws {
    for network in TinyNetwork.allCases {
      let graph = network.graph()
      let session = try InferenceSession(
        graph: graph, parameters: network.parameters(for: graph),
        options: .init(threads: 1, backend: backend, maximumBatch: 2))
      var broken = network.image
      broken[broken.count / 2] = .nan
      #expect(throws: InferenceError.nonFinite(image: 1, layer: "input"), "\(network)") {
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
