import CNNZoo
import Foundation
import TestSupport
import Testing

/// Training checkpoints, weights without a head, and label files, through the command.
struct CheckpointTests {
  private static let model = "mobilenetv3-small-0.5"
  private let folder: String
  private let image: String

  init() throws {
    folder = try TestFiles.folder()
    image = try TestFiles.image("\(folder)/image.ppm", shade: 7)
  }

  /// timm's names with seeded values; `shift` moves the logit of class 1.
  private static func state(
    shift: Float = 0, without excluded: String = " "
  ) throws -> TorchValue {
    let model = try ModelCatalog.model(named: model)
    var configuration = model.defaultConfiguration
    configuration.classes = TestFiles.classes
    let graph = try model.graph(configuration)
    let names = model.fileNames(of: graph, in: .timm)
    return .dictionary(
      graph.parameters.compactMap { parameter in
        let name = names[parameter.name] ?? ""
        guard !name.hasPrefix(excluded) else { return nil }
        var values = SeededParameters().values(of: parameter)
        if name == "classifier.bias" { values[1] += shift }
        return (name, .tensor(shape: parameter.shape, values: values))
      })
  }

  /// Written once: plain weights favour class 1 less than their averages.
  private static let checkpoint = Result {
    let path = try TestFiles.folder() + "/last.pth"
    let arguments = TorchValue.object(
      module: "argparse", name: "Namespace", attributes: [("lr", .integer(1))])
    try TorchCheckpoint(
      .dictionary([
        ("epoch", .integer(1)), ("args", arguments), ("state_dict", try state(shift: -100)),
        ("state_dict_ema", try state(shift: 100)),
      ])
    ).write(to: path)
    return path
  }

  private static let headless = Result {
    let path = try TestFiles.folder() + "/features.pth"
    try TorchCheckpoint(try state(without: "classifier")).write(to: path)
    return path
  }

  private func run(_ arguments: String..., weights: Result<String, any Error> = checkpoint) throws
    -> Tool.Outcome
  {
    try Tool.run(arguments + ["--model", Self.model, "--weights", weights.get()])
  }

  private func best(_ outcome: Tool.Outcome) throws -> Int? {
    let top = try object(try #require(outcome.lines.first))["top"] as? [[String: Any]]
    return top?.first?["index"] as? Int
  }

  // MARK: - EMA

  @Test func averagesAreUsedAndReported() throws {
    let usual = try run("classify", image, "--format", "jsonl", "-v")
    #expect(usual.status == 0, "\(usual.errors)")
    #expect(try best(usual) == 1)
    #expect(try object(usual.lines[0])["ema"] as? Bool == true)
    #expect(usual.errors.contains("using the EMA (state_dict_ema)"))
    let other = try run("classify", image, "--format", "jsonl", "-v", "--no-ema")
    #expect(try best(other) != 1)
    #expect(try object(other.lines[0])["ema"] as? Bool == false)
    #expect(other.errors.contains("not the EMA (state_dict_ema)"))
    let quiet = try run("classify", image, "--format", "json")
    #expect(try object(quiet.output)["ema"] as? Bool == true)
    #expect(!quiet.errors.contains("EMA"))
  }

  @Test func convertReportsTheChoice() throws {
    for (options, ema) in [([], true), (["--no-ema"], false)] {
      let output = "\(folder)/\(ema).safetensors"
      let outcome = try Tool.run(
        ["convert", Self.checkpoint.get(), output, "--model", Self.model, "--format", "json"]
          + options)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(try object(outcome.output)["ema"] as? Bool == ema)
      #expect(outcome.errors.contains("weights and their averages"))
      let bias = try WeightFile(path: output)["classifier.bias"]?.floats()[1]
      #expect((bias ?? 0 > 50) == ema)
      // The new file contains no choice.
      let again = try Tool.run(["classify", image, "--weights", output, "--format", "jsonl"])
      #expect(try object(again.output)["ema"] == nil)
    }
  }

  /// All commands that read weights take the option, and report the choice.
  @Test(arguments: [
    ["embed", "IMAGE"], ["explain", "IMAGE", "--format", "json"],
    ["similar", "IMAGE", "FOLDER", "--format", "json"],
  ])
  func everyCommandHasTheChoice(_ command: [String]) throws {
    let arguments = command.map { $0 == "IMAGE" ? image : $0 == "FOLDER" ? folder : $0 }
    for (options, ema) in [([], true), (["--no-ema"], false)] {
      let outcome = try Tool.run(
        arguments + options + ["--model", Self.model, "--weights", Self.checkpoint.get()])
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(try object(outcome.output)["ema"] as? Bool == ema)
    }
    let help = try Tool.run([command[0], "--help"])
    #expect(help.output.contains("--no-ema"))
  }

  @Test(arguments: ["classify", "embed", "evaluate", "train", "infer", "bench", "convert"])
  func theOptionIsDocumented(_ command: String) throws {
    #expect(try Tool.run([command, "--help"]).output.contains("--no-ema"))
  }

  // MARK: - No head

  @Test func weightsWithoutAHeadGiveFeatures() throws {
    for command in ["classify", "explain"] {
      let outcome = try run(command, image, weights: Self.headless)
      #expect(outcome.status == 76)
      #expect(outcome.errors.contains("without a classifier") && outcome.errors.contains("`embed`"))
    }
    let features = try run("embed", image, weights: Self.headless)
    #expect(features.status == 0, "\(features.errors)")
    let complete = try run("embed", image, "--no-ema")
    func vector(_ outcome: Tool.Outcome) throws -> [Double]? {
      try object(outcome.output)["embedding"] as? [Double]
    }
    #expect(try vector(features) != nil && vector(features) == vector(complete))
    #expect(try run("similar", image, folder, weights: Self.headless).status == 0)
  }

  @Test func aHeadCanBeTrained() throws {
    for name in ["cat", "dog"] {
      try FileManager.default.createDirectory(
        atPath: "\(folder)/pets/\(name)", withIntermediateDirectories: true)
      for index in 1...3 {
        let shade = UInt8(name == "cat" ? index : 100 + index)
        try TestFiles.image("\(folder)/pets/\(name)/\(index).ppm", shade: shade)
      }
    }
    let output = "\(folder)/pets.safetensors"
    let outcome = try run(
      "train", "\(folder)/pets", "--head-only", "-o", output, weights: Self.headless)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let answer = try Tool.run(
      ["classify", "\(folder)/pets/dog/1.ppm", "--weights", output, "--format", "jsonl"])
    #expect(answer.status == 0, "\(answer.errors)")
    #expect(answer.output.contains("dog"))
  }

  // MARK: - Messages

  @Test func remediesKeepTheirLines() throws {
    let path = "\(folder)/pointer.pth"
    try Data("version https://git-lfs.github.com/spec/v1\n".utf8)
      .write(to: URL(fileURLWithPath: path))
    let outcome = try Tool.run(["classify", image, "--model", Self.model, "--weights", path])
    #expect(outcome.status == 76 && outcome.errors.contains("git lfs pull"))
    let script = try Tool.run(
      ["classify", image, "--model", Self.model, "--weights", Self.golden("script.pth")])
    #expect(script.status == 76)
    #expect(script.lines.isEmpty && script.errors.contains("\n  import torch\n  torch.save("))
  }

  private static func golden(_ name: String) -> String {
    "\(RealData.package)/Tests/WeightsTests/Goldens/\(name)"
  }

  // MARK: - Labels and lists

  @Test func labelsOfOtherPrograms() throws {
    let names = (0..<TestFiles.classes).map { "label \($0)" }
    let files = [
      "text": names.joined(separator: "\r\n") + "\r\n", "mac": names.joined(separator: "\r"),
      "bom": "\u{FEFF}" + names.joined(separator: "\n"),
      "list.json": "\(names)",
      "config.json": #"{"id2label": {"#
        + names.enumerated().map { "\"\($0)\": \"\($1)\"" }.joined(separator: ", ") + "}}",
    ]
    for (name, text) in files {
      let path = "\(folder)/\(name)"
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
      let outcome = try run("classify", image, "--labels", path, "--format", "jsonl")
      #expect(outcome.status == 0, "\(name): \(outcome.errors)")
      #expect(outcome.output.contains(#""label":"label 1","#), "\(name): \(outcome.output)")
    }
  }

  @Test func listsOfOtherPrograms() throws {
    let second = try TestFiles.image("\(folder)/second.ppm", shade: 9)
    for text in ["\u{FEFF}\(image)\r\n\(second)\r\n", "\(image)\n\(second)"] {
      let list = "\(folder)/list.txt"
      try Data(text.utf8).write(to: URL(fileURLWithPath: list))
      let outcome = try run("classify", "--files-from", list, "--format", "jsonl")
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.lines.count == 2)
    }
  }
}
