import GraphIR
import Inference
import ModelZoo
import Pretrained
import Testing
import TestSupport
import Weights

struct ConversionTests {
  private let folder: TemporaryFolder
  private let source: String
  private var target: String { "\(folder.path)/out.safetensors" }

  init() throws {
    folder = try TemporaryFolder()
    source = "\(folder.path)/in.safetensors"
    try SmallNetwork.write(to: source)
  }

  private func network(
    _ path: String? = nil, classes: Int? = nil
  ) throws -> LoadedNetwork {
    try LoadedNetwork(SmallNetwork.model, weights: path ?? source) {
      $0.classes = classes ?? $0.classes
    }
  }

  @Test func classCountComesFromTheFile() throws {
    #expect(try network().configuration.classes == SmallNetwork.classes)
  }

  @Test func namesAndValuesStay() throws {
    try Conversion(of: network()).write(to: target)
    let (before, after) = (try WeightFile(path: source), try WeightFile(path: target))
    #expect(after.names == before.names)
    for tensor in before.tensors {
      let floats = try tensor.floats()
      #expect(try after[tensor.name]?.floats() == floats, "\(tensor.name)")
    }
  }

  @Test func metadataIsPreserved() throws {
    var provenance = Conversion.Provenance()
    provenance.labels = Labels((0..<SmallNetwork.classes).map { "name \($0)" })
    provenance.license = "MIT"
    var overrides = PreprocessingOverrides()
    overrides.padding = .same
    overrides.crop = 96
    let network = try LoadedNetwork(SmallNetwork.model, weights: source, overrides: overrides)
    try Conversion(of: network, as: .f16, provenance: provenance).write(to: target)
    let read = try self.network(target)
    #expect(read.file.metadata["model"] == "mobilenetv3-small")
    #expect(read.info.labels == provenance.labels)
    #expect(read.info.license == "MIT")
    #expect(read.info.preprocessing == network.info.preprocessing)
    #expect(read.info.preprocessing.crop == 96 && read.info.padding == .same)
    #expect(read.configuration == network.configuration)
    #expect(read.file.tensors.allSatisfy { $0.elementType == .f16 })
  }

  @Test func allMismatchesAreListedAtOnce() throws {
    var configuration = SmallNetwork.model.defaultConfiguration
    configuration.widthMultiplier = 0.25
    configuration.classes = 9
    let other = try SmallNetwork.model.graph(configuration)
    var writer = SafetensorsWriter(metadata: ["width_multiplier": "0.25"])
    for parameter in other.parameters.dropFirst() {
      writer.append(
        name: parameter.name, shape: parameter.shape,
        values: SeededParameters().values(of: parameter))
    }
    writer.append(name: "spare", shape: [1], values: [0])
    try writer.write(to: target)
    let error = #expect(throws: ParameterMismatch.self) {
      try network(target, classes: SmallNetwork.classes)
    }
    let mismatch = try #require(error)
    #expect(mismatch.missing.map(\.name) == [other.parameters[0].name])
    #expect(mismatch.superfluous.map(\.name) == ["spare"])
    #expect(mismatch.reshaped.map(\.name) == ["classifier.3.weight", "classifier.3.bias"])
  }

  @Test(arguments: [(Parameter.Role.weight, Float.nan), (.runningVariance, -1)])
  func impossibleValuesAreRejected(role: Parameter.Role, value: Float) throws {
    var isDone = false
    try SmallNetwork.write(to: source) { parameter, values in
      if parameter.role == role, !isDone {
        values[values.count - 1] = value
        isDone = true
      }
    }
    let network = try network()
    #expect(throws: InferenceError.self) { try Conversion(of: network).write(to: target) }
    #expect(throws: WeightsError.self) { try WeightFile(path: target) }
  }

  @Test func thereMustBeOneLabelPerClass() throws {
    var provenance = Conversion.Provenance()
    provenance.labels = Labels(["one"], source: "names.txt")
    let network = try network()
    #expect(
      throws: LabelsError.wrongCount(
        source: "names.txt", expected: SmallNetwork.classes, found: 1)
    ) { try Conversion(of: network, provenance: provenance) }
  }
}
