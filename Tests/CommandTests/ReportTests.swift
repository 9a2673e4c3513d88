import CNNZoo
import Foundation
import Testing

/// The commands that need no images.
struct ReportTests {
  private func document(_ arguments: String...) throws -> [String: Any] {
    let outcome = try Tool.run(arguments + ["--format", "json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let document = try object(outcome.output)
    #expect(document["schema"] as? Int == 1)
    return document
  }

  @Test(arguments: [
    ["models"], ["env"], ["summary", "mobilenetv3-small"],
    ["bench", "mobilenetv3-small", "--min-time", "0", "--input-size", "32"],
    ["bench", "--train", "mobilenetv3-small", "--min-time", "0", "--input-size", "32", "-b", "2"],
  ])
  func everyFormat(command: [String]) throws {
    for format in ["text", "json", "jsonl", "csv", "markdown"] {
      let outcome = try Tool.run(command + ["--format", format])
      #expect(outcome.status == 0, "\(format): \(outcome.errors)")
      switch format {
      case "json":
        #expect(try object(outcome.output)["schema"] as? Int == 1)
      case "jsonl":
        for line in outcome.lines {
          #expect(try object(line)["schema"] as? Int == 1)
          #expect(line.utf8.count < 4095)
        }
      case "csv": try expectTable(csvRecords(outcome.output))
      case "markdown": try expectTable(markdownCells(outcome.lines))
      default: #expect(outcome.lines.count > 1)
      }
    }
  }

  /// A header of different names, and rows of as many cells.
  private func expectTable(_ rows: [[String]]) throws {
    let header = try #require(rows.first)
    #expect(Set(header).count == header.count && !header.contains(""))
    #expect(rows.count > 1)
    for row in rows { #expect(row.count == header.count, "\(row)") }
  }

  @Test func allModelsAreListed() throws {
    let names = ModelCatalog.models.map(\.name)
    let models = try #require(try document("models")["models"] as? [[String: Any]])
    #expect(models.map { $0["model"] as? String } == names)
    let rows = try csvRecords(Tool.run(["models", "--format", "csv"]).output)
    // One row per set of weights.
    let listed = rows.dropFirst().map { $0[0] }
    #expect(listed.count == ModelCatalog.models.reduce(0) { $0 + $1.published.count })
    #expect(names.filter(listed.contains) == names && Set(listed).count == names.count)
  }

  @Test(arguments: [
    ("effnetv2-s", 21_458_488, 8.366), ("effnetv2-m", 54_139_356, 24.582),
    ("mobilenetv3-large", 5_483_032, 0.217), ("mobilenetv3-small", 2_542_856, 0.057),
  ])
  func publishedFigures(model: String, parameters: Int, gigaMACs: Double) throws {
    let summary = try document("summary", model)
    #expect(summary["parameters"] as? Int == parameters)
    let macs = try #require(summary["macs"] as? Int)
    #expect(abs(Double(macs) / 1e9 / gigaMACs - 1) < 0.01)
    let layers = try #require(summary["layers"] as? [[String: Any]])
    #expect(layers.compactMap { $0["macs"] as? Int }.reduce(0, +) == macs)
    #expect(layers.compactMap { $0["parameters"] as? Int }.reduce(0, +) == parameters)
    #expect(try #require(summary["peak_activation_bytes"] as? Int) > 0)
  }

  @Test func networkVariants() throws {
    let summary = try document(
      "summary", "mobilenetv3-large", "--width-multiplier", "0.75", "--reduced-tail", "--classes",
      "10", "--input-size", "96x128")
    #expect(summary["classes"] as? Int == 10)
    #expect(summary["input_shape"] as? [Int] == [96, 128, 3])
    #expect(try #require(summary["parameters"] as? Int) < 2_000_000)
  }

  @Test func depthOfSummaries() throws {
    let lines = try (1...2).map {
      try Tool.run(["summary", "effnet-lite0", "--depth", "\($0)", "--format", "csv"]).lines.count
    }
    // input, features, avgpool and classifier under the head.
    #expect(lines[0] == 5)
    #expect(lines[1] > lines[0])
  }

  @Test func planListsTheProgram() throws {
    let plan = try document("summary", "mobilenetv3-small", "--plan")
    let steps = try #require(plan["steps"] as? [[String: Any]])
    #expect(steps.count > 20)
    #expect(steps.allSatisfy { $0["strategy"] is String && $0["offset"] is Int })
  }

  @Test func benchMeasuresAllCombinations() throws {
    let bench = try document(
      "bench", "mobilenetv3-small", "-t", "1,2", "-b", "1,3", "--min-time", "0", "--input-size",
      "32x48")
    let results = try #require(bench["results"] as? [[String: Any]])
    #expect(results.map { $0["threads"] as? Int } == [1, 1, 2, 2])
    #expect(results.map { $0["batch"] as? Int } == [1, 3, 1, 3])
    for result in results {
      for key in [
        "min_ms", "p50_ms", "p90_ms", "p95_ms", "p99_ms", "mean_ms", "sd_ms", "cold_ms",
        "images_per_second", "peak_rss_bytes",
      ] {
        #expect(result[key] is NSNumber, "\(key)")
      }
      let samples = try #require(result["samples_ms"] as? [Double])
      #expect(result["n"] as? Int == samples.count)
      #expect(samples.count >= 10)
      #expect(samples.min() == result["min_ms"] as? Double)
    }
    let environment = try #require(bench["environment"] as? [String: Any])
    #expect(environment["instruction_set"] is String)
  }

  @Test func benchOfLayers() throws {
    let bench = try document(
      "bench", "mobilenetv3-small", "--layers", "--min-time", "0", "--input-size", "32")
    let result = try #require((bench["results"] as? [[String: Any]])?.first)
    let layers = try #require(result["layers"] as? [[String: Any]])
    let times = layers.compactMap { $0["ms"] as? Double }
    #expect(times.count > 20)
    // Equal times may differ in the last digit after they have been written and read.
    #expect(zip(times, times.dropFirst()).allSatisfy { $0 >= $1 - 1e-9 })
    let shares = layers.compactMap { $0["share"] as? Double }.reduce(0, +)
    #expect(abs(shares - 1) < 1e-9)
    // Each bound comes from the limits, and their sum is the total.
    let limits = try #require(result["limits"] as? [String: Any])
    let peak = try #require(limits["gflops"] as? Double)
    #expect(peak > 0.1)
    for layer in layers {
      let bound = try #require(layer["bound_ms"] as? Double)
      let multiplyAdds = try #require(layer["multiply_adds"] as? Double)
      let compute = 2 * multiplyAdds / peak / 1e6
      switch layer["bound_by"] as? String {
      case "compute": #expect(abs(bound - compute) <= 1e-9 * bound)
      case "memory": #expect(bound > compute)
      default: Issue.record("\(layer)")
      }
    }
    let bounds = layers.compactMap { $0["bound_ms"] as? Double }.reduce(0, +)
    let total = try #require(result["layers_bound_ms"] as? Double)
    #expect(abs(bounds - total) <= 1e-9 * total)
    #expect(["simd", "blas"].contains(result["backend"] as? String))
  }

  /// A summary neither creates nor packs weights of 470 MB.
  @Test(
    .enabled(if: Tool.bearsAddressLimits, "a sanitizer needs more addresses than the limit leaves"),
    arguments: [[], ["--plan"]])
  func summaryPacksNoWeights(more: [String]) throws {
    let outcome = try Tool.shell(
      #"ulimit -v 1500000; "$cnnzoo" summary effnetv2-l "$@" && cat /proc/self/status"#, more)
    #expect(outcome.status == 0, "\(outcome.errors)")
  }

  /// Packed weights, or a training step's feature maps, that do not fit into memory.
  @Test(
    .enabled(if: Tool.bearsAddressLimits, "a sanitizer needs more addresses than the limit leaves"),
    arguments: [["effnetv2-l"], ["mobilenetv3-small", "--train", "-b", "256"]])
  func networksTooLargeForMemory(network: [String]) throws {
    let outcome = try Tool.shell(
      #"ulimit -v 450000; "$cnnzoo" bench -t 1 --min-time 0 "$@""#, network)
    #expect(outcome.status == 2)
    #expect(
      outcome.errors.hasPrefix("cnnzoo: out of memory: cannot allocate "), "\(outcome.errors)")
  }
}
