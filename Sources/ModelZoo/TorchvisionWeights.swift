import Images

extension PublishedWeights {
  /// torchvision's sets, by its name for the network, its usual choice first.
  ///
  /// Facts: the `meta` of torchvision's weight enumerations.
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
