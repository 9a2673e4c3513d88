import Operators
import Testing

/// The reference for gradients, proven by differences of the forward reference.
struct GradientReferenceTests {
  static let cases: [GradientCase] = [
    GradientCase(height: 3, width: 4, input: 3, output: 2, kernel: 3),
    GradientCase(height: 4, width: 3, input: 2, output: 3, kernel: 3, stride: 2, padding: .same),
    GradientCase(height: 5, width: 7, input: 2, output: 2, kernel: 5, stride: 3),
    GradientCase(height: 4, width: 4, input: 2, output: 2, kernel: 2, padding: .none),
    GradientCase(kind: .linear, input: 5, output: 4),
    .depthwise(4, 5, 3, kernel: 3),
    .depthwise(6, 5, 2, kernel: 5, stride: 2, padding: .same),
  ]

  /// A convolution is linear in its input and in its weights, so central differences are exact.
  @Test(arguments: cases)
  func centralDifferences(_ c: GradientCase) {
    let data = GradientData(c)
    let (image, weights) = (data.images[0], data.filter.weights)
    func loss(_ image: [Float], _ weights: [Float]) -> Double {
      let output = Reference.convolution(
        c.geometry, groups: c.groups, input: image, weights: weights,
        scale: [Double](repeating: 1, count: c.output),
        bias: [Double](repeating: 0, count: c.output), nonlinearity: .identity)
      return zip(output, data.outputGradients[0]).reduce(0) { $0 + $1.0 * Double($1.1) }
    }
    func difference(_ values: [Float], _ index: Int, _ loss: ([Float]) -> Double) -> Double {
      var (above, below) = (values, values)
      above[index] += 0.5
      below[index] -= 0.5
      return loss(above) - loss(below)
    }
    let reference = GradientReference(geometry: c.geometry, groups: c.groups)
    let weightGradient = reference.weights(
      input: image, outputGradient: data.outputGradients[0])
    for index in image.indices {
      let found = data.inputGradients[0][index]
      #expect(abs(found - difference(image, index) { loss($0, weights) }) < 1e-12)
    }
    for index in weights.indices {
      #expect(abs(weightGradient[index] - difference(weights, index) { loss(image, $0) }) < 1e-12)
    }
  }

  /// What implementations get wrong is far outside the tolerance.
  @Test(arguments: GradientCase.convolutions + GradientCase.depthwise)
  func toleranceRejectsMistakes(_ c: GradientCase) {
    let data = GradientData(c)
    let reference = GradientReference(geometry: c.geometry, groups: c.groups)
    let exact = data.weightGradient.map { Float($0) }
    #expect(GradientCase.firstOutlier(exact, data.weightGradient) == nil)
    func rejects(_ found: [Double], _ expected: [Double]) -> Bool {
      GradientCase.firstOutlier(found.map { Float($0) }, expected) != nil
    }
    // One of many positions lost.
    var gradient = data.outputGradients[0]
    for channel in 0..<c.output { gradient[gradient.count - 1 - channel] = 0 }
    let weights = data.filter.weights
    #expect(
      rejects(
        reference.weights(input: data.images[0], outputGradient: gradient),
        reference.weights(input: data.images[0], outputGradient: data.outputGradients[0])))
    #expect(
      rejects(
        reference.input(weights: weights, outputGradient: gradient), data.inputGradients[0]))
    let taps = c.kernel * c.kernel
    guard taps > 1 && c.geometry.outputPositions > 1 else { return }
    let unflipped = weights.indices.map { weights[$0 / taps * taps + taps - 1 - $0 % taps] }
    #expect(
      rejects(
        reference.input(weights: unflipped, outputGradient: data.outputGradients[0]),
        data.inputGradients[0]))
    let lost = weights.indices.map { $0 % taps == taps / 2 ? 0 : weights[$0] }
    #expect(
      rejects(
        reference.input(weights: lost, outputGradient: data.outputGradients[0]),
        data.inputGradients[0]))
    let sum = data.weightGradient.indices.map { $0 == taps / 2 ? 0 : data.weightGradient[$0] }
    #expect(rejects(sum, data.weightGradient))
  }
}
