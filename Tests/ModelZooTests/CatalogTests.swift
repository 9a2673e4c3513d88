import GraphIR
import ModelZoo
import Testing

struct CatalogTests {
  @Test func modelNamesAreUnique() {
    #expect(ModelCatalog.models.count == 26)
    let names = ModelCatalog.models.flatMap { model in
      [model.name] + model.aliases + model.published.map(\.name)
    }.map { $0.lowercased().replacing("_", with: "-") }
    #expect(Set(names).count == names.count)
  }

  @Test(arguments: [
    ("efficientnet_v2_s", "effnetv2-s"), ("efficientnetv2_m", "effnetv2-m"),
    ("tf_efficientnetv2_l", "effnetv2-l"),
    ("EfficientNet-V2-M", "effnetv2-m"), ("mobilenet_v3_large", "mobilenetv3-large"),
    ("MOBILENETV3_SMALL", "mobilenetv3-small"), ("mobilenetv3_small_100", "mobilenetv3-small"),
    ("efficientnet-lite3", "effnet-lite3"), ("tf_efficientnet_lite0", "effnet-lite0"),
  ])
  func aliases(_ alias: String, _ name: String) throws {
    #expect(try ModelCatalog.model(named: alias).name == name)
  }

  @Test(arguments: [
    ("effnetv2-x", "effnetv2-s"), ("mobilenetv3-smal", "mobilenetv3-small"),
    ("mobilenet_v3_larg", "mobilenetv3-large"), ("lite2", "effnet-lite2"),
  ])
  func unknownNameSuggestsTheNearest(_ name: String, _ nearest: String) {
    do {
      _ = try ModelCatalog.model(named: name)
      Issue.record("\(name) names a model")
    } catch .unknown(let found, let suggestions) {
      #expect(found == name)
      #expect(suggestions.contains(nearest), "\(suggestions)")
      #expect(suggestions.count <= 3)
    } catch {
      Issue.record("\(error)")
    }
  }

  @Test(arguments: ["", "resnet50", String(repeating: "a", count: 100_000)])
  func unrelatedNameHasNoSuggestions(_ name: String) {
    #expect(throws: ModelError.unknown(name: name, suggestions: [])) {
      try ModelCatalog.model(named: name)
    }
  }

  @Test func messageListsTheModels() {
    let text = String(describing: ModelError.unknown(name: "x", suggestions: ["effnetv2-s"]))
    #expect(text.contains("Did you mean effnetv2-s?"))
    for model in ModelCatalog.models { #expect(text.contains(model.name)) }
  }

  @Test(arguments: ModelCatalog.models.map(\.name))
  func defaults(_ name: String) throws {
    let model = try ModelCatalog.model(named: name)
    let graph = try model.graph()
    #expect(graph.name == name)
    #expect(graph.classCount == 1000)
    #expect(graph.inputShape.height == model.evaluationSize)
    #expect(model.defaultConfiguration.padding == model.published.first?.padding)
    if name != "effnet-lite3" && name != "effnet-lite4" {
      // timm, the only publisher of these two, evaluates them at larger sizes than their authors
      // do.
      #expect(model.published.first?.preprocessing.crop == model.evaluationSize)
    }
    let build = try #require(model.published.first?.implementation)
    #expect(build == model.implementations.first)
    #expect(model.defaultConfiguration.padding == build.padding)
    #expect(model.defaultConfiguration.epsilon == build.epsilon)
  }

  /// Each makes one field of a valid configuration impossible.
  @Test(arguments: [
    ("effnetv2-s", "a width multiplier"), ("effnet-lite0", "a reduced tail"),
    ("mobilenetv3-small", "a width multiplier of 0.01"),
    ("mobilenetv3-small", "a width multiplier of nan"),
    ("mobilenetv3-large", "an input of 0x224"), ("effnetv2-l", "an input of 224x8193"),
    ("effnetv2-m", "0 classes"), ("effnetv2-m", "1000001 classes"),
    ("effnetv2-m", "8 Fused-MBConv stages; the number must be from 0 to 7"),
    ("effnetv2-s", "-1 Fused-MBConv stages; the number must be from 0 to 6"),
    ("effnet-lite0", "Fused-MBConv stages; only EfficientNetV2 has them"),
  ])
  func impossibleConfiguration(_ name: String, _ reason: String) throws {
    let model = try ModelCatalog.model(named: name)
    var configuration = model.defaultConfiguration
    switch reason {
    case "a width multiplier": configuration.widthMultiplier = 0.75
    case "a reduced tail": configuration.reducedTail = true
    case "a width multiplier of 0.01": configuration.widthMultiplier = 0.01
    case "a width multiplier of nan": configuration.widthMultiplier = .nan
    case "an input of 0x224": configuration.inputHeight = 0
    case "an input of 224x8193":
      configuration.inputHeight = 224
      configuration.inputWidth = 8193
    case "0 classes": configuration.classes = 0
    case _ where reason.contains("Fused"):
      configuration.fusedStages = Int(reason.prefix { $0 != " " }) ?? 1
    default: configuration.classes = 1_000_001
    }
    do {
      _ = try model.graph(configuration)
      Issue.record("\(name) was built with \(reason)")
    } catch .unsupported(let model, let text) {
      #expect(model == name)
      #expect(text.contains(reason), "\(text)")
    } catch {
      Issue.record("\(error)")
    }
  }

  /// Other kinds of blocks, but the same channels and resolutions; the published number changes
  /// nothing.
  @Test(arguments: [0, 2, 3, 6])
  func fusedStages(_ count: Int) throws {
    let model = try ModelCatalog.model(named: "effnetv2-s")
    var configuration = model.defaultConfiguration
    let published = try model.graph(configuration)
    configuration.fusedStages = count
    let graph = try model.graph(configuration)
    func outputs(_ graph: Graph) -> [TensorShape] {
      graph.nodes.filter { node in
        guard let block = node.block else { return false }
        let next = node.id + 1 < graph.nodes.count ? graph.nodes[node.id + 1].block : nil
        return next != block
      }.map(\.shape)
    }
    #expect(outputs(graph) == outputs(published))
    for block in graph.nodes.compactMap(\.block) {
      let isFused = block.kind == .fused || block.kind == .single
      #expect(isFused == (block.stage < count))
    }
    #expect((graph.parameterCount == published.parameterCount) == (count == 3))
    #expect((graph.macs == published.macs) == (count == 3))
  }

  @Test func nonSquareInput() throws {
    let model = try ModelCatalog.model(named: "mobilenetv3-small")
    var configuration = model.defaultConfiguration
    configuration.inputHeight = 161
    configuration.inputWidth = 33
    let graph = try model.graph(configuration)
    let stem = try #require(graph.nodes.first { $0.name == "features.0.0" })
    #expect(stem.shape == TensorShape(height: 81, width: 17, channels: 16))
  }
}
