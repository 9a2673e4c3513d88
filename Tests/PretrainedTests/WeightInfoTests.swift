import GraphIR
import Images
import ModelZoo
import Pretrained
import TestSupport
import Testing

struct WeightInfoTests {
  private let large: Model

  init() throws {
    large = try ModelCatalog.model(named: "mobilenetv3-large")
  }

  private func info(
    _ metadata: [String: String] = [:], path: String = "weights.pth"
  ) throws -> WeightInfo {
    try WeightInfo(path: path, metadata: metadata, model: large)
  }

  @Test(arguments: [
    ("some.pth", 232), ("dir/mobilenet_v3_large-8738ca79.pth", 256),
    ("mobilenet_v3_large-5c1a4163.safetensors", 232), ("mobilenet_v3_large-8738ca79x.pth", 232),
  ])
  func theFileNameSelectsThePublishedPreprocessing(path: String, resize: Int) throws {
    #expect(try info(path: path).preprocessing.resize == resize)
  }

  @Test func metadataTakesPrecedenceOverTheFileName() throws {
    var metadata = try info().preprocessing.metadata
    metadata["preprocessing.resize"] = "300"
    metadata["padding"] = "same"
    let read = try info(metadata, path: "mobilenet_v3_large-8738ca79.pth")
    #expect(read.preprocessing.resize == 300)
    #expect(read.padding == .same)
  }

  @Test func everythingSurvivesWriting() throws {
    var info = try info()
    info.labels = Labels(["a", "b,\"c\""])
    info.source = "somewhere"
    info.license = "MIT"
    info.padding = .same
    info.widthMultiplier = 0.75
    info.reducedTail = true
    let read = try self.info(info.metadata)
    #expect(read.metadata == info.metadata)
    #expect(read.labels == info.labels && read.source == "somewhere" && read.license == "MIT")
    #expect(read.padding == .same && read.widthMultiplier == 0.75 && read.reducedTail)
    #expect(read.preprocessing == info.preprocessing && read.epsilon == info.epsilon)
  }

  @Test(arguments: [
    ["padding": "none"], ["width_multiplier": "wide"], ["reduced_tail": "1"],
    ["width_multiplier": "-1"], ["preprocessing.resize": "256"], ["preprocessing.colour": "x"],
  ])
  func invalidMetadataIsRejected(metadata: [String: String]) throws {
    let error = #expect(throws: PretrainedError.self) { try info(metadata) }
    guard case .metadata("weights.pth", let reason) = try #require(error) else {
      Issue.record("\(metadata): \(String(describing: error))")
      return
    }
    #expect(!reason.isEmpty)
  }

  @Test func weightsOfAnotherModelAreRejected() {
    let error = PretrainedError.otherModel(
      path: "weights.pth", expected: "mobilenetv3-large", found: "mobilenetv3-small")
    #expect(throws: error) { try info(["model": "mobilenet_v3_small"]) }
  }

  @Test func impossibleConfigurationsAreRejected() throws {
    let model = try ModelCatalog.model(named: "effnet-lite0")
    #expect(throws: PretrainedError.self) {
      try WeightInfo(path: "w", metadata: ["width_multiplier": "0.5"], model: model)
    }
  }

  @Test func overridesReplaceOnlyTheirParts() throws {
    let original = try info()
    var changed = original
    var overrides = PreprocessingOverrides()
    try overrides.apply(to: &changed)
    #expect(changed.metadata == original.metadata)
    overrides.crop = 192
    overrides.padding = .same
    overrides.mean = SIMD3(0.1, 0.2, 0.3)
    try overrides.apply(to: &changed)
    #expect(changed.preprocessing.crop == 192)
    #expect(changed.preprocessing.resize == original.preprocessing.resize)
    #expect(changed.preprocessing.mean == SIMD3(0.1, 0.2, 0.3))
    #expect(changed.padding == .same && original.padding == .symmetric)
  }

  @Test(arguments: [0, -1, 8193])
  func impossibleSidesAreRejected(side: Int) throws {
    let preprocessing = try info().preprocessing
    for path in [\PreprocessingOverrides.resize, \PreprocessingOverrides.crop] {
      var overrides = PreprocessingOverrides()
      overrides[keyPath: path] = side
      #expect(throws: PretrainedError.self) { try overrides.applied(to: preprocessing) }
    }
  }

  @Test(arguments: [Float.nan, .infinity, 0, -1])
  func impossibleStdsAreRejected(value: Float) throws {
    var overrides = PreprocessingOverrides()
    overrides.std = SIMD3(1, value, 1)
    let preprocessing = try info().preprocessing
    #expect(throws: PretrainedError.self) { try overrides.applied(to: preprocessing) }
  }

  // MARK: - Scale of mean and std

  /// A mean or std for pixels from 0 to 255, and the corrected value.
  static let byteScales: [(mean: SIMD3<Float>?, std: SIMD3<Float>?, meant: [String])] = [
    (SIMD3(repeating: 127), nil, ["mean 0.498,0.498,0.498"]),
    (SIMD3(123.675, 116.28, 103.53), nil, ["mean 0.485,0.456,0.406"]),
    (nil, SIMD3(58.395, 57.12, 57.375), ["std 0.229,0.224,0.225"]),
    (
      SIMD3(repeating: 127), SIMD3(repeating: 128),
      ["mean 0.498,0.498,0.498", "std 0.502,0.502,0.502"]
    ),
    (SIMD3(repeating: 300), nil, []), (SIMD3(-1, 0, 0), nil, []), (nil, SIMD3(1, 1, 2000), []),
  ]

  @Test(arguments: byteScales.indices)
  func byteScalesAreRejectedAsOptions(index: Int) throws {
    let (mean, std, meant) = Self.byteScales[index]
    var overrides = PreprocessingOverrides()
    (overrides.mean, overrides.std) = (mean, std)
    let preprocessing = try info().preprocessing
    let error = #expect(throws: PretrainedError.self) {
      try overrides.applied(to: preprocessing)
    }
    guard case .preprocessing(let reason) = try #require(error) else {
      Issue.record("\(String(describing: error))")
      return
    }
    for text in meant { #expect(reason.contains(text), "\(reason)") }
    #expect(reason.contains("divided by 255") == !meant.isEmpty, "\(reason)")
  }

  @Test(arguments: byteScales.indices)
  func byteScalesAreRejectedInMetadata(index: Int) throws {
    let (mean, std, _) = Self.byteScales[index]
    var metadata = try info().preprocessing.metadata
    for (key, value) in [("mean", mean), ("std", std)] {
      guard let value else { continue }
      metadata["preprocessing.\(key)"] = "\(value.x),\(value.y),\(value.z)"
    }
    let error = #expect(throws: PretrainedError.self) { try info(metadata) }
    guard case .metadata("weights.pth", _) = try #require(error) else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func byteScalesAreRejectedInAConfiguration() throws {
    let folder = try TemporaryFolder()
    let config = try folder.file(
      "config.json",
      """
      {"architecture": "mobilenetv3_large_100", "pretrained_cfg": {"input_size": [3, 224, 224],
       "mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]}}
      """.utf8)
    let error = #expect(throws: PretrainedError.self) {
      try WeightInfo(
        path: "\(folder.path)/model.safetensors", metadata: [:], model: large, naming: .timm)
    }
    guard case .metadata(config, let reason) = try #require(error) else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(reason.contains("mean 0.485,0.456,0.406") && reason.contains("std 0.229,0.224,0.225"))
  }

  /// All published values are accepted, and so are the limits of the scale.
  @Test func usualScalesAreAccepted() throws {
    for set in ModelCatalog.models.flatMap(\.published) {
      let none = PreprocessingOverrides()
      #expect(try none.applied(to: set.preprocessing) == set.preprocessing, "\(set.name)")
    }
    var overrides = PreprocessingOverrides()
    (overrides.mean, overrides.std) = (SIMD3(0, 1, 0), SIMD3(1, 0.001, 1 / 255))
    #expect(try overrides.applied(to: info().preprocessing).mean == SIMD3(0, 1, 0))
  }
}
