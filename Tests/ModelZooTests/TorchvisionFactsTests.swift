import GraphIR
import ModelZoo
import Testing
import TestSupport

/// Names, shapes and costs, against torchvision's and timm's own.
struct TorchvisionFactsTests {
  @Test func everyFactIsRecorded() {
    #expect(Goldens.facts.count == 20)
    #expect(Set(Goldens.facts.map(\.model)).count == 5)
  }

  @Test(arguments: Goldens.facts)
  func networkMatchesTorchvision(_ fact: Goldens.Fact) throws {
    let model = try ModelCatalog.model(named: fact.model)
    var configuration = model.defaultConfiguration
    configuration.classes = fact.classes
    configuration.widthMultiplier = fact.width
    configuration.reducedTail = fact.reducedTail
    let graph = try model.graph(configuration)
    #expect(graph.classCount == fact.classes)
    #expect(graph.parameters.count == fact.tensors)
    #expect(graph.parameterCount == fact.parameters)
    #expect(graph.macs == fact.macs)
    let lines = graph.parameters.map { parameter in
      "\(parameter.name) \(parameter.shape.map(String.init).joined(separator: "x"))\n"
    }
    #expect(fingerprint(lines.sorted().joined()) == fact.fingerprint)
  }

  /// timm's `tf_efficientnet_lite0` … `lite4`; the names are the packages', see `ParameterNaming`.
  @Test(
    arguments: zip(
      ["effnet-lite0", "effnet-lite1", "effnet-lite2", "effnet-lite3", "effnet-lite4"],
      [4_652_008, 5_416_680, 6_092_072, 8_197_096, 13_006_568]))
  func liteParameterCounts(_ name: String, _ count: Int) throws {
    #expect(try ModelCatalog.model(named: name).graph().parameterCount == count)
  }

  /// Figures as published, in GMACs, at the evaluation size.
  @Test(
    arguments: [
      ("effnetv2-s", 8.366), ("effnetv2-m", 24.582), ("effnetv2-l", 56.08),
      ("mobilenetv3-large", 0.217), ("mobilenetv3-small", 0.057),
    ])
  func publishedCost(_ name: String, _ gigaMACs: Double) throws {
    let macs = Double(try ModelCatalog.model(named: name).graph().macs)
    #expect(abs(macs / 1e9 - gigaMACs) < 0.01 * gigaMACs)
  }

  @Test func namesInLiteFiles() throws {
    let model = try ModelCatalog.model(named: "effnet-lite0")
    let graph = try model.graph()
    let names = model.fileNames(of: graph, in: .litePackage)
    #expect(Set(names.values).count == graph.parameters.count)
    #expect(names["features.0.0.weight"] == "_conv_stem.weight")
    #expect(names["features.0.1.running_mean"] == "_bn0.running_mean")
    // The first block has no expansion.
    #expect(names["features.1.0.block.0.0.weight"] == "_blocks.0._depthwise_conv.weight")
    #expect(names["features.1.0.block.1.1.bias"] == "_blocks.0._bn2.bias")
    #expect(names["features.2.1.block.0.0.weight"] == "_blocks.2._expand_conv.weight")
    #expect(names["features.7.0.block.2.0.weight"] == "_blocks.15._project_conv.weight")
    #expect(names["features.8.0.weight"] == "_conv_head.weight")
    #expect(names["features.8.1.running_var"] == "_bn1.running_var")
    #expect(names["classifier.1.bias"] == "_fc.bias")
  }

  @Test func namingIsTakenFromTheFile() {
    #expect(ParameterNaming.detect(in: ["_bn0.bias", "_conv_stem.weight"]) == .litePackage)
    #expect(ParameterNaming.detect(in: ["bn1.bias", "conv_stem.weight"]) == .timm)
    #expect(ParameterNaming.detect(in: ["features.0.0.weight"]) == .torchvision)
    #expect(ParameterNaming.detect(in: [String]()) == .torchvision)
  }

  @Test func widthsMatchTorchvision() throws {
    let rows = GoldenTable.rows("divisible.tsv")
    #expect(rows.count > 200)
    for row in rows {
      let width = try #require(Double(row[0]))
      #expect(makeDivisible(width) == (try #require(Int(row[1]))), "\(width)")
    }
  }
}
