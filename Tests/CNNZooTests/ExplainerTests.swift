import CNNZoo
import Testing
import TestSupport

struct ExplainerTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func lite(_ precision: PrecisionChoice = .f32) throws -> Explainer {
    let path = "\(folder.path)/lite.safetensors"
    let model = try ModelCatalog.model(named: "effnet-lite0")
    try SeededWeights.write(model, classes: 5, to: path)
    var options = Classifier.Options()
    options.precision = precision
    return try Explainer(model: model, weights: path, options: options)
  }

  private func small() throws -> Explainer {
    let path = "\(folder.path)/small.safetensors"
    try SmallNetwork.write(to: path)
    return try Explainer(model: SmallNetwork.model, weights: path)
  }

  /// Without a hidden layer, the map's mean and the bias are the whole logit.
  @Test func mapIsExactForEfficientNets() throws {
    let explainer = try lite()
    let image = SmallNetwork.image(6)
    let logits = try explainer.classifier.logits(of: image)
    let scale = logits.map { abs(Double($0)) }.max() ?? 0
    for (index, logit) in logits.enumerated() {
      let cam = try explainer.explain(image, class: index)
      #expect(cam.isExact && cam.logit == logit)
      #expect(
        abs(cam.map.mean + Double(cam.bias) - Double(logit)) < 1e-5 * scale)
      #expect((cam.map.width, cam.map.height) == (7, 7))
    }
  }

  /// At lower precision the computation of the logit rounds, that of the map does not.
  @Test func theMapAtLowerPrecision() throws {
    let explainer = try lite(.bf16)
    #expect(explainer.classifier.precision == .bf16)
    let cam = try explainer.explain(SmallNetwork.image(6))
    let sum = cam.map.mean + Double(cam.bias)
    #expect(!cam.isExact)
    #expect(abs(sum - Double(cam.logit)) < 0.05 * (1 + abs(sum)))
  }

  /// (logit(p + h) − logit(p − h)) / 2h in every feature of the pooled vector of an image.
  @Test func gradientWithHiddenLayer() throws {
    let explainer = try small()
    let image = SmallNetwork.image(3)
    let pooled = try Embedder(
      model: SmallNetwork.model, weights: explainer.classifier.network.file.path
    ).embed(image).map(Double.init)
    let logits = try explainer.classifier.logits(of: image)
    for index in 0..<SmallNetwork.classes {
      let function = try explainer.function(of: index)
      #expect(abs(function.value(at: pooled) - Double(logits[index])) < 1e-4)
      let gradient = function.gradient(at: pooled)
      var (product, worst) = (0.0, 0.0)
      for feature in pooled.indices {
        let step = 1e-6
        var (above, below) = (pooled, pooled)
        above[feature] += step
        below[feature] -= step
        let slope = (function.value(at: above) - function.value(at: below)) / (2 * step)
        worst = max(worst, abs(slope - gradient[feature]))
        product += gradient[feature] * pooled[feature]
      }
      #expect(worst < 1e-6, "class \(index)")
      let cam = try explainer.explain(image, class: index)
      #expect(!cam.isExact)
      #expect(abs(cam.map.mean - product) < 1e-4 * (1 + abs(product)))
    }
  }

  @Test func defaultsToTheMostProbableClass() throws {
    let explainer = try small()
    let image = SmallNetwork.image(5)
    let predictions = try explainer.classifier.classify(image, topK: SmallNetwork.classes)
    #expect(try explainer.explain(image).prediction == predictions[0])
    let last = try explainer.explain(image, class: predictions[6].index)
    #expect(last.prediction == predictions[6] && last.rank == 7)
  }

  /// The retriever's head is in the upper left of what the network sees of a tall image.
  @Test(.enabled(if: RealData.haveShared, "\(RealData.needsShared)"))
  func aDogsHeadIsFound() throws {
    let explainer = try Explainer(
      model: ModelCatalog.model(named: "effnet-lite0"),
      weights: "\(RealData.shared)/weights/effnet-lite0-imagenet.safetensors")
    let image = try Image(
      contentsOf: "\(RealData.shared)/images/n02099601_golden_retriever.JPEG")
    let cam = try explainer.explain(image)
    #expect(cam.prediction.label == "golden retriever")
    #expect(
      abs(cam.map.mean + Double(cam.bias - cam.logit)) < 1e-4)
    #expect(cam.peak.isPositive)
    #expect((70...190).contains(cam.peak.x) && (125...225).contains(cam.peak.y))
  }
}
