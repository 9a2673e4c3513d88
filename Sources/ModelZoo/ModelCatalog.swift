import GraphIR

/// All available networks.
public enum ModelCatalog {
  /// The models, family by family, small to large.
  public static let models: [Model] =
    efficientNetV2 + efficientNetV2RW + mobileNetV3 + efficientNetLite

  /// The model called `name`, which may be its main name, an alias, or a name of published weights.
  ///
  /// Those weights are then the default. Case and `_` for `-` do not matter.
  ///
  /// - Throws: `ModelError.unknown`, with the nearest names.
  public static func model(named name: String) throws(ModelError) -> Model {
    let wanted = canonical(name)
    for model in models {
      if let model = model.preferring({ canonical($0) == wanted }) { return model }
    }
    throw .unknown(name: name, suggestions: suggestions(for: wanted))
  }

  private static let efficientNetV2: [Model] = EfficientNetV2.allCases.map { variant in
    let letter = variant.rawValue
    // timm has B0 to B3 and XL only with TensorFlow's arithmetic.
    let (size, builds): (Int, [Implementation]) =
      switch variant {
      case .s: (384, allBuilds(letter))
      case .m, .l: (480, allBuilds(letter))
      case .xl: (512, [.timm("tf_efficientnetv2_xl"), .timm("efficientnetv2_xl")])
      case .b0: (224, [.timm("tf_efficientnetv2_b0")])
      case .b1: (240, [.timm("tf_efficientnetv2_b1")])
      case .b2: (260, [.timm("tf_efficientnetv2_b2")])
      case .b3: (300, [.timm("tf_efficientnetv2_b3")])
      }
    return model(
      "effnetv2-\(letter)", .efficientNetV2, size, builds
    ) { variant.graph($0) }
  }

  private static let efficientNetV2RW: [Model] = EfficientNetV2RW.allCases.map { variant in
    model(
      variant.name, .efficientNetV2, variant.resolution, [.timm(variant.implementation)]
    ) { variant.graph($0) }
  }

  private static func allBuilds(_ letter: String) -> [Implementation] {
    [
      .torchvision("efficientnet_v2_\(letter)"), .timm("tf_efficientnetv2_\(letter)"),
      .timm("efficientnetv2_\(letter)"),
    ]
  }

  private static let mobileNetV3: [Model] = [
    mobileNetV3(
      .small, "", [.torchvision("mobilenet_v3_small")] + timmBuilds("small_100")
    ) { MobileNetV3.small.graph($0) },
    mobileNetV3(.small, "-0.75", timmBuilds("small_075")) {
      MobileNetV3.small.graph(depth: 0.75, $0)
    },
    mobileNetV3(.small, "-0.5", [.timm("mobilenetv3_small_050")]) {
      MobileNetV3.small.graph(depth: 0.5, $0)
    },
    mobileNetV3(.small, "-minimal", [.timm("tf_mobilenetv3_small_minimal_100")]) {
      MobileNetV3.small.minimalGraph($0)
    },
    mobileNetV3(
      .large, "", [.torchvision("mobilenet_v3_large")] + timmBuilds("large_100")
    ) { MobileNetV3.large.graph($0) },
    mobileNetV3(.large, "-0.75", timmBuilds("large_075")) {
      MobileNetV3.large.graph(depth: 0.75, $0)
    },
    mobileNetV3(.large, "-minimal", [.timm("tf_mobilenetv3_large_minimal_100")]) {
      MobileNetV3.large.minimalGraph($0)
    },
    mobileNetV3(.large, "-rw", [.timm("mobilenetv3_rw")]) { MobileNetV3.earlyLargeGraph($0) },
    mobileNetV3(.large, "-1.5d", [.timm("mobilenetv3_large_150d")], size: 320) {
      MobileNetV3.largeDeepGraph($0)
    },
  ]

  private static func timmBuilds(_ name: String) -> [Implementation] {
    [.timm("tf_mobilenetv3_\(name)"), .timm("mobilenetv3_\(name)")]
  }

  private static func mobileNetV3(
    _ network: MobileNetV3, _ suffix: String, _ builds: [Implementation], size: Int = 224,
    build: @escaping @Sendable (ModelConfiguration) -> Graph
  ) -> Model {
    model(
      "mobilenetv3-\(network.rawValue)\(suffix)", .mobileNetV3, size, builds, build: build)
  }

  private static let efficientNetLite: [Model] = EfficientNetLite.allCases.map { variant in
    let number = variant.rawValue
    let package = PublishedWeights.litePackages[number]
    return model(
      "effnet-lite\(number)", .efficientNetLite, variant.resolution,
      [package?.implementation].compactMap(\.self)
        + [.timm("tf_efficientnet_lite\(number)"), .timm("efficientnet_lite\(number)")],
      package: package
    ) { variant.graph($0) }
  }

  /// A model with all published weights for its implementations.
  private static func model(
    _ name: String, _ family: Model.Family, _ size: Int, _ builds: [Implementation],
    package: PublishedWeights? = nil,
    build: @escaping @Sendable (ModelConfiguration) -> Graph
  ) -> Model {
    let names = builds.map(\.name)
    return Model(
      name, family: family, evaluationSize: size, implementations: builds,
      published: [package].compactMap(\.self)
        + names.flatMap { PublishedWeights.torchvision[$0] ?? [] } + PublishedWeights.timm(names),
      build: build)
  }

  private static func canonical(_ name: String) -> String {
    String(name.lowercased().map { $0 == "_" ? "-" : $0 })
  }

  /// Main names within a few edits of `name`, or that contain it, best first.
  private static func suggestions(for name: String) -> [String] {
    let ranked = models.map { model in
      let names = ([model.name] + model.aliases).map(canonical)
      let distance = names.map { editDistance(Array(name), Array($0)) }.min() ?? .max
      let isPart = !name.isEmpty && names.contains { $0.contains(name) || name.contains($0) }
      return (name: model.name, distance: isPart ? min(distance, 3) : distance)
    }
    return ranked.filter { $0.distance <= 3 }.sorted { $0.distance < $1.distance }.prefix(3)
      .map(\.name)
  }

  /// Levenshtein's distance, row by row.
  private static func editDistance(_ a: [Character], _ b: [Character]) -> Int {
    guard a.count <= 64 else { return .max }
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let substituted = diagonal + (x == y ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(substituted, row[j] + 1, diagonal + 1)
      }
    }
    return row[b.count]
  }
}
