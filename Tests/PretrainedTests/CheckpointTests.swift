import GraphIR
import Inference
import ModelZoo
import Pretrained
import TestSupport
import Testing
import Weights

/// Networks inside training checkpoints, in the forms that frameworks write.
struct CheckpointTests {
  private let folder: TemporaryFolder
  /// Another one for each file, because networks keep theirs mapped.
  private func path() -> String { "\(folder.path)/\(UInt64.random(in: 0...UInt64.max)).pth" }

  init() throws { folder = try TemporaryFolder() }

  /// The network's state dict; `shift` is added to the classifier's biases, to tell sets apart.
  private func state(
    prefix: String = "", shift: Float = 0, without excluded: [String] = []
  ) throws -> [(String, TorchValue)] {
    try SmallNetwork.graph().parameters
      .filter { parameter in !excluded.contains { parameter.name.hasPrefix($0) } }
      .map { parameter in
        var values = SeededParameters().values(of: parameter)
        if parameter.name == "classifier.3.bias" { values = values.map { $0 + shift } }
        return (prefix + parameter.name, .tensor(shape: parameter.shape, values: values))
      }
  }

  private func load(
    _ members: [(String, TorchValue)], usesEMA: Bool = true, classes: Int? = nil
  ) throws -> LoadedNetwork {
    let path = path()
    try TorchCheckpoint(.dictionary(members)).write(to: path)
    return try LoadedNetwork(SmallNetwork.model, weights: path, usesEMA: usesEMA) {
      $0.widthMultiplier = 0.25
      $0.classes = classes ?? $0.classes
    }
  }

  /// What `state(shift:)` added.
  private func shift(of network: LoadedNetwork) throws -> Float {
    let bias = try #require(network.graph.parameters.last)
    let expected = SeededParameters().values(of: bias)
    // Whole numbers were added, up to rounding.
    return try network.parameters.withValues(of: bias) { ($0[0] - expected[0]).rounded() }
  }

  private static let scalar = TorchValue.tensor(shape: [], values: [1])
  private static let arguments = TorchValue.object(
    module: "argparse", name: "Namespace", attributes: [("lr", .integer(1)), ("mean", .none)])

  // MARK: - Prefixes

  /// No list of prefixes: whatever precedes the names is found.
  @Test(arguments: [
    "", "module.", "model.", "net.", "_orig_mod.module.", "a.b.0.backbone.", "student_", "1.",
  ])
  func anyPrefix(_ prefix: String) throws {
    for keys in [[], ["state_dict"], ["a", "b", "weights"]] {
      var members = try state(prefix: prefix, shift: 3)
      for key in keys.reversed() {
        members = [("epoch", .integer(1)), (key, .dictionary(members))]
      }
      let network = try load(members)
      #expect(try shift(of: network) == 3)
      #expect(network.tensors.set.prefix == prefix && network.tensors.set.dictionary.keys == keys)
      #expect(network.tensors.usesEMA == nil && network.warnings.isEmpty)
      #expect(network.namedTensors.map(\.name) == network.graph.parameters.map(\.name))
    }
  }

  @Test func otherTensorsBesideThePrefixDoNotMatter() throws {
    let extra: [(String, TorchValue)] = [
      ("criterion.weight", .tensor(shape: [7], values: [1, 1, 1, 1, 1, 1, 1])),
      ("accuracy.tp", Self.scalar),
    ]
    let network = try load(
      [
        ("state_dict", .dictionary(try state(prefix: "model.") + extra)), ("callbacks", .none),
        ("hyper_parameters", Self.arguments),
      ])
    #expect(network.warnings.isEmpty)
    // At the network's own level they are named, but in a checkpoint not refused.
    let beside = try load([("state_dict", .dictionary(try state() + extra))])
    #expect(beside.warnings.contains { $0.contains("criterion.weight, accuracy.tp") })
    #expect(beside.namedTensors.count == beside.graph.parameters.count)
    #expect(throws: ParameterMismatch.self) { try load(try state() + extra) }
  }

  /// The set that fits is chosen, not the first.
  @Test func anotherNetworkBesideIsNotChosen() throws {
    let teacher = try SmallNetwork.model.graph().parameters.map { parameter in
      (
        "teacher." + parameter.name,
        TorchValue.tensor(shape: parameter.shape, values: SeededParameters().values(of: parameter))
      )
    }
    let network = try load([
      ("state_dict", .dictionary(try teacher + state(prefix: "student.", shift: 2)))
    ])
    #expect(try shift(of: network) == 2)
  }

  // MARK: - EMA

  /// Plain weights are shifted by 1, averages by 2.
  private func both(_ form: String) throws -> [(String, TorchValue)] {
    let plain = try state(shift: 1)
    let average = try state(shift: 2)
    func averaged(_ prefix: String) throws -> [(String, TorchValue)] {
      try [(prefix + "n_averaged", Self.scalar)] + state(prefix: prefix + "module.", shift: 2)
    }
    return switch form {
    case "timm":
      [
        ("epoch", .integer(3)), ("args", Self.arguments), ("state_dict", .dictionary(plain)),
        ("state_dict_ema", .dictionary(average)),
      ]
    case "torchvision":
      [
        ("model", .dictionary(plain)), ("optimizer", .dictionary([("state", .dictionary([]))])),
        ("args", Self.arguments), ("model_ema", .dictionary(try averaged(""))),
      ]
    case "averages first": [("ema", .dictionary(average)), ("net", .dictionary(plain))]
    case "swa": [("model", .dictionary(plain)), ("swaModel", .dictionary(average))]
    case "one dictionary":
      [
        (
          "state_dict",
          .dictionary(try state(prefix: "model.", shift: 1) + averaged("shadow."))
        )
      ]
    case "Lightning":
      [
        ("state_dict", .dictionary(try state(prefix: "model.", shift: 2))),
        ("averaging_state", .dictionary([("n_averaged", Self.scalar)])),
        ("current_model_state", .dictionary(try state(prefix: "model.", shift: 1))),
      ]
    default: []
    }
  }

  @Test(arguments: [
    "timm", "torchvision", "averages first", "swa", "one dictionary", "Lightning",
  ])
  func averagesAreUsedUnlessRefused(_ form: String) throws {
    let members = try both(form)
    let usual = try load(members)
    #expect(try shift(of: usual) == 2)
    #expect(usual.tensors.usesEMA == true)
    let note = try #require(usual.tensors.note)
    #expect(note.contains("using the EMA") && note.contains("--no-ema"))
    let other = try load(members, usesEMA: false)
    #expect(try shift(of: other) == 1)
    #expect(other.tensors.usesEMA == false)
    #expect(try usual.weightsHash() != other.weightsHash())
  }

  @Test func averagesAloneAreUsed() throws {
    for members in [
      [("state_dict_ema", TorchValue.dictionary(try state(shift: 4)))],
      try [("n_averaged", Self.scalar)] + state(prefix: "module.", shift: 4),
    ] {
      let network = try load(members)
      #expect(try shift(of: network) == 4)
      #expect(network.tensors.usesEMA == nil && network.tensors.note == nil)
      let error = #expect(throws: PretrainedError.self) { try load(members, usesEMA: false) }
      guard case .onlyAverages? = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
    }
  }

  @Test(arguments: ["emanet", "schema", "cinema.module", "avgpool2"])
  func wordsThatOnlyContainEMAAreNone(_ name: String) throws {
    let network = try load([
      ("model", .dictionary(try state(shift: 1))), (name, .dictionary(try state(shift: 2))),
    ])
    #expect(try shift(of: network) == 1)
    #expect(network.tensors.usesEMA == nil)
  }

  // MARK: - No head

  @Test(arguments: [["classifier.3"], ["classifier"]])
  func aMissingHeadLeavesFeatures(_ excluded: [String]) throws {
    let network = try load([("model", .dictionary(try state(without: excluded)))])
    #expect(!network.hasClassifier)
    #expect(network.hasHiddenLayer == (excluded == ["classifier.3"]))
    let error = #expect(throws: PretrainedError.self) {
      try network.session(.init(threads: 1))
    }
    #expect("\(try #require(error))".contains("without a classifier"))
    // Features need no head.
    let complete = try load(try state())
    let image = SmallNetwork.image(1)
    let features = try [network, complete].map { network throws in
      let pooled = try #require(network.graph.head).pooled.id
      let session = try network.featureSession(.init(threads: 1, retained: [pooled]))
      session.withInput(image: 0) { input in
        for index in input.indices { input[index] = Float(index % 17) / 17 }
      }
      try session.run(batch: 1)
      return session.output(ofNode: pooled, image: 0)
    }
    #expect(image.width > 0 && features[0] == features[1] && features[0].contains { $0 != 0 })
  }

  /// A part of a layer is damage, not a missing head.
  @Test(arguments: ["classifier.3.bias", "classifier.0", "features.12"])
  func otherMissingTensorsAreAMismatch(_ excluded: String) throws {
    let error = #expect(throws: ParameterMismatch.self) {
      try load(try state(without: [excluded]))
    }
    #expect(try #require(error).missing.allSatisfy { $0.name.hasPrefix(excluded) })
  }

  // MARK: - Mismatches

  private func mismatch(
    _ model: String, _ members: [(String, TorchValue)], classes: Int? = nil
  ) throws -> String {
    let path = path()
    try TorchCheckpoint(.dictionary(members)).write(to: path)
    let error = #expect(throws: ParameterMismatch.self) {
      try LoadedNetwork(try ModelCatalog.model(named: model), weights: path) {
        $0.classes = classes ?? $0.classes
      }
    }
    return "\(try #require(error))"
  }

  private func names(_ model: String, _ naming: ParameterNaming) throws -> [(String, TorchValue)] {
    let model = try ModelCatalog.model(named: model)
    let graph = try model.graph()
    let names = model.fileNames(of: graph, in: naming)
    return graph.parameters.map { parameter in
      (
        names[parameter.name] ?? "",
        .tensor(
          shape: parameter.shape, values: [Float](repeating: 0, count: parameter.count))
      )
    }
  }

  @Test func theVariantThatFitsIsNamed() throws {
    let other = try mismatch("mobilenetv3-small-0.5", names("mobilenetv3-small-0.75", .timm))
    #expect(other.contains("pass --model mobilenetv3-small-0.75"))
    // This file says nothing about its width.
    let narrow = try mismatch("mobilenetv3-small", state())
    #expect(narrow.contains("--width-multiplier 0.25"))
  }

  @Test func bothSidesAreListed() throws {
    let text = try mismatch(
      "mobilenetv3-small-0.5",
      names("mobilenetv3-small-0.5", .torchvision)
        .map { ("layers." + $0.0.replacing("features", with: "body"), $0.1) })
    #expect(text.contains("layers.body.0.0.weight: expected nothing"))
    #expect(text.contains("conv_stem.weight: expected [16, 3, 3, 3], found nothing"))
    #expect(text.contains("another architecture"))
  }

  @Test func aLostPrefixIsNamed() throws {
    let part = try names("mobilenetv3-small-0.5", .timm).compactMap { name, value in
      name.hasPrefix("blocks.") ? (String(name.dropFirst(7)), value) : nil
    }
    #expect(try mismatch("mobilenetv3_small_050", part).contains(#"lack the prefix "blocks.""#))
  }

  @Test func otherClassCountsAreNamed() throws {
    let text = try mismatch(
      "mobilenetv3-small-0.5", names("mobilenetv3-small-0.5", .timm), classes: 7)
    #expect(text.contains("the file has 1000 classes, not 7"))
    #expect(text.contains("2 tensors differ"))
  }

  @Test func anotherHeadIsNamed() throws {
    let members = try names("mobilenetv3-small-0.5", .timm).map {
      ($0.0.replacing("classifier", with: "fc"), $0.1)
    }
    let text = try mismatch("mobilenetv3-small-0.5", members)
    #expect(text.contains("classifier is missing") && text.contains("fc.weight"))
  }

  /// Control characters in names must not forge lines.
  @Test func namesAreEscaped() throws {
    let text = try mismatch("mobilenetv3-small", [("x\nforged\u{1B}[2J", Self.scalar)])
    #expect(!text.contains("\nforged") && !text.contains("\u{1B}"))
  }

  @Test func integersAreRecognisedAsQuantised() throws {
    var writer = SafetensorsWriter(metadata: ["width_multiplier": "0.25"])
    for parameter in try SmallNetwork.graph().parameters {
      writer.append(
        name: parameter.name, elementType: parameter.shape.count > 1 ? .i8 : .f16,
        shape: parameter.shape
      ) { _ in }
    }
    let path = "\(folder.path)/int8.safetensors"
    try writer.write(to: path)
    let error = #expect(throws: ParameterMismatch.self) {
      try LoadedNetwork(SmallNetwork.model, weights: path)
    }
    let text = "\(try #require(error))"
    #expect(text.contains("quantised") && text.contains("expected floats, found I8"))
  }
}
