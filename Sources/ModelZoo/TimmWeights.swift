import Images

extension PublishedWeights {
  /// timm's sets for `implementations`, in their order, starting with timm's default tag.
  static func timm(_ implementations: [String]) -> [PublishedWeights] {
    implementations.flatMap { implementation in
      timmSets.filter { $0.implementation.name == implementation }
    }
  }

  /// Source: timm 1.0's pretrained configurations, at their test sizes; accuracy from its
  /// `results/results-imagenet.csv`, measured at those sizes.
  private static let timmSets: [PublishedWeights] = [
    timm(
      "tf_efficientnetv2_s.in21k_ft_in1k", .v2("tf_efficientnetv2_s_21ft1k-d7dafa41"),
      crop: 384, of: 1, .half, Accuracy(84.288, 97.252)),
    timm(
      "tf_efficientnetv2_s.in1k", .v2("tf_efficientnetv2_s-eb54923e"),
      crop: 384, of: 1, .half, Accuracy(83.9, 96.698)),
    timm(
      "tf_efficientnetv2_s.in21k", .v2("tf_efficientnetv2_s_21k-6337ad01"),
      crop: 384, of: 1, .half, classes: 21_843),
    timm(
      "tf_efficientnetv2_m.in21k_ft_in1k", .v2("tf_efficientnetv2_m_21ft1k-bf41664a"),
      crop: 480, of: 1, .half, by: .squash, Accuracy(86, 97.946)),
    timm(
      "tf_efficientnetv2_m.in1k", .v2("tf_efficientnetv2_m-cc09e0cd"),
      crop: 480, of: 1, .half, by: .squash, Accuracy(85.204, 97.364)),
    timm(
      "tf_efficientnetv2_m.in21k", .v2("tf_efficientnetv2_m_21k-361418a2"),
      crop: 480, of: 1, .half, by: .squash, classes: 21_843),
    timm(
      "tf_efficientnetv2_l.in21k_ft_in1k", .v2("tf_efficientnetv2_l_21ft1k-60127a9d"),
      crop: 480, of: 1, .half, by: .squash, Accuracy(86.802, 98.136)),
    timm(
      "tf_efficientnetv2_l.in1k", .v2("tf_efficientnetv2_l-d664b728"),
      crop: 480, of: 1, .half, by: .squash, Accuracy(85.664, 97.474)),
    timm(
      "tf_efficientnetv2_l.in21k", .v2("tf_efficientnetv2_l_21k-91a19ec9"),
      crop: 480, of: 1, .half, by: .squash, classes: 21_843),
    timm(
      "tf_efficientnetv2_xl.in21k_ft_in1k", .v2("tf_efficientnetv2_xl_in21ft1k-06c35c48"),
      crop: 512, of: 1, .half, by: .squash, Accuracy(86.748, 98.014)),
    timm(
      "tf_efficientnetv2_xl.in21k", .v2("tf_efficientnetv2_xl_in21k-fd7e8abf"),
      crop: 512, of: 1, .half, by: .squash, classes: 21_843),
    timm(
      "tf_efficientnetv2_b0.in1k", .v2("tf_efficientnetv2_b0-c7cc451f"),
      crop: 224, of: 0.875, .imageNet, Accuracy(78.358, 94.014)),
    timm(
      "tf_efficientnetv2_b1.in1k", .v2("tf_efficientnetv2_b1-be6e41b0"),
      crop: 240, of: 0.882, .imageNet, Accuracy(79.462, 94.722)),
    timm(
      "tf_efficientnetv2_b2.in1k", .v2("tf_efficientnetv2_b2-847de54e"),
      crop: 260, of: 0.89, .imageNet, Accuracy(80.194, 95.042)),
    timm(
      "tf_efficientnetv2_b3.in21k_ft_in1k", .hub,
      crop: 300, of: 0.9, .half, by: .squash, Accuracy(82.67, 96.626)),
    timm(
      "tf_efficientnetv2_b3.in1k", .v2("tf_efficientnetv2_b3-57773f13"),
      crop: 300, of: 0.904, .imageNet, Accuracy(81.97, 95.788)),
    timm("tf_efficientnetv2_b3.in21k", .hub, crop: 300, of: 0.904, .half, classes: 21_843),
    timm(
      "efficientnetv2_rw_t.ra2_in1k", .main("efficientnetv2_t_agc-3620981a"),
      crop: 288, of: 1, .imageNet, Accuracy(82.35, 96.192)),
    timm(
      "gc_efficientnetv2_rw_t.agc_in1k", .main("gc_efficientnetv2_rw_t_agc-927a0bde"),
      crop: 288, of: 1, .imageNet, Accuracy(82.452, 96.292)),
    timm(
      "efficientnetv2_rw_s.ra2_in1k", .main("efficientnet_v2s_ra2_288-a6477665"),
      crop: 384, of: 1, .imageNet, Accuracy(83.808, 96.732)),
    timm(
      "efficientnetv2_rw_m.agc_in1k", .main("efficientnetv2_rw_m_agc-3d90cb1e"),
      crop: 416, of: 1, .imageNet, Accuracy(84.812, 97.15)),

    timm(
      "mobilenetv3_small_100.lamb_in1k", .main("mobilenetv3_small_100_lamb-266a294c"),
      crop: 224, of: 0.875, .imageNet, Accuracy(67.656, 87.636)),
    timm(
      "tf_mobilenetv3_small_100.in1k", .main("tf_mobilenetv3_small_100-37f49e2b"),
      crop: 224, of: 0.875, .half, by: .bilinear, Accuracy(67.918, 87.674)),
    timm(
      "mobilenetv3_small_075.lamb_in1k", .main("mobilenetv3_small_075_lambc-384766db"),
      crop: 224, of: 0.875, .imageNet, Accuracy(65.234, 85.446)),
    timm(
      "tf_mobilenetv3_small_075.in1k", .main("tf_mobilenetv3_small_075-da427f52"),
      crop: 224, of: 0.875, .half, by: .bilinear, Accuracy(65.728, 86.126)),
    timm(
      "mobilenetv3_small_050.lamb_in1k", .main("mobilenetv3_small_050_lambc-4b7bbe87"),
      crop: 224, of: 0.875, .imageNet, Accuracy(57.91, 80.18)),
    timm(
      "tf_mobilenetv3_small_minimal_100.in1k", .main("tf_mobilenetv3_small_minimal_100-922a7843"),
      crop: 224, of: 0.875, .half, by: .bilinear, Accuracy(62.89, 84.24)),
    timm(
      "mobilenetv3_large_100.ra_in1k", .main("mobilenetv3_large_100_ra-f55367f5"),
      crop: 224, of: 0.875, .imageNet, Accuracy(75.766, 92.538)),
    timm("mobilenetv3_large_100.ra4_e3600_r224_in1k", .hub, crop: 256, of: 1, .half),
    timm(
      "mobilenetv3_large_100.miil_in21k_ft_in1k",
      .miil("mobilenetv3_large_100_1k_miil_78_0-66471c13"),
      crop: 224, of: 0.875, .unit, by: .bilinear, Accuracy(77.918, 92.914)),
    timm(
      "mobilenetv3_large_100.miil_in21k", .miil("mobilenetv3_large_100_in21k_miil-d71cc17b"),
      crop: 224, of: 0.875, .unit, by: .bilinear, classes: 11_221),
    timm(
      "tf_mobilenetv3_large_100.in1k", .main("tf_mobilenetv3_large_100-427764d5"),
      crop: 224, of: 0.875, .half, by: .bilinear, Accuracy(75.516, 92.594)),
    timm(
      "tf_mobilenetv3_large_075.in1k", .main("tf_mobilenetv3_large_075-150ee8b0"),
      crop: 224, of: 0.875, .half, by: .bilinear, Accuracy(73.432, 91.352)),
    timm(
      "tf_mobilenetv3_large_minimal_100.in1k", .main("tf_mobilenetv3_large_minimal_100-8596ae28"),
      crop: 224, of: 0.875, .half, by: .bilinear, Accuracy(72.258, 90.638)),

    timm(
      "mobilenetv3_rw.rmsp_in1k", .main("mobilenetv3_100-35495452"),
      crop: 224, of: 0.875, .imageNet, Accuracy(75.62, 92.704)),
    timm("mobilenetv3_large_150d.ra4_e3600_r256_in1k", .hub, crop: 320, of: 1, .half),

    timm(
      "tf_efficientnet_lite0.in1k", .main("tf_efficientnet_lite0-0aa007d2"),
      crop: 224, of: 0.875, .half, Accuracy(74.83, 92.172)),
    timm(
      "efficientnet_lite0.ra_in1k", .main("efficientnet_lite0_ra-37913777"),
      crop: 224, of: 0.875, .imageNet, Accuracy(75.48, 92.522)),
    timm(
      "tf_efficientnet_lite1.in1k", .main("tf_efficientnet_lite1-bde8b488"),
      crop: 240, of: 0.882, .half, Accuracy(76.644, 93.23)),
    timm(
      "tf_efficientnet_lite2.in1k", .main("tf_efficientnet_lite2-dcccb7df"),
      crop: 260, of: 0.89, .half, Accuracy(77.464, 93.75)),
    timm(
      "tf_efficientnet_lite3.in1k", .main("tf_efficientnet_lite3-b733e338"),
      crop: 300, of: 0.904, .half, by: .bilinear, Accuracy(79.808, 94.912)),
    timm(
      "tf_efficientnet_lite4.in1k", .main("tf_efficientnet_lite4-741542c3"),
      crop: 380, of: 0.92, .half, by: .bilinear, Accuracy(81.532, 95.664)),
  ]

  /// The location of a set: a release of timm's repository, or the Hugging Face Hub.
  ///
  /// File names in releases end with a hyphen and the first eight digits of the SHA-256.
  private enum Place {
    case main(String)
    case v2(String)
    case miil(String)
    case hub

    func address(of name: String) -> (url: String, fileName: String, sha256: String?) {
      let release: (tag: String, fileName: String)
      switch self {
      case .main(let fileName): release = ("v0.1-weights", fileName)
      case .v2(let fileName): release = ("v0.1-effv2-weights", fileName)
      case .miil(let fileName): release = ("v0.1-tresnet", fileName)
      case .hub:
        return ("https://huggingface.co/timm/\(name)/resolve/main/model.safetensors", name, nil)
      }
      return (
        "https://github.com/rwightman/pytorch-image-models/releases/download/\(release.tag)/"
          + "\(release.fileName).pth",
        release.fileName, String(release.fileName.suffix(8))
      )
    }
  }

  /// timm's preprocessing to `crop` pixels; by default bicubic, resizing the shorter side.
  private enum Resize {
    case bicubic
    case bilinear
    case squash

    var interpolation: Interpolation { self == .bilinear ? .bilinear : .bicubic }
    var fit: Preprocessing.Fit { self == .squash ? .squash : .shortSide }
  }

  private static func timm(
    _ name: String, _ place: Place, crop: Int, of fraction: Double, _ scale: PixelScale,
    by resize: Resize = .bicubic, _ accuracy: Accuracy? = nil, classes: Int = 1000
  ) -> PublishedWeights {
    let (url, fileName, sha256) = place.address(of: name)
    return PublishedWeights(
      name: name, implementation: .timm(name.prefix { $0 != "." }), origin: "timm \(name)",
      url: url, fileName: fileName, sha256: sha256, mebibytes: nil, license: "Apache-2.0",
      classes: classes, accuracy: accuracy,
      preprocessing: Preprocessing(
        // timm: the whole is the crop over its fraction, rounded down.
        resize: Int(Double(crop) / fraction), crop: crop, interpolation: resize.interpolation,
        mean: scale.mean, standardDeviation: scale.deviation, fit: resize.fit))
  }
}
