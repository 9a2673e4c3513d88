import CNNZoo
import Command
import Foundation
import Testing

/// `summary` of one network and of several.
struct SummaryTests {
  private func costs(_ name: String, inputSize: Int? = nil) throws -> NetworkCosts {
    let model = try ModelCatalog.model(named: name)
    var configuration = model.defaultConfiguration
    configuration.inputHeight = inputSize ?? configuration.inputHeight
    configuration.inputWidth = inputSize ?? configuration.inputWidth
    return try NetworkCosts(of: model.graph(configuration))
  }

  private func document(_ arguments: String...) throws -> [String: Any] {
    let outcome = try Tool.run(["summary"] + arguments + ["--format", "json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    return try object(outcome.output)
  }

  @Test(arguments: ModelCatalog.models.map(\.name))
  func stagesAddUp(name: String) throws {
    let costs = try costs(name)
    #expect(costs.stages.map(\.name) == ["1/2", "1/4", "1/8", "1/16", "1/32", "head"])
    #expect(costs.stages.map(\.parameters).reduce(0, +) == costs.graph.parameterCount)
    #expect(costs.stages.map(\.macs).reduce(0, +) == costs.graph.macs)
    #expect(costs.stages.last?.shape.channels == costs.graph.classCount)
  }

  /// Table 4 of EfficientNetV2 (Tan & Le 2021): the stages' channels, at an eighth and so on.
  @Test func stagesEndWhereThePaperSays() throws {
    let stages = try costs("effnetv2-s").stages
    #expect(stages.map(\.shape.channels) == [24, 48, 64, 160, 1280, 1000])
    #expect(stages.map(\.shape.height) == [192, 96, 48, 24, 12, 1])
  }

  /// Sides that are not multiples of 32, and maps that shrink to one position.
  @Test(arguments: [300, 33, 8])
  func stagesDoNotDependOnTheInput(size: Int) throws {
    let (odd, usual) = (try costs("effnet-lite0", inputSize: size), try costs("effnet-lite0"))
    #expect(odd.stages.map(\.name) == usual.stages.map(\.name))
    #expect(odd.stages.map(\.parameters) == usual.stages.map(\.parameters))
  }

  @Test(arguments: ["effnetv2-s", "mobilenetv3-large"])
  func memory(name: String) throws {
    let costs = try costs(name)
    #expect(costs.program.peakActivationBytes <= costs.program.arenaBytes)
    #expect(costs.program.arenaBytes < costs.separateBytes / 10)
    // The input alone takes three floats per pixel, and the logits are the last value.
    #expect(costs.separateBytes > 12 * costs.graph.inputShape.positions)
    #expect(costs.storedCount > costs.graph.parameterCount)
  }

  /// torchvision's file of MobileNetV3-Small has 2,554,968 numbers, not counting the batch norms'
  /// counters.
  @Test func numberOfStoredValues() throws {
    let costs = try costs("mobilenetv3-small")
    let statistics = costs.graph.parameters.filter { !$0.isTrainable }
    #expect(costs.storedCount == 2_542_856 + statistics.reduce(0) { $0 + $1.count })
    #expect(costs.storedCount == 2_554_968)
  }

  @Test func sharesAddUp() throws {
    let summary = try document("mobilenetv3-small")
    for list in ["layers", "stages"] {
      let parts = try #require(summary[list] as? [[String: Any]])
      for share in ["parameters_share", "macs_share"] {
        let sum = parts.compactMap { $0[share] as? Double }.reduce(0, +)
        #expect(abs(sum - 1) < 1e-12, "\(list) \(share)")
      }
    }
    let weights = try #require(summary["weight_bytes"] as? [String: Int])
    #expect(weights["f32"] == 4 * 2_554_968)
    #expect(weights["f16"] == 2 * 2_554_968)
  }

  @Test func theTreeIsDrawn() throws {
    let lines = try Tool.run(["summary", "effnet-lite0", "--depth", "4"]).lines
    let names = lines.map { line in line.split(separator: "  ").first.map(String.init) ?? "" }
    #expect(names.prefix(5) == ["module", "input", "features", "├─ 0", "│"])
    #expect(lines[4].hasPrefix("│  ├─ 0 "))
    #expect(lines[6].hasPrefix("│  └─ 2 "))
    #expect(lines.contains { $0.hasPrefix("│  │  ├─ block ") })
    #expect(lines.contains { $0.hasPrefix("└─ 8 ") })
    #expect(lines.contains { $0.hasPrefix("   └─ 2 ") })
  }

  @Test func machineFormatsUsePaths() throws {
    let lines = try Tool.run(["summary", "effnet-lite0", "--depth", "3", "--format", "csv"]).lines
    #expect(lines.contains { $0.hasPrefix("features.0.0,Conv2d,3x3 /2,112x112x32,864,") })
    #expect(!lines.contains { $0.contains("├") })
  }

  @Test func severalNetworksSideBySide() throws {
    let comparison = try document("effnetv2-s", "mobilenetv3-large", "effnet-lite0")
    let models = try #require(comparison["models"] as? [[String: Any]])
    #expect(
      models.map { $0["model"] as? String } == [
        "effnetv2-s", "mobilenetv3-large", "effnet-lite0",
      ])
    let ratios = try #require(models[1]["ratios"] as? [String: Double])
    #expect(abs(try #require(ratios["parameters"]) - 5_483_032.0 / 21_458_488) < 1e-12)
    #expect(models.allSatisfy { ($0["stages"] as? [Any])?.count == 6 })
  }

  @Test func comparisonsInEveryFormat() throws {
    let command = ["summary", "mobilenetv3-small", "mobilenetv3-large", "--format"]
    let csv = try Tool.run(command + ["csv"]).lines
    #expect(
      csv[0] == "figure,mobilenetv3-small,mobilenetv3-large,mobilenetv3-large/mobilenetv3-small")
    #expect(csv.contains("parameters,2542856,5483032,\(5_483_032.0 / 2_542_856)"))
    #expect(csv.filter { $0.hasPrefix("MACs ") }.count == 6)
    #expect(Set(csv.map { $0.count { $0 == "," } }) == [3])
    let text = try Tool.run(command + ["text"]).lines
    #expect(text.contains { $0.hasPrefix("└─ head ") && $0.hasSuffix(" 1.555") })
    let records = try Tool.run(command + ["jsonl"]).lines
    #expect(records.count == 2)
    #expect(records.allSatisfy { $0.utf8.count < 4095 })
    let markdown = try Tool.run(command + ["markdown"]).lines
    #expect(markdown[1] == "|---|---:|---:|---:|")
    // Blanks that align shares must not be folded into one.
    #expect(markdown.contains { $0.hasPrefix("| ├─ 1/2 |") && $0.contains("\u{A0}\u{A0}") })
  }

  @Test func plansNeedASingleNetwork() throws {
    let outcome = try Tool.run(["summary", "effnet-lite0", "effnet-lite1", "--plan"])
    #expect(outcome.status == 64)
    #expect(outcome.errors.contains("--plan needs a single network"))
  }

  /// Stages are the second level of a comparison.
  @Test func depthOfComparisons() throws {
    func figures(_ options: String...) throws -> [Substring] {
      try Tool.run(["summary", "effnet-lite0", "effnet-lite1", "--format", "csv"] + options).lines
    }
    let totals = try figures("--depth", "1")
    let all = try figures()
    #expect(totals.allSatisfy { !$0.contains(" 1/") })
    #expect(totals == all.filter { !$0.contains(" 1/") && !$0.contains(" head,") })
    #expect(try figures("--depth", "2") == all)
  }

  @Test func planSharesAddUp() throws {
    let plan = try document("effnetv2-s", "--plan")
    let steps = try #require(plan["steps"] as? [[String: Any]])
    let shares = steps.compactMap { $0["macs_share"] as? Double }.reduce(0, +)
    #expect(abs(shares - 1) < 1e-12)
    let (macs, multiplyAdds) = (
      steps.compactMap { $0["macs"] as? Int }.reduce(0, +),
      steps.compactMap { $0["multiply_adds"] as? Int }.reduce(0, +)
    )
    #expect(macs == 8_365_617_152)
    #expect(multiplyAdds < macs)
  }
}
