import Glibc
import Images
import Weights

/// The `config.json` next to a weight file from the Hugging Face Hub, as written by timm.
///
/// `pretrained_cfg` describes the preprocessing, `architecture` is timm's name for the network.
struct HubConfiguration {
  /// The path of the configuration.
  let path: String
  /// timm's name for the network, such as `tf_efficientnetv2_s`.
  let architecture: String
  /// timm's name for the set of weights, such as `tf_efficientnetv2_s.in21k_ft_in1k`, if it has one.
  let setName: String?
  /// The preprocessing, if described.
  let preprocessing: Preprocessing?
  /// The class names, if listed.
  let labels: Labels?

  /// Reads `config.json` in the folder of the file at `weights`.
  ///
  /// - Returns: `nil` if there is none, or if it names no architecture because another library
  ///   wrote it.
  /// - Throws: `PretrainedError.metadata` if it is damaged or describes unsupported preprocessing.
  init?(beside weights: String) throws(PretrainedError) {
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
    // Before timm 0.8 the members of `pretrained_cfg` were at the top level.
    let settings = root["pretrained_cfg"] ?? root
    self.path = path
    self.architecture = architecture
    setName = settings["tag"]?.text.map { "\(architecture).\($0)" }
    do {
      preprocessing = try Self.preprocessing(settings)
    } catch {
      throw .metadata(path: path, reason: error.description)
    }
    labels = Self.labels(root, source: path)
  }

  /// A member with an unexpected value.
  private struct Fault: Error, CustomStringConvertible {
    let description: String

    init(_ member: String, expected: String) {
      description = "\(member) is not \(expected)"
    }
  }

  private static func preprocessing(_ settings: JSONValue) throws(Fault) -> Preprocessing? {
    // The evaluation size, if it differs from the training size.
    let (sizeKey, fractionKey) =
      settings["test_input_size"] == nil
      ? ("input_size", "crop_pct")
      : ("test_input_size", settings["test_crop_pct"] == nil ? "crop_pct" : "test_crop_pct")
    guard let size = settings[sizeKey] else { return nil }
    let (crops, resizes) = (Preprocessing.crops, Preprocessing.resizes)
    guard let extents = size.elements?.map(\.number), extents.count == 3, extents[0] == 3,
      let extent = extents[1], extents[2] == extent, let side = Int(exactly: extent),
      crops.contains(side)
    else {
      throw Fault(
        sizeKey, expected: "[3, side, side] with a side from 1 to \(crops.upperBound)")
    }
    let fraction = settings[fractionKey]?.number ?? 0.875
    guard fraction > 0, let resize = Int(exactly: (extent / fraction).rounded(.down)),
      resizes.contains(resize)
    else {
      throw Fault(
        fractionKey, expected: "a fraction that leaves a size from 1 to \(resizes.upperBound)")
    }
    let filter = settings["interpolation"]?.text ?? "bicubic"
    guard let interpolation = Interpolation(rawValue: filter) else {
      throw Fault("interpolation \"\(filter)\"", expected: "bilinear or bicubic")
    }
    let fit: Preprocessing.Fit
    switch settings["crop_mode"]?.text ?? "center" {
    case "center": fit = .shortSide
    case "squash": fit = .squash
    case let other: throw Fault("crop_mode \"\(other)\"", expected: "center or squash")
    }
    return Preprocessing(
      resize: resize, crop: side, interpolation: interpolation,
      mean: try channels(settings, "mean", default: SIMD3(0.485, 0.456, 0.406)) { $0.isFinite },
      standardDeviation: try channels(settings, "std", default: SIMD3(0.229, 0.224, 0.225)) {
        $0.isFinite && $0 > 0
      }, fit: fit)
  }

  private static func channels(
    _ settings: JSONValue, _ key: String, default usual: SIMD3<Float>,
    where isValid: (Float) -> Bool
  ) throws(Fault) -> SIMD3<Float> {
    guard let value = settings[key] else { return usual }
    let numbers = value.elements?.compactMap { $0.number.map { Float($0) } } ?? []
    guard numbers.count == 3, value.elements?.count == 3, numbers.allSatisfy(isValid) else {
      throw Fault(key, expected: "three numbers, with std above zero")
    }
    return SIMD3(numbers)
  }

  /// The names by class, replaced by their descriptions if there are any.
  private static func labels(_ root: JSONValue, source: String) -> Labels? {
    guard root["label_names"] != nil || root["id2label"] != nil else { return nil }
    return try? Labels(json: root, source: source)
  }
}
