import Foundation
import GraphIR
import Inference
import ModelZoo
import Testing
import TestSupport

/// Networks as timm builds them, at full size, with parameters that both sides compute from timm's
/// names (Scripts/goldens/record_timm.py).
struct TimmNetworkTests {
  struct Case: CustomTestStringConvertible {
    let network: String
    let height: Int
    let width: Int
    let classes: Int
    let factor: Float
    let largest: Double
    let values: [Double]

    init?(_ row: [String]) {
      guard row.count == 7, let height = Int(row[1]), let width = Int(row[2]),
        let classes = Int(row[3]), let factor = Float(row[4]),
        let largest = Double(row[5])
      else { return nil }
      network = row[0]
      self.height = height
      self.width = width
      self.classes = classes
      self.factor = factor
      self.largest = largest
      values = row[6].split(separator: " ").compactMap { Double($0) }
    }

    var testDescription: String { network }
  }

  static let cases = GoldenTable.rows("timm.tsv", as: Case.init)

  @Test func everyCaseIsRecorded() {
    let builds = ModelCatalog.models.flatMap(\.implementations).filter { $0.naming == .timm }
    #expect(Set(Self.cases.map(\.network)) == Set(builds.map(\.name)))
    for golden in Self.cases {
      #expect(golden.values.count == (golden.classes > 100 ? 100 : golden.classes))
    }
  }

  @Test(arguments: cases)
  func logits(_ golden: Case) throws {
    let model = try ModelCatalog.model(named: golden.network)
    var configuration = model.defaultConfiguration
    configuration.inputHeight = golden.height
    configuration.inputWidth = golden.width
    configuration.classes = golden.classes
    let graph = try model.graph(configuration)
    let session = try InferenceSession(
      graph: graph,
      parameters: RenamedSeeds(
        names: model.fileNames(of: graph, in: .timm), factor: golden.factor),
      options: .init(threads: 2))
    let logits = try session.logits(
      of: SeededImages.make(batch: 1, height: golden.height, width: golden.width))[0]
    let step = golden.classes > 100 ? 10 : 1
    let shown = stride(from: 0, to: logits.count, by: step).map { Double(logits[$0]) }
    try #require(shown.count == golden.values.count)
    let error = zip(shown, golden.values).map { abs($0 - $1) }.max() ?? .infinity
    #expect(error <= 5e-5 * golden.largest, "largest error \(error) of \(golden.largest)")
  }
}

/// Seeded parameters that depend on the names in a file.
private struct RenamedSeeds: ParameterSource {
  let names: [String: String]
  /// On the weights of the blocks' last convolutions.
  let factor: Float

  func withValues<Result>(
    of parameter: Parameter, _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) throws -> Result {
    let renamed = Parameter(
      name: names[parameter.name] ?? "", role: parameter.role, shape: parameter.shape)
    let values = SeededParameters().values(of: renamed)
    let isLast = renamed.name.hasSuffix("conv_pwl.weight")
    return try (isLast ? values.map { $0 * factor } : values).withUnsafeBufferPointer(body)
  }

  func release(_ parameter: Parameter) {}
}
