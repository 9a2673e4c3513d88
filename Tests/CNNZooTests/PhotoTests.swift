import CNNZoo
import Foundation
import Testing
import TestSupport

/// Real weights on real photos against the reference's recorded answers: the same classes in the
/// same order (except for ties within 1e-3), logits within 2e-3.
@Suite(.enabled(if: RealData.haveShared, "\(RealData.needsShared)"))
struct PhotoTests {
  static let orderTolerance: Float = 1e-3
  static let logitTolerance: Float = 2e-3

  struct Case: Sendable, CustomTestStringConvertible {
    let weights: String
    let model: String
    let golden: String
    var isTurned = false
    var isScaledToOne = false

    var testDescription: String { weights }
  }

  @Test(arguments: [
    Case(
      weights: "effnet-lite0-imagenet", model: "effnet-lite0", golden: "effnet-lite0-imagenet"),
    Case(
      weights: "mobilenetv3-small-imagenet-same", model: "mobilenetv3-small",
      golden: "mobilenetv3-small-imagenet-same", isScaledToOne: true),
    Case(
      weights: "mobilenetv3-small-imagenet-rot180-symmetric", model: "mobilenetv3-small",
      golden: "mobilenetv3-small-imagenet-same", isTurned: true, isScaledToOne: true),
  ])
  func topFive(_ test: Case) throws {
    let classifier = try classifier(test)
    let golden = try String(
      contentsOfFile: "\(RealData.shared)/golden/\(test.golden).top5.tsv", encoding: .utf8)
    var compared = 0
    for line in golden.split(separator: "\n") {
      let fields = line.split(separator: "\t")
      let expected = fields[2].split(separator: " ").compactMap { pair -> (Int, Float)? in
        let parts = pair.split(separator: ":")
        guard let index = Int(parts[0]), let logit = Float(parts[1]) else { return nil }
        return (index, logit)
      }
      let path = "\(RealData.shared)/images/\(fields[0])"
      var image = try Image(contentsOf: path, applyOrientation: false)
      if test.isTurned { image = try image.cropped(256, 224).turnedByHalf }
      compare(try classifier.logits(of: image), expected, name: String(fields[0]))
      compared += 1
    }
    #expect(compared == 103)
  }

  private func classifier(_ test: Case) throws -> Classifier {
    var options = Classifier.Options()
    if test.isScaledToOne {
      options.preprocessing.mean = SIMD3(repeating: 0.5)
      options.preprocessing.std = SIMD3(repeating: 0.5)
      options.preprocessing.padding = test.isTurned ? .symmetric : .same
    }
    if test.isTurned { options.preprocessing.resize = 224 }
    return try Classifier(
      model: test.model, weights: "\(RealData.shared)/weights/\(test.weights).safetensors",
      options: options)
  }

  private func compare(_ logits: [Float], _ expected: [(Int, Float)], name: String) {
    #expect(expected.count == 5)
    let order = logits.indices.sorted { (logits[$1], $0) < (logits[$0], $1) }
    for (rank, (index, logit)) in expected.enumerated() {
      #expect(
        abs(logits[index] - logit) <= Self.logitTolerance,
        "\(name), class \(index): \(logits[index]), expected \(logit)")
      let isTie = abs(logits[order[rank]] - logits[index]) <= Self.orderTolerance
      #expect(
        order[rank] == index || isTie, "\(name), rank \(rank): \(order[rank]), expected \(index)")
    }
  }

  @Test func wrongPaddingIsDetected() throws {
    var options = Classifier.Options()
    options.preprocessing.padding = .symmetric
    let classifier = try Classifier(
      model: "effnet-lite0",
      weights: "\(RealData.shared)/weights/effnet-lite0-imagenet.safetensors", options: options)
    let image = try Image(
      contentsOf: "\(RealData.shared)/images/n01440764_tench.JPEG", applyOrientation: false)
    #expect(abs(try classifier.logits(of: image)[0] - 9.5138) > 10 * Self.logitTolerance)
  }
}

extension Image {
  /// The square that a network sees: cutting it is not symmetric to the pixel, so that an image is
  /// cut before it is turned.
  fileprivate func cropped(_ resize: Int, _ crop: Int) throws -> Image {
    let recipe = Preprocessing(
      resize: resize, crop: crop, interpolation: .bilinear, mean: .zero,
      standardDeviation: .one)
    var values = [Float](repeating: 0, count: recipe.valueCount)
    try values.withUnsafeMutableBufferPointer { try recipe.apply(to: self, into: $0) }
    return Image(width: crop, height: crop, pixels: values.map { UInt8(($0 * 255).rounded()) })
  }

  /// The image turned by 180°.
  fileprivate var turnedByHalf: Image {
    var turned: [UInt8] = []
    for pixel in stride(from: pixels.count - 3, through: 0, by: -3) {
      turned += pixels[pixel..<pixel + 3]
    }
    return Image(width: width, height: height, pixels: turned)
  }
}
