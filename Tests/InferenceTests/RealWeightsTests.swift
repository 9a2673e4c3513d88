import Inference
import ModelZoo
import Testing
import TestSupport
import Weights

/// Logits of real networks on real photos, against PyTorch's.
@Suite(.enabled(if: RealData.haveShared, "\(RealData.needsShared)"))
struct RealWeightsTests {
  @Test(
    arguments: [
      ("effnet-lite0", "effnet-lite0-imagenet"),
      ("mobilenetv3-small", "mobilenetv3-small-imagenet-same"),
    ], Backend.allCases)
  func logitsOfPreprocessedPhotos(
    _ name: (model: String, file: String), backend: Backend
  ) throws {
    let model = try ModelCatalog.model(named: name.model)
    var configuration = model.defaultConfiguration
    configuration.padding = .same
    let graph = try model.graph(configuration)
    let file = try WeightFile(path: "\(RealData.shared)/weights/\(name.file).safetensors")
    let parameters = try FileParameters(
      file: file, graph: graph,
      names: model.fileNames(of: graph, in: ParameterNaming.detect(in: file.names)))
    let session = try InferenceSession(
      graph: graph, parameters: parameters, options: .init(threads: 2, backend: backend))
    let golden = try WeightFile(path: "\(RealData.shared)/golden/\(name.file).io.safetensors")
    let photos = golden.names.filter { $0.hasSuffix(".input") }.map { $0.dropLast(6) }
    #expect(photos.count == 4)
    for photo in photos.reversed() {
      let input = try #require(golden["\(photo).input"]).floats()
      let expected = try #require(golden["\(photo).logits"]).floats()
      session.withInput(image: 0) { Layout.copy(planes: input, toPositions: $0) }
      try session.run()
      Tolerance.expectClose(session.logits(), expected, within: 1e-4, "\(photo)")
    }
  }
}
