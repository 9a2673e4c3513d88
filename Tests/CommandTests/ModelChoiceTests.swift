import CNNZoo
import Foundation
import Testing

/// Commands without `--model`: the weights, the environment or what is installed decide.
struct ModelChoiceTests {
  private let folder: String
  private let image: String
  /// A copy of the command outside the package, which may have weights of its own.
  private let command: String
  private var cache: String { "\(folder)/cache" }

  init() throws {
    folder = try TestFiles.folder()
    image = try TestFiles.image("\(folder)/image")
    command = "\(folder)/bin/cnnzoo"
    for name in ["bin", "cache", "share/cnnzoo"] {
      try FileManager.default.createDirectory(
        atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
    }
    try FileManager.default.copyItem(atPath: Tool.path, toPath: command)
  }

  /// Runs the command with only the weights in the cache and `share/cnnzoo`.
  private func run(_ arguments: [String], model: String = "") throws -> Tool.Outcome {
    try Tool.shell(
      #"CNNZOO_CACHE="$1" CNNZOO_MODEL="$2" "$3" "${@:4}""#, [cache, model, command] + arguments)
  }

  private func install(_ name: String, metadata: [String: String] = [:]) throws {
    let file = try WeightFile(path: try TestFiles.weights.get())
    var writer = SafetensorsWriter(metadata: file.metadata.merging(metadata) { $1 })
    for tensor in file.tensors { writer.append(tensor) }
    try writer.write(to: "\(folder)/\(name)")
  }

  @Test(arguments: [
    ["classify"], ["embed", "--format", "jsonl"], ["explain", "--format", "json"],
  ])
  func theWeightsDetermineTheNetwork(command: [String]) throws {
    let weights = try TestFiles.weights.get()
    let told = try Tool.run([command[0], image] + command.dropFirst() + TestFiles.network())
    let found = try Tool.run([command[0], image] + command.dropFirst() + ["--weights", weights])
    #expect(found.status == 0, "\(found.errors)")
    #expect(found.output == told.output && !found.output.isEmpty)
    #expect(found.errors.contains("mobilenetv3-small"))
  }

  @Test func theEnvironmentNamesTheNetwork() throws {
    try install("cache/mobilenetv3-small.safetensors")
    let outcome = try run(["classify", image, "--format", "jsonl"], model: "mobilenet_v3_small")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.isEmpty)
    #expect(try object(outcome.output)["model"] as? String == "mobilenetv3-small")
    let unknown = try run(["classify", image], model: "mobilenet_v3_smal")
    #expect(unknown.status == 64 && unknown.errors.contains("Did you mean mobilenetv3-small"))
  }

  /// Even if another network would have been chosen without it.
  @Test func anOptionTakesPrecedenceOverTheEnvironment() throws {
    try install("cache/mobilenetv3-small.safetensors")
    let outcome = try run(
      ["classify", image, "--model", "mobilenetv3-small", "--format", "jsonl"],
      model: "effnetv2-l")
    #expect(try object(outcome.output)["model"] as? String == "mobilenetv3-small")
  }

  @Test func theMostAccurateInstalledWeightsAreNamed() throws {
    try install(
      "cache/mobilenetv3-small.safetensors", metadata: ["source": "torchvision IMAGENET1K_V1"])
    let outcome = try run(["classify", image, "--format", "jsonl"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(
      outcome.errors.contains("using mobilenet_v3_small.IMAGENET1K_V1, top-1 67.668 %"),
      "\(outcome.errors)")
    #expect(try object(outcome.output)["model"] as? String == "mobilenetv3-small")
  }

  /// As after the installation of a package: no cache, no network.
  @Test func weightsInstalledWithTheCommandAreFound() throws {
    let none = try run(["classify", image])
    #expect(none.status == 69 && none.errors.contains("cnnzoo pull"), "\(none.errors)")
    try install("share/cnnzoo/mobilenetv3-small.safetensors")
    let outcome = try run(["classify", image, "--format", "jsonl"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try object(outcome.output)["model"] as? String == "mobilenetv3-small")
  }

  @Test func convertAsksTheFileToo() throws {
    let output = "\(folder)/out.safetensors"
    let outcome = try run(["convert", try TestFiles.weights.get(), output])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try WeightFile(path: output).metadata["model"] == "mobilenetv3-small")
  }

  @Test(arguments: [
    (["--mean", "127,127,127"], "0.498,0.498,0.498"),
    (["--mean", "123.675,116.28,103.53"], "0.485,0.456,0.406"),
    (["--std", "58.395,57.12,57.375"], "0.229,0.224,0.225"),
  ])
  func byteScalesAreRejectedWithASuggestion(options: [String], meant: String) throws {
    for command in [["classify", image], ["convert", "in", "out"]] {
      let outcome = try Tool.run(command + options)
      #expect(outcome.status == 64 && outcome.output.isEmpty)
      #expect(outcome.errors.contains(meant), "\(outcome.errors)")
    }
  }
}
