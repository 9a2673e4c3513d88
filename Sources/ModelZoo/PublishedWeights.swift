import GraphIR
import Images

/// A set of weights that its authors published: where it is, what it holds and how to feed it.
public struct PublishedWeights: Hashable, Sendable {
  /// What it is called, such as `tf_efficientnetv2_s.in21k_ft_in1k` or
  /// `efficientnet_v2_s.IMAGENET1K_V1`: the implementation, a dot, and the set.
  public let name: String
  /// The build of the network that it was made with.
  public let implementation: Implementation
  /// Who published it, and which of several sets it is, such as `torchvision IMAGENET1K_V1`.
  public let origin: String
  /// Where the file can be had as it is; `nil` where it is part of a package.
  public let url: String?
  /// The file's name at its publisher, without extension.
  public let fileName: String
  /// The file's SHA-256 in lower-case hexadecimal digits, or the first eight of them, which are
  /// part of some publishers' file names; `nil` where it is not known.
  public let sha256: String?
  /// The file's size in units of 2²⁰ bytes, rounded to three decimals; `nil` where it is not known.
  public let mebibytes: Double?
  /// The licence its publisher gives it, as an SPDX identifier.
  public let license: String
  /// Outputs of its classifier.
  public let classes: Int
  /// Published accuracy on ImageNet-1k's validation set in per cent; `nil` where there is none.
  public let accuracy: Accuracy?
  /// How a photo becomes input.
  public let preprocessing: Preprocessing

  /// How often the right class was among the first answers, in per cent.
  public struct Accuracy: Hashable, Sendable {
    /// The first answer was right.
    public let top1: Double
    /// One of the first five was.
    public let top5: Double

    init(_ top1: Double, _ top5: Double) {
      self.top1 = top1
      self.top5 = top5
    }
  }

  /// The padding rule it was trained under.
  public var padding: Padding { implementation.padding }
}

/// The ways in which publishers scale pixels, as means and standard deviations of the channels.
enum PixelScale {
  /// By ImageNet's statistics, torchvision's convention.
  case imageNet
  /// To −1…1.
  case half
  /// Left at 0…1.
  case unit
  /// (x − 127) / 128 on bytes: EfficientNet-Lite's.
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
