import Foundation
import GraphIR
import ModelZoo
import Pretrained
import TestSupport
import Testing
import Weights

struct WeightChoiceTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A small file, just enough to be opened and identified.
  @discardableResult
  private func write(
    _ name: String, metadata: [String: String] = [:], tensor: String = "x"
  ) throws -> String {
    let path = try folder.file(name)
    var writer = SafetensorsWriter(metadata: metadata)
    writer.append(name: tensor, shape: [1], values: [0])
    try writer.write(to: path)
    return path
  }

  /// A file with the tensors of a network, all zero, and a file name that says nothing.
  private func write(
    _ model: Model, naming: ParameterNaming, prefix: String = "", classes: Int
  ) throws -> String {
    var configuration = model.defaultConfiguration
    configuration.classes = classes
    let graph = try model.graph(configuration)
    let names = model.fileNames(of: graph, in: naming)
    var writer = SafetensorsWriter()
    for parameter in graph.parameters {
      writer.append(
        name: prefix + (names[parameter.name] ?? ""), elementType: .f16, shape: parameter.shape
      ) { _ in }
    }
    let path = "\(folder.path)/file.safetensors"
    try writer.write(to: path)
    return path
  }

  private func search(_ folders: [String] = [], model: String? = nil) -> WeightSearch {
    WeightSearch(folders: folders.map { "\(folder.path)/\($0)" }, defaultModel: model)
  }

  // MARK: - A file alone

  @Test(arguments: ["mobilenetv3-large", "mobilenet_v3_large", "mobilenet_v3_large.IMAGENET1K_V1"])
  func metadataNamesTheModel(name: String) throws {
    let choice = try search().choose(weights: write("any.safetensors", metadata: ["model": name]))
    #expect(choice.model.name == "mobilenetv3-large")
    #expect(choice.warning == nil)
  }

  @Test func anUnknownModelInTheMetadataIsAnError() throws {
    let path = try write("any.safetensors", metadata: ["model": "resnet50"])
    let error = #expect(throws: PretrainedError.self) { try search().choose(weights: path) }
    #expect("\(try #require(error))".contains("resnet50"))
  }

  @Test(arguments: [
    ("mobilenet_v3_large-8738ca79.safetensors", "mobilenet_v3_large.IMAGENET1K_V1"),
    ("mobilenet_v3_large-5c1a4163.safetensors", "mobilenet_v3_large.IMAGENET1K_V2"),
    ("tf_efficientnetv2_s.in1k.safetensors", "tf_efficientnetv2_s.in1k"),
  ])
  func publishedFileNamesNameTheSet(file: String, set: String) throws {
    let choice = try search().choose(weights: write(file))
    #expect(choice.model.published.first?.name == set)
  }

  @Test func configJSONNamesTheModel() throws {
    try folder.file(
      "config.json", #"{"architecture": "mobilenetv3_small_050", "num_classes": 10}"#.utf8)
    let path = try write("model.safetensors", tensor: "conv_stem.weight")
    #expect(try search().choose(weights: path).model.name == "mobilenetv3-small-0.5")
    // It is timm's, so it says nothing about files with other names.
    let other = try write("other.safetensors")
    #expect(throws: PretrainedError.self) { try search().choose(weights: other) }
  }

  /// No two networks of the catalogue have the same tensors, so names and shapes identify one.
  @Test(arguments: ParameterNaming.allCases)
  func tensorsIdentifyTheNetwork(naming: ParameterNaming) throws {
    var owners: [Set<String>: String] = [:]
    for model in ModelCatalog.models {
      let graph = try model.graph()
      let names = model.fileNames(of: graph, in: naming)
      let signature = Set(graph.parameters.map { "\(names[$0.name] ?? "") \($0.shape)" })
      #expect(owners.updateValue(model.name, forKey: signature) == nil, "\(model.name)")
    }
  }

  @Test(arguments: [
    ("mobilenetv3-small", ParameterNaming.torchvision, "", 12),
    ("mobilenetv3-small-0.75", .timm, "module.", 1000), ("effnet-lite0", .litePackage, "", 3),
    ("mobilenetv3-small-minimal", .timm, "", 1),
  ])
  func namesAndShapesDecideIfNothingElseDoes(
    name: String, naming: ParameterNaming, prefix: String, classes: Int
  ) throws {
    let model = try ModelCatalog.model(named: name)
    let path = try write(model, naming: naming, prefix: prefix, classes: classes)
    let choice = try search().choose(weights: path)
    #expect(choice.model.name == name)
    #expect(choice.warning?.contains(name) == true)
    let network = try LoadedNetwork(choice)
    #expect(network.configuration.classes == classes)
    #expect(network.warnings.first == choice.warning)
  }

  @Test func unknownTensorsAreRejected() throws {
    let path = try write("file.safetensors")
    let error = #expect(throws: PretrainedError.self) { try search().choose(weights: path) }
    guard case .unidentified(path, [], let closest, let details)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(throws: Never.self) { try ModelCatalog.model(named: closest) }
    // Names of both sides.
    #expect(details.contains("x: expected nothing") && details.contains("found nothing"))
  }

  @Test func callersModelIsAccepted() throws {
    let path = try write("any.safetensors", metadata: ["model": "effnet-lite0"])
    let choice = try search().choose(SmallNetwork.model, weights: path)
    #expect(choice.model.name == SmallNetwork.model.name)
  }

  // MARK: - No file

  @Test func theEnvironmentNamesTheModel() throws {
    let small = try write("a/mobilenetv3-small.safetensors")
    try write("a/effnetv2-s.safetensors", metadata: ["source": "torchvision IMAGENET1K_V1"])
    let choice = try search(["a"], model: "mobilenet_v3_small").choose()
    #expect(choice.file.path == small && choice.warning == nil)
    #expect(throws: ModelError.self) { try search(["a"], model: "resnet50").choose() }
    #expect(throws: PretrainedError.self) { try search(["a"], model: "effnetv2-m").choose() }
  }

  @Test func theMostAccurateInstalledWeightsAreUsed() throws {
    try write("a/mobilenetv3-small.safetensors", metadata: ["source": "torchvision IMAGENET1K_V1"])
    try write("b/mobilenet_v3_large-8738ca79.safetensors")
    let best = try write("b/mobilenet_v3_large-5c1a4163.safetensors")
    try write("b/effnet-lite2.safetensors")
    let choice = try search(["a", "b"]).choose()
    #expect(choice.file.path == best)
    #expect(choice.model.published.first?.name == "mobilenet_v3_large.IMAGENET1K_V2")
    let warning = try #require(choice.warning)
    #expect(warning.contains("mobilenet_v3_large.IMAGENET1K_V2") && warning.contains("75.274"))
    // One without published accuracy does not count as more accurate, however large.
    try write("b/effnetv2-xl.safetensors")
    #expect(try search(["a", "b"]).choose().file.path == best)
  }

  /// ImageNet's 21,843 classes have no published accuracy, and no names here.
  @Test func imageNetClassesComeFirstWithoutAccuracies() throws {
    let lite = try write("a/effnet-lite0.safetensors")
    try write("a/tf_efficientnetv2_s_21k-6337ad01.safetensors")
    #expect(try search(["a"]).choose().file.path == lite)
  }

  @Test func missingWeightsErrorSaysWhatToDo() throws {
    let error = #expect(throws: PretrainedError.self) { try search(["a"]).choose() }
    let message = "\(try #require(error))"
    #expect(message.contains("cnnzoo pull") && message.contains("\(folder.path)/a"))
  }

  // MARK: - Weights installed with the executable

  @Test func installedWeightsAreSearchedLast() throws {
    let cache = "\(folder.path)/cache"
    let system = "\(folder.path)/system"
    let search = WeightSearch(folders: [], cache: cache, system: system)
    let installed = try write("system/effnet-lite0.safetensors")
    let model = try ModelCatalog.model(named: "effnet-lite0")
    #expect(try search.weights(of: model) == installed)
    let cached = try write("cache/effnet-lite0.pth")
    #expect(try search.weights(of: model) == cached)
  }

  @Test(arguments: [
    ("/usr/bin/cnnzoo", "/usr/share/cnnzoo"), ("/srv/x/bin/cnnzoo", "/srv/x/share/cnnzoo"),
    ("/home/u/cnnzoo", "/usr/share/cnnzoo"),
  ])
  func installedWeightsAreNextToTheExecutable(executable: String, system: String) {
    let search = WeightSearch.standard(executable: executable, user: UserFolders { _ in "/cache" })
    #expect(search.folders == ["/cache", system])
  }
}
