import Glibc

/// What a `config.json` beside a weight file says, as timm puts one on the Hugging Face Hub.
///
/// Its `pretrained_cfg` is the recipe of the weights, its `architecture` timm's name of the network.
struct HubConfiguration {
  /// The configuration's own path.
  let path: String
  /// timm's name of the network, such as `tf_efficientnetv2_s`.
  let architecture: String
  /// The set of weights, such as `in21k_ft_in1k`, where it has a name.
  let tag: String?
  /// How a photo becomes input, where it says so.
  let preprocessing: Preprocessing?
  /// The classes' names, where it has them.
  let labels: Labels?

  /// Reads `config.json` in the folder of the file at `weights`.
  ///
  /// - Returns: `nil` where there is none, or one that names no architecture: another library's.
  /// - Throws: `ClassifierError.metadata` where it is damaged or asks for what is not done here.
  init?(beside weights: String) throws(ClassifierError) {
    let folder = weights.lastIndex(of: "/").map { String(weights[...$0]) } ?? ""
    let path = folder + "config.json"
    guard access(path, F_OK) == 0 else { return nil }
    let root: JSONValue
    do {
      root = try JSONValue(contentsOf: path)
    } catch {
      throw .metadata(path: path, reason: error.description)
    }
    guard let architecture = root["architecture"]?.text else { return nil }
    // Before timm 0.8 the members of `pretrained_cfg` stood in the document itself.
    let recipe = root["pretrained_cfg"] ?? root
    self.path = path
    self.architecture = architecture
    tag = recipe["tag"]?.text
    do {
      preprocessing = try Self.preprocessing(recipe)
    } catch {
      throw .metadata(path: path, reason: error.description)
    }
    labels = Self.labels(root, source: path)
  }

  /// A member that is not what it should be.
  private struct Fault: Error, CustomStringConvertible {
    let description: String

    init(_ member: String, expected: String) {
      description = "\(member) is not \(expected)"
    }
  }

  private static func preprocessing(_ recipe: JSONValue) throws(Fault) -> Preprocessing? {
    // The size of evaluation, where it is not that of training.
    let (sizeKey, fractionKey) =
      recipe["test_input_size"] == nil
      ? ("input_size", "crop_pct")
      : ("test_input_size", recipe["test_crop_pct"] == nil ? "crop_pct" : "test_crop_pct")
    guard let size = recipe[sizeKey] else { return nil }
    let (crops, resizes) = (Preprocessing.crops, Preprocessing.resizes)
    guard let extents = size.elements?.map(\.number), extents.count == 3, extents[0] == 3,
      let extent = extents[1], extents[2] == extent, let side = Int(exactly: extent),
      crops.contains(side)
    else {
      throw Fault(
        sizeKey, expected: "[3, side, side] with a side from 1 to \(crops.upperBound)")
    }
    let fraction = recipe[fractionKey]?.number ?? 0.875
    guard fraction > 0, let resize = Int(exactly: (extent / fraction).rounded(.down)),
      resizes.contains(resize)
    else {
      throw Fault(
        fractionKey, expected: "a fraction that leaves a size from 1 to \(resizes.upperBound)")
    }
    let filter = recipe["interpolation"]?.text ?? "bicubic"
    guard let interpolation = Interpolation(rawValue: filter) else {
      throw Fault("interpolation \"\(filter)\"", expected: "bilinear or bicubic")
    }
    let fit: Preprocessing.Fit
    switch recipe["crop_mode"]?.text ?? "center" {
    case "center": fit = .shortSide
    case "squash": fit = .squash
    case let other: throw Fault("crop_mode \"\(other)\"", expected: "center or squash")
    }
    return Preprocessing(
      resize: resize, crop: side, interpolation: interpolation,
      mean: try channels(recipe, "mean", default: SIMD3(0.485, 0.456, 0.406)) { $0.isFinite },
      standardDeviation: try channels(recipe, "std", default: SIMD3(0.229, 0.224, 0.225)) {
        $0.isFinite && $0 > 0
      }, fit: fit)
  }

  private static func channels(
    _ recipe: JSONValue, _ key: String, default usual: SIMD3<Float>,
    where isValid: (Float) -> Bool
  ) throws(Fault) -> SIMD3<Float> {
    guard let value = recipe[key] else { return usual }
    let numbers = value.elements?.compactMap { $0.number.map { Float($0) } } ?? []
    guard numbers.count == 3, value.elements?.count == 3, numbers.allSatisfy(isValid) else {
      throw Fault(key, expected: "three numbers, and a deviation above zero")
    }
    return SIMD3(numbers)
  }

  /// Names in the order of the classes, with the words that describe them where there are any.
  private static func labels(_ root: JSONValue, source: String) -> Labels? {
    guard let names = root["label_names"]?.elements?.compactMap(\.text), !names.isEmpty else {
      return nil
    }
    // A weight file's metadata keep labels as lines.
    let lines = names.map { name in
      String((root["label_descriptions"]?[name]?.text ?? name).map { $0.isNewline ? " " : $0 })
    }
    return Labels(lines, source: source)
  }
}
