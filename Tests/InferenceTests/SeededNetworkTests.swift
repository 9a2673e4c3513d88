import GraphIR
import Inference
import ModelZoo
import TestSupport
import Testing

/// Networks at full size, with parameters that both sides compute.
struct SeededNetworkTests {
  @Test func everyCaseIsRecorded() {
    #expect(Goldens.logits.count == 15)
    for golden in Goldens.logits {
      let shown = golden.batch * golden.configuration.classes / golden.step
      #expect(golden.values.count == shown, "\(golden.testDescription)")
    }
  }

  @Test(arguments: Goldens.logits, Backend.allCases)
  func logits(_ golden: Goldens.Logits, _ backend: Backend) throws {
    let session = try InferenceSession(
      graph: try golden.graph, parameters: SeededParameters(),
      options: .init(threads: 2, backend: backend, maximumBatch: golden.batch))
    let found = try session.logits(
      of: SeededImages.make(
        batch: golden.batch, height: golden.configuration.inputHeight,
        width: golden.configuration.inputWidth))
    let shown = found.flatMap { logits in
      stride(from: 0, to: logits.count, by: golden.step).map { Double(logits[$0]) }
    }
    try #require(shown.count == golden.values.count)
    for (index, pair) in zip(shown, golden.values).enumerated()
    where !(abs(pair.0 - pair.1) <= 5e-5 * golden.largest) {
      Issue.record(
        "recorded value \(index): \(pair.0), expected \(pair.1), largest \(golden.largest)")
      break
    }
    let largest = found.joined().map { Double(abs($0)) }.max() ?? 0
    #expect(abs(largest - golden.largest) <= 5e-5 * golden.largest)
  }

  /// The formula, by its first values: what Scripts/goldens/reference_networks.py computes.
  @Test func formula() {
    let weight = Parameter(name: "features.0.0.weight", role: .weight, shape: [2, 3, 3, 3])
    #expect(
      SeededParameters().values(of: weight).prefix(3) == [0.142542869, -0.104140393, 0.0467681997])
    #expect(SeededParameters(seed: 1).values(of: weight).prefix(1) == [0.101581484])
    let variance = Parameter(name: "features.0.1.running_var", role: .runningVariance, shape: [3])
    #expect(SeededParameters().values(of: variance) == [0.722033858, 0.871474087, 1.1308682])
  }
}
