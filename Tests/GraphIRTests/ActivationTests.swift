import GraphIR
import Testing

struct ActivationTests {
  /// Values from the definitions, at both kinks and outside.
  @Test(
    arguments: [
      (.relu, [0, 0, 0, 3, 8]), (.relu6, [0, 0, 0, 3, 6]),
      (.hardSwish, [0, 0, 0, 3, 8]), (.hardSigmoid, [0, 0, 0.5, 1, 1]),
      (.silu, [-0.0026828012, -0.1422776195, 0, 2.8577223805, 7.9973171988]),
      (.sigmoid, [0.0003353501, 0.0474258732, 0.5, 0.9525741268, 0.9996646499]),
    ] as [(Activation, [Double])])
  func values(activation: Activation, expected: [Double]) {
    for (x, value) in zip([-8.0, -3, 0, 3, 8], expected) {
      #expect(abs(activation.value(at: x) - value) < 1e-9, "at \(x)")
    }
  }

  /// (f(x + h) − f(x − h)) / 2h, away from the kinks.
  @Test(arguments: Activation.allCases)
  func derivatives(activation: Activation) {
    for x in stride(from: -7.03, to: 8, by: 0.371) {
      let step = 1e-5
      let slope =
        (activation.value(at: x + step) - activation.value(at: x - step)) / (2 * step)
      #expect(abs(activation.derivative(at: x) - slope) < 1e-8, "at \(x)")
    }
  }

  /// PyTorch's derivatives at the kinks −3, 0, 3 and 6.
  @Test(
    arguments: [
      (.relu, [0, 0, 1, 1]), (.relu6, [0, 0, 1, 0]), (.hardSwish, [0, 0.5, 1, 1]),
      (.hardSigmoid, [0, 1 / 6, 0, 0]),
    ] as [(Activation, [Double])])
  func kinks(activation: Activation, expected: [Double]) {
    for (x, slope) in zip([-3.0, 0, 3, 6], expected) {
      #expect(activation.derivative(at: x) == slope, "at \(x)")
    }
  }
}
