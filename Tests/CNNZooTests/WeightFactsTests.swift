import CNNZoo
import Testing

struct WeightFactsTests {
  private let large: Model

  init() throws {
    large = try ModelCatalog.model(named: "mobilenetv3-large")
  }

  private func facts(
    _ metadata: [String: String] = [:], path: String = "weights.pth"
  ) throws -> WeightFacts {
    try WeightFacts(path: path, metadata: metadata, model: large)
  }

  @Test(arguments: [
    ("some.pth", 232), ("dir/mobilenet_v3_large-8738ca79.pth", 256),
    ("mobilenet_v3_large-5c1a4163.safetensors", 232), ("mobilenet_v3_large-8738ca79x.pth", 232),
  ])
  func theFileNameTellsThePublishedRecipe(path: String, resize: Int) throws {
    #expect(try facts(path: path).recipe.preprocessing.resize == resize)
  }

  @Test func metadataGoBeforeTheFileName() throws {
    var metadata = try facts().recipe.preprocessing.metadata
    metadata["preprocessing.resize"] = "300"
    metadata["padding"] = "same"
    let read = try facts(metadata, path: "mobilenet_v3_large-8738ca79.pth")
    #expect(read.recipe.preprocessing.resize == 300)
    #expect(read.recipe.padding == .same)
  }

  @Test func allFactsSurviveWriting() throws {
    var facts = try facts()
    facts.labels = Labels(["a", "b,\"c\""])
    facts.source = "somewhere"
    facts.license = "MIT"
    facts.recipe.padding = .same
    facts.widthMultiplier = 0.75
    facts.reducedTail = true
    #expect(try self.facts(facts.metadata(for: large)) == facts)
  }

  @Test(arguments: [
    ["padding": "none"], ["width_multiplier": "wide"], ["reduced_tail": "1"],
    ["width_multiplier": "-1"], ["preprocessing.resize": "256"], ["preprocessing.colour": "x"],
  ])
  func damagedMetadataAreTold(metadata: [String: String]) throws {
    let error = #expect(throws: ClassifierError.self) { try facts(metadata) }
    guard case .metadata("weights.pth", let reason) = try #require(error) else {
      Issue.record("\(metadata): \(String(describing: error))")
      return
    }
    #expect(!reason.isEmpty)
  }

  @Test func anotherModelsWeightsAreRefused() {
    let error = ClassifierError.otherModel(
      path: "weights.pth", expected: "mobilenetv3-large", found: "mobilenetv3-small")
    #expect(throws: error) { try facts(["model": "mobilenet_v3_small"]) }
  }

  @Test func aFormThatTheModelHasNotIsRefused() throws {
    let model = try ModelCatalog.model(named: "effnet-lite0")
    #expect(throws: ClassifierError.self) {
      try WeightFacts(path: "w", metadata: ["width_multiplier": "0.5"], model: model)
    }
  }

  @Test func overridesReplaceTheirPartsAlone() throws {
    let recipe = try facts().recipe
    var overrides = RecipeOverrides()
    #expect(try overrides.applied(to: recipe) == recipe)
    overrides.crop = 192
    overrides.padding = .same
    overrides.mean = SIMD3(0.1, 0.2, 0.3)
    let changed = try overrides.applied(to: recipe)
    #expect(changed.preprocessing.crop == 192)
    #expect(changed.preprocessing.resize == recipe.preprocessing.resize)
    #expect(changed.preprocessing.mean == SIMD3(0.1, 0.2, 0.3))
    #expect(changed.padding == .same)
  }

  @Test(arguments: [0, -1, 8193])
  func impossibleSidesAreRefused(side: Int) throws {
    let recipe = try facts().recipe
    for path in [\RecipeOverrides.resize, \RecipeOverrides.crop] {
      var overrides = RecipeOverrides()
      overrides[keyPath: path] = side
      #expect(throws: ClassifierError.self) { try overrides.applied(to: recipe) }
    }
  }

  @Test(arguments: [Float.nan, .infinity, 0, -1])
  func impossibleDeviationsAreRefused(value: Float) throws {
    var overrides = RecipeOverrides()
    overrides.standardDeviation = SIMD3(1, value, 1)
    let recipe = try facts().recipe
    #expect(throws: ClassifierError.self) { try overrides.applied(to: recipe) }
  }
}
