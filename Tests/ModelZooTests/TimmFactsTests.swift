import GraphIR
import ModelZoo
import TestSupport
import Testing

/// Names, shapes and costs, against timm's own (Scripts/goldens/record_timm.py).
struct TimmFactsTests {
  struct Fact: CustomTestStringConvertible {
    let network: String
    let size: Int
    let tensors: Int
    let fingerprint: String
    let parameters: Int
    let macs: Int

    init?(_ row: [String]) {
      guard row.count == 6, let size = Int(row[1]), let tensors = Int(row[2]),
        let parameters = Int(row[4]), let macs = Int(row[5])
      else { return nil }
      network = row[0]
      self.size = size
      self.tensors = tensors
      fingerprint = row[3]
      self.parameters = parameters
      self.macs = macs
    }

    var testDescription: String { network }
  }

  static let facts = GoldenTable.rows("timm.tsv", as: Fact.init)

  @Test func everyTimmImplementationIsRecorded() {
    let builds = ModelCatalog.models.flatMap(\.implementations).filter { $0.naming == .timm }
    #expect(Set(builds.map(\.name)) == Set(Self.facts.map(\.network)))
    // As many as timm.list_models() has in these families.
    #expect(Self.facts.count == 39)
  }

  @Test(arguments: facts)
  func networkMatchesTimm(_ fact: Fact) throws {
    let model = try ModelCatalog.model(named: fact.network)
    #expect(model.implementations[0].name == fact.network)
    #expect(model.evaluationSize == fact.size)
    let graph = try model.graph()
    #expect(graph.parameterCount == fact.parameters)
    #expect(graph.macs == fact.macs)
    #expect(graph.parameters.count == fact.tensors)
    let names = model.fileNames(of: graph, in: .timm)
    let lines = graph.parameters.map { parameter in
      let name = names[parameter.name] ?? "nothing for \(parameter.name)"
      // MobileNetV3's hidden layer is a 1×1 convolution there.
      let isConvolution = name == "conv_head.weight" && parameter.shape.count == 2
      let shape = parameter.shape + (isConvolution ? [1, 1] : [])
      return "\(name) \(shape.map(String.init).joined(separator: "x"))\n"
    }
    #expect(fingerprint(lines.sorted().joined()) == fact.fingerprint)
  }

  @Test(arguments: [
    ("tf_efficientnetv2_b0", "features.0.0.weight", "conv_stem.weight"),
    ("tf_efficientnetv2_b0", "features.1.0.block.0.1.bias", "blocks.0.0.bn1.bias"),
    ("tf_efficientnetv2_b0", "features.2.1.block.1.0.weight", "blocks.1.1.conv_pwl.weight"),
    ("tf_efficientnetv2_b0", "features.4.0.block.2.fc1.bias", "blocks.3.0.se.conv_reduce.bias"),
    ("tf_efficientnetv2_b0", "features.7.1.running_var", "bn2.running_var"),
    ("mobilenetv3_small_100", "features.1.block.0.0.weight", "blocks.0.0.conv_dw.weight"),
    ("mobilenetv3_small_100", "features.7.block.3.1.weight", "blocks.3.0.bn3.weight"),
    ("mobilenetv3_small_100", "features.12.0.weight", "blocks.5.0.conv.weight"),
    ("mobilenetv3_small_100", "classifier.0.bias", "conv_head.bias"),
    ("mobilenetv3_small_100", "classifier.3.bias", "classifier.bias"),
    ("efficientnet_lite0", "features.8.0.weight", "conv_head.weight"),
    (
      "gc_efficientnetv2_rw_t", "features.4.0.block.2.conv_attn.bias",
      "blocks.3.0.se.conv_attn.bias"
    ),
    (
      "gc_efficientnetv2_rw_t", "features.4.0.block.2.norm.weight",
      "blocks.3.0.se.mlp_scale.norm.weight"
    ),
    ("efficientnetv2_rw_s", "features.1.1.block.1.1.weight", "blocks.0.1.bn2.weight"),
    ("mobilenetv3_large_150d", "features.23.0.weight", "blocks.6.1.conv.weight"),
  ])
  func namesByExample(_ network: String, _ name: String, _ inFile: String) throws {
    let model = try ModelCatalog.model(named: network)
    #expect(try model.fileNames(of: model.graph(), in: .timm)[name] == inFile)
  }

  /// A name with a tag selects implementation and weights; without a tag, the default weights.
  @Test(arguments: [
    ("tf_efficientnetv2_s", "tf_efficientnetv2_s.in21k_ft_in1k", Padding.same, 1e-3),
    ("tf_efficientnetv2_s.in1k", "tf_efficientnetv2_s.in1k", .same, 1e-3),
    ("TF-EfficientNetV2-S.in21k", "tf_efficientnetv2_s.in21k", .same, 1e-3),
    ("mobilenetv3_large_100", "mobilenetv3_large_100.ra_in1k", .symmetric, 1e-5),
    ("mobilenet_v3_large", "mobilenet_v3_large.IMAGENET1K_V2", .symmetric, 1e-3),
    ("mobilenet_v3_large.IMAGENET1K_V1", "mobilenet_v3_large.IMAGENET1K_V1", .symmetric, 1e-3),
    ("effnetv2-s", "efficientnet_v2_s.IMAGENET1K_V1", .symmetric, 1e-3),
    ("efficientnet_lite0", "efficientnet_lite0.ra_in1k", .symmetric, 1e-5),
  ])
  func theNameChoosesTheWeights(
    _ name: String, _ weights: String, _ padding: Padding, _ epsilon: Double
  ) throws {
    let model = try ModelCatalog.model(named: name)
    #expect(model.published.first?.name == weights)
    #expect(model.defaultConfiguration.padding == padding)
    #expect(model.defaultConfiguration.epsilon == epsilon)
    let usual = try ModelCatalog.model(named: model.name)
    #expect(Set(model.published) == Set(usual.published))
    #expect(Set(model.implementations) == Set(usual.implementations))
  }

  @Test(arguments: ["tf_efficientnetv2_s.in2k", "tf_efficientnetv2_s.", "efficientnetv2_b9"])
  func unknownTagsAreRejected(_ name: String) {
    #expect(throws: ModelError.self) { try ModelCatalog.model(named: name) }
  }
}
