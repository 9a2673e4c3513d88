import CNNZoo
import Testing
import TestSupport

struct EmbedderTests {
  private let folder: TemporaryFolder
  private let weights: String

  init() throws {
    folder = try TemporaryFolder()
    weights = "\(folder.path)/small.safetensors"
    try SmallNetwork.write(to: weights)
  }

  private func embedder(_ change: (inout Embedder.Options) -> Void = { _ in }) throws -> Embedder {
    var options = Embedder.Options()
    change(&options)
    return try Embedder(model: SmallNetwork.model, weights: weights, options: options)
  }

  /// The classifier, computed here in Double from the hidden layer's vector.
  @Test func theHiddenVectorGivesTheLogits() throws {
    let embedder = try embedder { $0.layer = .hidden }
    let file = try WeightFile(path: weights)
    let rows = try #require(file["classifier.3.weight"]).floats()
    let biases = try #require(file["classifier.3.bias"]).floats()
    let image = SmallNetwork.image(4)
    let vector = try embedder.embed(image)
    let logits = try Classifier(model: SmallNetwork.model, weights: weights).logits(of: image)
    #expect(embedder.dimension == vector.count && rows.count == vector.count * biases.count)
    for (index, logit) in logits.enumerated() {
      var sum = Double(biases[index])
      for (feature, value) in vector.enumerated() {
        sum += Double(rows[index * vector.count + feature]) * Double(value)
      }
      #expect(abs(sum - Double(logit)) < 1e-4 * (1 + abs(sum)))
    }
  }

  @Test func bitIdenticalForAnyThreadsAndBatch() throws {
    let images = (1...5).map { SmallNetwork.image(UInt8($0)) }
    let single = try embedder { $0.threads = 1 }
    let expected = try images.map { try single.embed($0) }
    #expect(Set(expected).count == 5)
    for (threads, batch) in [(1, 3), (2, 2), (3, 5)] {
      let embedder = try embedder {
        $0.threads = threads
        $0.maximumBatch = batch
      }
      var found: [[Float]] = []
      try embedder.embed(ImageInputs(images.map { .image($0) })) {
        found.append(try $0.result.get())
      }
      #expect(found == expected)
    }
  }

  @Test func lowerPrecisionIsNearAndReproducible() throws {
    let image = SmallNetwork.image(2)
    let exact = try embedder { $0.normalizes = true }.embed(image)
    for choice in [PrecisionChoice.bf16, .int8] {
      let vectors = try [1, 3].map { threads in
        let embedder = try embedder {
          $0.threads = threads
          $0.normalizes = true
          $0.precision = choice
        }
        #expect(embedder.precision == choice.fixed)
        return try embedder.embed(image)
      }
      #expect(vectors[0] == vectors[1] && vectors[0] != exact)
      #expect(zip(vectors[0], exact).reduce(0) { $0 + Double($1.0 * $1.1) } > 0.95)
    }
  }

  @Test func normalisedVectorsHaveLengthOne() throws {
    let plain = try embedder().embed(SmallNetwork.image(2))
    let unit = try embedder { $0.normalizes = true }.embed(SmallNetwork.image(2))
    let length = plain.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    #expect(abs(unit.reduce(0) { $0 + Double($1) * Double($1) } - 1) < 1e-6)
    #expect(length > 1.1 || length < 0.9)
    #expect(zip(plain, unit).allSatisfy { abs(Double($0) / length - Double($1)) < 1e-6 })
  }

  /// Overflowing logits do not affect the embedding; a non-finite embedding is rejected.
  @Test func onlyTheEmbeddingMustBeFinite() throws {
    let expected = try embedder().embed(SmallNetwork.image(1))
    try SmallNetwork.write(to: weights) { parameter, values in
      if parameter.name == "classifier.3.weight" {
        values = values.map { $0 < 0 ? -3e38 : 3e38 }
      }
    }
    #expect(try embedder().embed(SmallNetwork.image(1)) == expected)
    try SmallNetwork.write(to: weights) { parameter, values in
      if parameter.name.hasSuffix("block.0.1.weight") { values = values.map { $0 * 1e30 } }
    }
    #expect(throws: EmbeddingError.self) { try embedder().embed(SmallNetwork.image(1)) }
  }

  @Test func efficientNetsHaveNoHiddenLayer() throws {
    let path = "\(folder.path)/lite.safetensors"
    let model = try ModelCatalog.model(named: "effnet-lite0")
    try SeededWeights.write(model, classes: 3, to: path)
    var options = Embedder.Options()
    #expect(try Embedder(model: model, weights: path, options: options).dimension == 1280)
    options.layer = .hidden
    #expect(throws: EmbeddingError.noHiddenLayer(model: "effnet-lite0")) {
      try Embedder(model: model, weights: path, options: options)
    }
  }
}

struct SimilarityIndexTests {
  @Test(.enabled(if: Algebra.isThere, "OpenBLAS or LAPACKE is not installed"))
  func resultsAreOrderedByAngle() throws {
    var index = try SimilarityIndex(dimension: 2)
    for vector: [Float] in [[0, 5], [3, 3], [-1, 0], [0.1, 0], [3, 3]] { try index.append(vector) }
    let matches = try index.matches(of: [2, 0], count: 9)
    #expect(matches.map(\.index) == [3, 1, 4, 0, 2])
    let expected = [1, 0.5.squareRoot(), 0.5.squareRoot(), 0, -1]
    #expect(zip(matches, expected).allSatisfy { abs($0.cosine - $1) < 1e-6 })
    #expect(try index.matches(of: [2, 0], count: 2).count == 2)
    #expect(throws: EmbeddingError.zero) { try index.append([0, 0]) }
    #expect(throws: EmbeddingError.zero) { try index.matches(of: [0, 0], count: 1) }
  }
}
