/// Every network that can be named.
public enum ModelCatalog {
  /// The models, family by family, small to large.
  public static let models: [Model] = efficientNetV2 + mobileNetV3 + efficientNetLite

  /// The model called `name`, by its own name or an alias; case and `_` for `-` do not matter.
  ///
  /// - Throws: `ModelError.unknown`, with the nearest names.
  public static func model(named name: String) throws(ModelError) -> Model {
    let wanted = canonical(name)
    for model in models
    where ([model.name] + model.aliases).contains(where: {
      canonical($0) == wanted
    }) {
      return model
    }
    throw .unknown(name: name, suggestions: suggestions(for: wanted))
  }

  private static let efficientNetV2: [Model] = [
    efficientNetV2(
      .s, 384, .torchvision("V1", "efficientnet_v2_s-dd5fe13b", resize: 384, crop: 384)),
    efficientNetV2(
      .m, 480, .torchvision("V1", "efficientnet_v2_m-dc08266a", resize: 480, crop: 480)),
    efficientNetV2(
      .l, 480, .torchvisionHalf("V1", "efficientnet_v2_l-59c71312", crop: 480, .bicubic)),
  ]

  private static func efficientNetV2(
    _ variant: EfficientNetV2, _ size: Int, _ published: PublishedWeights
  ) -> Model {
    let letter = variant.rawValue
    return Model(
      "effnetv2-\(letter)",
      aliases: [
        "efficientnet_v2_\(letter)", "efficientnetv2_\(letter)", "tf_efficientnetv2_\(letter)",
      ],
      family: .efficientNetV2, evaluationSize: size, published: [published],
      build: { variant.graph($0) })
  }

  private static let mobileNetV3: [Model] = [
    Model(
      "mobilenetv3-small",
      aliases: ["mobilenet_v3_small", "mobilenetv3_small_100", "tf_mobilenetv3_small_100"],
      family: .mobileNetV3, evaluationSize: 224,
      published: [.torchvision("V1", "mobilenet_v3_small-047dcff4", resize: 256, crop: 224)],
      build: { MobileNetV3.small.graph($0) }),
    Model(
      "mobilenetv3-large",
      aliases: ["mobilenet_v3_large", "mobilenetv3_large_100", "tf_mobilenetv3_large_100"],
      family: .mobileNetV3, evaluationSize: 224,
      published: [
        .torchvision("V2", "mobilenet_v3_large-5c1a4163", resize: 232, crop: 224),
        .torchvision("V1", "mobilenet_v3_large-8738ca79", resize: 256, crop: 224),
      ],
      build: { MobileNetV3.large.graph($0) }),
  ]

  private static let efficientNetLite: [Model] = EfficientNetLite.allCases.map { variant in
    let number = variant.rawValue
    return Model(
      "effnet-lite\(number)",
      aliases: [
        "efficientnet_lite\(number)", "efficientnetlite\(number)",
        "tf_efficientnet_lite\(number)",
      ],
      family: .efficientNetLite, evaluationSize: variant.resolution,
      published: [.lite(number, size: variant.resolution)],
      build: { variant.graph($0) })
  }

  private static func canonical(_ name: String) -> String {
    String(name.lowercased().map { $0 == "_" ? "-" : $0 })
  }

  /// Own names within a few edits of `name` or of which it is a part, best first.
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
