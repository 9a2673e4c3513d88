import Foundation
import Testing

/// `bench --train`: its tables, its JSON, its plot, and what it refuses.
struct TrainingBenchTests {
  private static let quick = [
    "bench", "--train", "mobilenetv3-small", "-t", "1", "-b", "2", "--min-time", "0",
    "--input-size", "32", "--classes", "5",
  ]

  /// A report in a file.
  private static func report(_ arguments: [String]) throws -> String {
    let outcome = try Tool.run(arguments + ["--format", "json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let path = "\(try TestFiles.folder())/report.json"
    try Data(outcome.output.utf8).write(to: URL(fileURLWithPath: path))
    return path
  }

  private static func results(_ arguments: [String]) throws -> [[String: Any]] {
    let text = try String(contentsOfFile: report(arguments), encoding: .utf8)
    return try #require(try object(text)["results"] as? [[String: Any]])
  }

  private static func sum(_ values: [[String: Any]], _ key: String) -> Double {
    values.reduce(0) { $0 + ($1[key] as? Double ?? 0) }
  }

  private static func isClose(_ value: Double, _ expected: Double) -> Bool {
    abs(value - expected) <= 1e-9 * expected
  }

  /// Layers, stages and kinds of work are three divisions of one step.
  @Test func partsAddUp() throws {
    let result = try #require(try Self.results(Self.quick).first)
    let layers = try #require(result["layers"] as? [[String: Any]])
    let stages = try #require(result["stages"] as? [[String: Any]])
    let works = try #require(result["work_ms"] as? [String: Double])
    let step = try #require(result["step_ms"] as? Double)
    #expect(step > 0)
    let whole = try ["packing", "loss", "update"].map { try #require(works[$0]) }.reduce(0, +)
    #expect(Self.isClose(works.values.reduce(0, +), step))
    #expect(Self.isClose(Self.sum(layers, "ms") + whole, step))
    #expect(Self.isClose(Self.sum(stages, "ms") + whole, step))
    #expect(Self.isClose((Self.sum(layers, "share") * step) + whole, step))
    for (direction, names) in [
      ("forward", ["forward_convolutions", "forward_normalization"]),
      (
        "backward",
        [
          "backward_recomputation", "backward_normalization", "backward_weight_gradients",
          "backward_input_gradients",
        ]
      ),
    ] {
      let seconds = try names.map { try #require(works[$0]) }.reduce(0, +)
      #expect(Self.isClose(Self.sum(layers, "\(direction)_ms"), seconds))
      #expect(Self.isClose(Self.sum(stages, "\(direction)_ms"), seconds))
      #expect(
        Self.isClose(
          Self.sum(layers, "\(direction)_bound_ms"), Self.sum(stages, "\(direction)_bound_ms")))
    }
    let macs = layers.reduce(0) { $0 + ($1["macs"] as? Int ?? 0) }
    #expect(macs == result["macs"] as? Int)
    #expect(
      stages.map { $0["name"] as? String }
        == ["stem", "stage 1", "stage 2", "stage 3", "stage 4", "stage 5", "head"])
    #expect(
      stages.map { $0["blocks"] as? String }
        == ["", "1 × MBConv", "2 × MBConv", "3 × MBConv", "2 × MBConv", "3 × MBConv", ""])
  }

  /// Each bound comes from the limits: twice the multiply-adds at the peak of their precision, or a
  /// time for its bytes.
  @Test(arguments: ["f32", "bf16"])
  func bounds(_ precision: String) throws {
    let result = try #require(try Self.results(Self.quick + ["--precision", precision]).first)
    let limits = try #require(result["limits"] as? [String: Any])
    let peaks = try #require(limits["gflops_by_precision"] as? [String: Double])
    #expect(peaks.keys.contains(precision))
    let reads = try #require(limits["reads"] as? [[String: Double]])
    let layers = try #require(result["layers"] as? [[String: Any]])
    var seen: Set<String> = []
    for layer in layers {
      for direction in ["forward", "backward"] {
        func figure(_ name: String) throws -> Double {
          try #require(layer["\(direction)_\(name)"] as? Double)
        }
        let counts = try #require(
          layer["\(direction)_multiply_adds_by_precision"] as? [String: Double])
        #expect(counts.values.reduce(0, +) == (try figure("multiply_adds")))
        let compute = try counts.reduce(0) {
          $0 + 2 * $1.value / (try #require(peaks[$1.key])) / 1e6
        }
        let bytes = try figure("bytes")
        let read = try #require(reads.first { $0["bytes"] ?? 0 >= bytes } ?? reads.last)
        let memory = bytes / (try #require(read["gbytes_per_second"])) / 1e6
        #expect(Self.isClose(try figure("bound_ms"), max(compute, memory)))
        let limit = try #require(layer["\(direction)_bound_by"] as? String)
        #expect(limit == (compute >= memory ? "compute" : "memory"))
        let (milliseconds, gflops) = (try figure("ms"), try figure("gflops"))
        #expect(Self.isClose(try figure("share_of_bound") * milliseconds, try figure("bound_ms")))
        // Two images; both gradients backwards, but none of the image itself.
        let macs = try #require(layer["macs"] as? Double)
        let factor = direction == "forward" || layer["role"] as? String == "stem" ? 1.0 : 2.0
        #expect(Self.isClose(gflops * milliseconds * 1e6, 2 * 2 * factor * macs))
        seen.insert("\(direction) \(limit)")
      }
    }
    #expect(seen.count > 2, "\(seen)")
  }

  @Test func recomputedMapsAreNotKept() throws {
    let kept = try [[], ["--recompute"]].map { options in
      let result = try #require(try Self.results(Self.quick + options).first)
      let memory = try #require(result["memory"] as? [String: Any])
      return try #require(memory["kept_maps_bytes"] as? Int)
    }
    #expect(kept[1] < kept[0])
  }

  @Test func memory() throws {
    let results = try [2, 4].map { batch in
      try #require(try Self.results(Self.quick + ["-b", "\(batch)"]).first)
    }
    let memories = try results.map { try #require($0["memory"] as? [String: Any]) }
    let parts = [
      "parameters", "gradients", "optimizer", "average", "kept_maps", "passing_maps",
      "packed_weights", "scratch",
    ]
    for memory in memories {
      let bytes = try parts.map { try #require(memory["\($0)_bytes"] as? Int) }
      #expect(bytes.allSatisfy { $0 > 0 })
      let total = try #require(memory["total_bytes"] as? Int)
      #expect(bytes.reduce(0, +) == total)
      let lean = try #require(memory["lean_bytes"] as? Int)
      let ratio = try #require(memory["ratio_to_lean"] as? Double)
      #expect(abs(ratio - Double(total) / Double(lean)) < 1e-12)
      // RMSProp has two values for each parameter.
      #expect(memory["optimizer_bytes"] as? Int == 2 * bytes[0])
    }
    let kept = try memories.map { try #require($0["kept_maps_bytes"] as? Int) }
    #expect(kept[1] == 2 * kept[0])
  }

  /// The rows of all layers, slowest first, then what is done for all parameters, and the sum.
  @Test func tableOfLayers() throws {
    let outcome = try Tool.run(Self.quick + ["--layers", "--format", "csv"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let records = try csvRecords(outcome.output)
    let header = try #require(records.first)
    func column(_ name: String) throws -> [String] {
      let index = try #require(header.firstIndex(of: name), "\(header)")
      return records.dropFirst().map { $0[index] }
    }
    let names = try column("layer")
    #expect(names.suffix(4) == ["packing", "loss", "optimiser, average", "whole step"])
    #expect(names.contains("features.0.0") && names.contains("classifier.3"))
    let times = try column("ms").compactMap(Double.init)
    #expect(times.count == names.count)
    #expect(Self.isClose(times.dropLast().reduce(0, +), try #require(times.last)))
    #expect(Array(times.dropLast(4)) == times.dropLast(4).sorted(by: >))
    for direction in ["forward", "backward"] {
      let parts = try column("\(direction)_ms").map { Double($0) ?? 0 }
      #expect(Self.isClose(parts.dropLast().reduce(0, +), try #require(parts.last)))
    }
    #expect(Set(try column("stage")).isSuperset(of: ["stem", "stage 1", "stage 5", "head"]))
  }

  @Test func textShowsStagesWorkAndMemory() throws {
    let text = try Tool.run(Self.quick).output
    for heading in ["% of bound", "direction", "kept maps", "images/s"] {
      #expect(text.contains(heading), "\(heading)")
    }
    #expect(
      text.contains("step: forwards, backwards, optimiser; rmsprop, average, batch statistics"))
    #expect(!text.contains("features.0.0"))
    #expect(try Tool.run(Self.quick + ["--layers"]).output.contains("features.0.0"))
  }

  @Test func comparesWithItself() throws {
    let path = try Self.report(Self.quick)
    let result = try #require(try Self.results(Self.quick + ["--compare", path]).first)
    #expect(result["mode"] as? String == "train")
    #expect(result["recipe"] as? String == "rmsprop, average, batch statistics")
    let comparison = try #require(result["comparison"] as? [String: Any])
    #expect(comparison["ratio"] is Double && comparison["verdict"] is String)
  }

  /// Other sizes, batches and recipes are other work.
  @Test(arguments: [
    ["--input-size", "64"], ["-b", "3"], ["--optimizer", "sgd"], ["--ema", "0"],
    ["--batch-norm", "fixed"], ["--freeze", "1"], ["--stochastic-depth", "0.2"],
    ["--classes", "6"],
  ])
  func otherWorkIsNotCompared(_ arguments: [String]) throws {
    let path = try Self.report(Self.quick)
    let outcome = try Tool.run(
      Self.quick + arguments + ["--min-time", "3600", "--compare", path])
    #expect(outcome.status == 65)
    #expect(
      outcome.errors.contains(
        "it contains mobilenetv3-small 32x32x3 train (rmsprop, average, batch statistics) simd"),
      "\(outcome.errors)")
  }

  @Test func trainingIsNotComparedWithInference() throws {
    let inference = Self.quick.filter { $0 != "--train" }
    for (now, earlier) in [(Self.quick, inference), (inference, Self.quick)] {
      let outcome = try Tool.run(
        now + ["--min-time", "3600", "--compare", try Self.report(earlier)])
      #expect(outcome.status == 65)
      #expect(outcome.errors.contains("no measurement in common"), "\(outcome.errors)")
    }
  }

  @Test func bf16IsAnotherMeasurement() throws {
    let report = try Self.report(Self.quick + ["--precision", "bf16"])
    let text = try String(contentsOfFile: report, encoding: .utf8)
    #expect(text.contains("\"precision\": \"bf16\"") || text.contains("\"precision\":\"bf16\""))
    let outcome = try Tool.run(Self.quick + ["--min-time", "3600", "--compare", report])
    #expect(outcome.status == 65)
    #expect(outcome.errors.contains("no measurement in common"), "\(outcome.errors)")
  }

  @Test(arguments: [
    (["--weights", "/missing"], "drop --weights"), (["--no-ema"], "use --ema 0"),
    (["--precision", "int8"], "trained in f32 or bf16; int8 and auto are for inference"),
    (["--precision", "auto"], "trained in f32 or bf16"),
    (["--backend", "blas"], "built-in kernels"),
    (["--ema", "1"], "--ema is out of range"), (["--freeze", "-1"], "--freeze"),
    (["--stochastic-depth", "1"], "--stochastic-depth is out of range"),
  ])
  func refusedWithTraining(_ arguments: [String], message: String) throws {
    expectUsageError(try Tool.run(Self.quick + arguments), message)
  }

  @Test(arguments: [
    ["--optimizer", "sgd"], ["--ema", "0.9"], ["--batch-norm", "fixed"], ["--freeze", "1"],
    ["--stochastic-depth", "0.1"], ["--recompute"],
  ])
  func refusedWithoutTraining(_ arguments: [String]) throws {
    expectUsageError(
      try Tool.run(["bench", "effnet-lite0"] + arguments),
      "\(arguments[0]) is for a training step; add --train")
  }

  /// There are as many stages as the network has.
  @Test func tooManyFrozenStages() throws {
    let outcome = try Tool.run(Self.quick + ["--freeze", "6"])
    #expect(outcome.status != 0)
    #expect(outcome.errors.contains("frozen_stages is out of range: expected 0 to 5"))
  }

  /// Fused-MBConv against MBConv in the first stages.
  @Test func fusedStages() throws {
    let command = [
      "bench", "--train", "effnetv2-b0", "-t", "1", "-b", "1", "--min-time", "0", "--rounds", "1",
      "--input-size", "32",
    ]
    let blocks = try [[], ["--fused-stages", "1"]].map { arguments in
      let result = try #require(try Self.results(command + arguments).first)
      return try #require(result["stages"] as? [[String: Any]]).map { $0["blocks"] as? String }
    }
    #expect(
      blocks[0].prefix(5) == [
        "", "1 × Fused-MBConv", "2 × Fused-MBConv", "2 × Fused-MBConv", "3 × MBConv",
      ])
    #expect(
      blocks[1].prefix(5) == ["", "1 × Fused-MBConv", "2 × MBConv", "2 × MBConv", "3 × MBConv"])
    expectUsageError(
      try Tool.run(command + ["--fused-stages", "0", "--weights", "/missing"]), "--weights")
  }

  @Test func plots() throws {
    let path = "\(try TestFiles.folder())/plot.svg"
    let outcome = try Tool.run(Self.quick + ["-t", "1", "--plot", path])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let reader = SVGReader(try String(contentsOfFile: path, encoding: .utf8))
    #expect(reader.isWellFormed)
    #expect(reader.texts.contains("Training step"))
    #expect(reader.classes["hill"] == 1)
    // A mark at the bound of the stem, five stages, the head and the parameters, and in the legend.
    #expect(reader.classes["bound"] == 9)
    // Seven bars and a sample.
    #expect(reader.classes["product"] == 8 && reader.classes["weightGradient"] == 8)
    #expect(reader.classes["update"] == 2)
    for text in ["stem", "stage 5", "head", "parameters", "3 × MBConv", "weight gradients"] {
      #expect(reader.texts.contains(text), "\(text)")
    }
    let boxes = reader.boxes
    for (index, box) in boxes.enumerated() {
      #expect(box.left >= 0 && box.right <= reader.size.width, "\(box.text)")
      #expect(box.bottom <= reader.size.height, "\(box.text)")
      for other in boxes[..<index] {
        #expect(!box.overlaps(other), "\(box.text) covers \(other.text)")
      }
    }
  }
}
