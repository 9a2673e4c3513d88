import CNNZoo
import Foundation
import TestSupport
import Testing

/// The photo that Scripts/quickstart downloads, with EfficientNet-Lite0's published weights,
/// against timm's logits in double precision (Scripts/goldens/record_timm.py).
@Suite(
  .enabled(if: RealData.liteWeights != nil && RealData.cat != nil, "\(RealData.needsQuickstart)"))
struct CatTests {
  static let logitTolerance: Float = 1e-4

  private let classifier: Classifier
  private let photo: Image
  private let expected: [(index: Int, logit: Float)]

  init() throws {
    classifier = try Classifier(model: "effnet-lite0", weights: RealData.liteWeights)
    photo = try Image(contentsOf: try #require(RealData.cat))
    expected = GoldenTable.rows("cat.tsv") { row in
      guard row.count == 2, let index = Int(row[0]), let logit = Float(row[1]) else { return nil }
      return (index, logit)
    }
  }

  /// The largest difference from timm's five largest logits.
  private func error(_ image: Image) throws -> Float {
    let logits = try classifier.logits(of: image)
    return expected.map { abs(logits[$0.index] - $0.logit) }.max() ?? .infinity
  }

  @Test func logitsMatchTimm() throws {
    #expect(expected.count == 5)
    #expect(try error(photo) <= Self.logitTolerance)
  }

  /// One step of brightness is outside the tolerance.
  @Test func changedPixelsAreRejected() throws {
    let brighter = Image(
      width: photo.width, height: photo.height, pixels: photo.pixels.map { $0 == 255 ? $0 : $0 + 1 }
    )
    #expect(try error(brighter) > 10 * Self.logitTolerance)
  }

  @Test func predictionsMatchTheCat() throws {
    let predictions = try classifier.classify(photo, topK: 5)
    #expect(predictions.map(\.index) == expected.map(\.index))
    #expect(
      predictions.map(\.label) == ["tiger cat", "Egyptian cat", "tabby", "lynx", "window screen"])
    // Ratios of probabilities are differences of logits.
    let ratio = log(Double(predictions[0].probability / predictions[1].probability))
    #expect(abs(ratio - Double(expected[0].logit - expected[1].logit)) < 1e-4)
  }
}
