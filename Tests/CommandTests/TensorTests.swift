import CNNZoo
import Foundation
import TestSupport
import Testing

/// `infer` and `convert`.
struct TensorTests {
  private let folder: String

  init() throws {
    folder = try TestFiles.folder()
  }

  private func infer(_ input: String, _ more: String...) throws -> Tool.Outcome {
    try Tool.run(
      [
        "infer", "mobilenetv3-small", "--weights", try TestFiles.weights.get(), "--input", input,
        "--output", "\(folder)/out.safetensors",
      ] + more)
  }

  private func logits() throws -> (shape: [Int], values: [Float]) {
    let tensor = try #require(try WeightFile(path: "\(folder)/out.safetensors")["logits"])
    return (tensor.shape, try tensor.floats())
  }

  private static func values(_ shape: [Int]) -> [Float] {
    (0..<shape.reduce(1, *)).map { Float($0 * 37 % 101) / 50 - 1 }
  }

  @Test func fileFormatAndBatchDoNotMatter() throws {
    let shape = [3, 3, 40, 56]
    let values = Self.values(shape)
    try NPYArray(shape: shape, values: values).write(to: "\(folder)/in.data")
    var writer = SafetensorsWriter()
    writer.append(name: "other", shape: [1], values: [0])
    writer.append(name: "input", shape: shape, values: values)
    try writer.write(to: "\(folder)/in.safetensors")
    #expect(try infer("\(folder)/in.data").status == 0)
    let expected = try logits()
    #expect(expected.shape == [3, TestFiles.classes])
    #expect(try infer("\(folder)/in.safetensors", "--batch", "2", "--threads", "2").status == 0)
    #expect(try logits() == expected)
  }

  /// As for other commands, the weights tell the network.
  @Test func theNetworkIsOptional() throws {
    try NPYArray(shape: [3, 32, 32], values: Self.values([3, 32, 32])).write(to: "\(folder)/in")
    #expect(try infer("\(folder)/in").status == 0)
    let expected = try logits()
    let outcome = try Tool.run([
      "infer", "--weights", try TestFiles.weights.get(), "--input", "\(folder)/in", "--output",
      "\(folder)/out.safetensors", "--format", "json",
    ])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try object(outcome.output)["model"] as? String == "mobilenetv3-small")
    #expect(try logits() == expected)
  }

  @Test func batchDimensionIsOptional() throws {
    try NPYArray(shape: [3, 32, 32], values: Self.values([3, 32, 32])).write(to: "\(folder)/in")
    #expect(try infer("\(folder)/in").status == 0)
    #expect(try logits().shape == [1, TestFiles.classes])
  }

  @Test(arguments: [
    ([1, 4, 8, 8], "expected [N, 3, height, width]"), ([3], "expected [N, 3, height, width]"),
    ([0, 3, 8, 8], "expected [N, 3, height, width]"),
  ])
  func shapesOtherThanImages(shape: [Int], reason: String) throws {
    try NPYArray(shape: shape, values: Self.values(shape)).write(to: "\(folder)/in")
    let outcome = try infer("\(folder)/in")
    #expect(outcome.status == 65)
    #expect(outcome.errors.contains(reason))
  }

  @Test func valuesThatAreNotFinite() throws {
    var values = Self.values([3, 8, 8])
    values[70] = .nan
    try NPYArray(shape: [3, 8, 8], values: values).write(to: "\(folder)/in")
    let outcome = try infer("\(folder)/in")
    #expect(outcome.status == 65)
    #expect(outcome.errors.contains("element 70"))
  }

  @Test func missingFilesAndOtherFormats() throws {
    #expect(try infer("/no/input").status == 66)
    #expect(try infer("/etc/passwd").status == 65)
  }

  @Test func convertedWeightsNeedNoFlags() throws {
    let output = "\(folder)/converted.safetensors"
    let outcome = try Tool.run([
      "convert", try TestFiles.weights.get(), output, "--model", "mobilenetv3-small", "--dtype",
      "bf16", "--padding", "same", "--mean", "0.5", "--std", "0.5", "--license", "MIT",
    ])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let file = try WeightFile(path: output)
    #expect(file.metadata["padding"] == "same")
    #expect(file.metadata["license"] == "MIT")
    #expect(file.metadata["preprocessing.mean"] == "0.5,0.5,0.5")
    let image = try TestFiles.image("\(folder)/image")
    let answer = try Tool.run([
      "classify", image, "--model", "mobilenetv3-small", "--weights", output,
    ])
    #expect(answer.status == 0, "\(answer.errors)")
    #expect(
      try Tool.run(["classify", image, "--model", "effnet-lite0", "--weights", output]).status
        == 76)
  }

  @Test(arguments: ["/no/folder/out.safetensors", "/dev/full"])
  func outputsThatCannotBeCreated(output: String) throws {
    let weights = try TestFiles.weights.get()
    let outcome = try Tool.run(["convert", weights, output, "--model", "mobilenetv3-small"])
    #expect(outcome.status == 73)
    #expect(outcome.output.isEmpty)
  }

  @Test(
    .enabled(if: RealData.haveShared, "\(RealData.needsShared)"),
    arguments: [
      ("effnet-lite0", "effnet-lite0-imagenet"),
      ("mobilenetv3-small", "mobilenetv3-small-imagenet-same"),
    ])
  func recordedLogits(model: String, name: String) throws {
    let recorded = try WeightFile(path: "\(RealData.shared)/golden/\(name).io.safetensors")
    let inputs = recorded.names.filter { $0.hasSuffix(".input") }
    #expect(inputs.count == 4)
    for input in inputs {
      let tensor = try #require(recorded[input])
      try NPYArray(shape: tensor.shape, values: try tensor.floats()).write(to: "\(folder)/in")
      let outcome = try Tool.run([
        "infer", model, "--weights", "\(RealData.shared)/weights/\(name).safetensors",
        "--padding", "same", "--input", "\(folder)/in", "--output", "\(folder)/out.safetensors",
      ])
      #expect(outcome.status == 0, "\(outcome.errors)")
      let expected = try #require(recorded[input.replacing(".input", with: ".logits")]).floats()
      let found = try logits().values
      let largest = expected.map(abs).max() ?? 0
      let error = zip(expected, found).map { abs($0 - $1) }.max() ?? .infinity
      #expect(error <= 1e-4 * largest, "\(input)")
    }
  }
}
