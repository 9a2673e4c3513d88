import Images
import ModelZoo
import Testing

/// What the catalogue says about weights.
struct PublishedWeightsTests {
  private let all = ModelCatalog.models.flatMap(\.published)

  @Test func everySetIsListedOnce() {
    #expect(all.count == 51)
    #expect(Set(all.map(\.name)).count == all.count)
    #expect(Set(all.map(\.fileName)).count == all.count)
  }

  @Test func publishedWeightsAreConsistent() {
    for set in all {
      #expect(set.name.hasPrefix(set.implementation.name + "."), "\(set.name)")
      #expect(!set.license.isEmpty, "\(set.name)")
      if let url = set.url {
        #expect(url.hasPrefix("https://"), "\(set.name)")
        #expect(url.hasSuffix(".pth") || url.hasSuffix(".safetensors"), "\(set.name)")
      }
      if let hash = set.sha256 {
        #expect(hash.count == 8 || hash.count == 64, "\(set.name)")
        #expect(hash.allSatisfy { "0123456789abcdef".contains($0) }, "\(set.name)")
        #expect(set.fileName.hasSuffix(hash.prefix(8)), "\(set.name)")
      }
      if let accuracy = set.accuracy {
        #expect((50..<accuracy.top5).contains(accuracy.top1), "\(set.name)")
        #expect(accuracy.top5 < 100 && set.classes == 1000, "\(set.name)")
      }
    }
  }

  @Test func everyModelHasWeightsToDownload() {
    // The only set of this network is on the Hub, where file names contain no hash.
    for model in ModelCatalog.models where model.name != "mobilenetv3-large-1.5d" {
      #expect(model.published.contains { $0.url != nil && $0.sha256 != nil }, "\(model.name)")
    }
    #expect(ModelCatalog.models.allSatisfy { $0.published.contains { $0.url != nil } })
  }

  /// timm's own transforms (`create_transform` of 1.0, test sizes) for very different settings.
  @Test(arguments: [
    ("tf_efficientnetv2_s.in1k", 384, 384, Interpolation.bicubic, Preprocessing.Fit.shortSide),
    ("tf_efficientnetv2_m.in1k", 480, 480, .bicubic, .squash),
    ("tf_efficientnetv2_b0.in1k", 256, 224, .bicubic, .shortSide),
    ("tf_efficientnetv2_b1.in1k", 272, 240, .bicubic, .shortSide),
    ("tf_efficientnetv2_b2.in1k", 292, 260, .bicubic, .shortSide),
    ("tf_efficientnetv2_b3.in1k", 331, 300, .bicubic, .shortSide),
    ("tf_efficientnetv2_b3.in21k_ft_in1k", 333, 300, .bicubic, .squash),
    ("tf_mobilenetv3_large_100.in1k", 256, 224, .bilinear, .shortSide),
    ("tf_efficientnet_lite4.in1k", 413, 380, .bilinear, .shortSide),
  ])
  func preprocessingMatchesTimm(
    _ name: String, _ resize: Int, _ crop: Int, _ interpolation: Interpolation,
    _ fit: Preprocessing.Fit
  ) throws {
    let set = try #require(try ModelCatalog.model(named: name).published.first)
    #expect(set.name == name)
    #expect(set.preprocessing.resize == resize)
    #expect(set.preprocessing.crop == crop)
    #expect(set.preprocessing.interpolation == interpolation)
    #expect(set.preprocessing.fit == fit)
  }
}
