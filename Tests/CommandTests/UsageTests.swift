import Foundation
import Testing

struct UsageTests {
  @Test(arguments: [
    [], ["classify"], ["summary"], ["bench"], ["infer"], ["models"], ["convert"], ["env"],
  ])
  func helpIsAResult(command: [String]) throws {
    let outcome = try Tool.run(command + ["--help"])
    #expect(outcome.status == 0)
    #expect(outcome.output.contains("USAGE: cnnzoo"))
    #expect(outcome.errors.isEmpty)
  }

  @Test func helpListsTheExitStatuses() throws {
    let help = try Tool.run(["--help"]).output
    for status in [0, 1, 2, 64, 65, 66, 69, 73, 74, 76, 129, 130, 143] {
      #expect(help.contains("\n\(String(repeating: " ", count: 5 - "\(status)".count))\(status)  "))
    }
  }

  @Test func helpGroupsTheSubcommands() throws {
    let help = try Tool.run(["--help"]).output
    let groups = ["IMAGE", "NETWORK", "WEIGHT", "SYSTEM"].map { "\n\($0) SUBCOMMANDS:\n" }
    let positions = groups.compactMap { help.range(of: $0)?.lowerBound }
    #expect(positions.count == groups.count)
    #expect(positions == positions.sorted())
  }

  /// Every limit of `--limit` is listed with a default, and each listed name is accepted.
  @Test func helpListsTheLimits() throws {
    let help = try Tool.run(["classify", "--help"]).output
      .split(whereSeparator: \.isWhitespace).joined(separator: " ")
    let list = try #require(help.firstMatch(of: /Names and defaults: (.*?)\. Values may end/)?.1)
    let limits = list.matches(of: /([a-z-]+) \((\w+)\)/)
    #expect(limits.count == 18)
    for limit in limits {
      let outcome = try Tool.run([
        "classify", "/missing.jpg", "--model", "effnet-lite0", "--weights", "/missing",
        "--limit", "\(limit.1)=\(limit.2)",
      ])
      #expect(outcome.status == 66, "\(limit.1): \(outcome.errors)")
    }
  }

  @Test(
    arguments: [
      ("nonsense", "'nonsense'"), ("classify", "--files-from"),
      ("classify --model effnet-lite0", "--files-from"),
      ("classify x --model effnet-lite0 --top-k=-1", "-k"),
      ("classify x --model effnet-lite0 --format xml", "'xml'"),
      ("classify x --model effnet-lite0 --threads 0", "--threads"),
      ("classify x --model effnet-lite0 --backend gpu", "'gpu'"),
      ("classify x --model effnet-lite0 --mean 1,2", "--mean"),
      ("classify x --mean 127", "--mean"), ("classify x --std 58.395,57.12,57.375", "--std"),
      ("classify x --model effnet-lite0 --min-prob=-0.1", "--min-prob"),
      ("classify x --model effnet-lite0 --min-prob 1.5", "--min-prob"),
      ("classify x --model effnet-lite0 --min-prob nan", "--min-prob"),
      ("classify x --model effnet-lite0 --null", "--files-from"),
      ("classify - - --model effnet-lite0", "tandard input"),
      ("classify - --files-from - --model effnet-lite0", "tandard input"),
      ("summary effnetv2-s --input-size 0", "--input-size"),
      ("summary effnetv2-s --input-size 10x", "--input-size"),
      ("summary effnetv2-s --input-size 9000", "9000x9000"),
      ("summary effnetv2-s --width-multiplier 0.5", "width multiplier"),
      ("bench effnetv2-s -t 1,,2", "'1,,2'"), ("bench effnetv2-s -b 0", "-b"),
      ("bench effnetv2-s --min-time nan", "--min-time"),
      ("bench effnetv2-s --rounds 0", "--rounds"), ("bench effnetv2-s --rounds 101", "--rounds"),
      ("embed x --model effnet-lite0 --format xml", "--format"),
      ("embed --model effnet-lite0", "--files-from"),
      ("embed - - --model effnet-lite0", "tandard input"),
      ("similar - - --model effnet-lite0", "tandard input"),
      ("similar x --model effnet-lite0", "--files-from"),
      ("similar --model effnet-lite0", "mage"),
      ("similar --duplicates --model effnet-lite0", "--files-from"),
      ("similar x y -k 0 --model effnet-lite0", "-k"),
      ("explain --model effnet-lite0", "<input>"),
      ("train x --model effnet-lite0 --head-only", "-o"),
      ("train -o x.safetensors", "--resume"),
      ("train x --resume y.run", "--resume takes"),
      ("train --resume y.run --model effnet-lite0", "--model"),
      ("train x -o y.safetensors --from-scratch", "--model"),
      ("train x -o y.safetensors --rand-augment-operations 3", "--rand-augment N"),
      ("train x --preview y.svg --head-only", "--preview"),
      ("train --resume x --preview y.svg", "--resume"),
      ("train x -o y.safetensors --precision int8", "f32 or bf16"),
      ("train --resume y.run --precision auto", "f32 or bf16"),
      ("train x -o y.safetensors --backend blas", "--backend is for --head-only"),
      ("train x -o y.safetensors --from-scratch --model effnet-lite0 --backend simd", "--backend"),
      ("train --resume y.run --backend blas", "--backend"),
      (
        "train x -o y.safetensors --width-multiplier 0.5", "--width-multiplier needs --from-scratch"
      ),
      (
        "train x -o y.safetensors --head-only --reduced-tail", "--reduced-tail needs --from-scratch"
      ),
      ("train --resume y.run --reduced-tail", "--reduced-tail needs --from-scratch"),
      (
        "train x -o y.safetensors --from-scratch --model effnet-lite0 --reduced-tail",
        "only MobileNetV3"
      ),
      ("train x -o y.safetensors --from-scratch --model effnet-lite0 --mean 0.5", "drop --mean"),
      ("train --resume y.run --padding same", "drop --padding"),
      ("train --resume y.run --memory 1G", "drop --memory"),
      ("train --resume y.run --hidden", "drop --hidden"),
      ("train --resume y.run --overwrite", "drop --overwrite"),
      ("train x -o y.safetensors --head-only --epochs 20", "drop the training options"),
      ("train x -o y.safetensors --head-only --mixup 0.2", "drop the training options"),
      ("train x -o y.safetensors --head-only --progressive", "drop the training options"),
      ("train x -o y.safetensors --head-only --time 5m", "drop --time"),
      ("train x -o y.safetensors --head-only --overwrite", "drop --overwrite"),
      ("train --resume y.run --time 5m", "drop --time"),
      ("train x -o y.safetensors --from-scratch --head-only --model effnet-lite0", "pretrained"),
    ])
  func wrongUsage(command: String, message: String) throws {
    expectUsageError(try Tool.run(command.split(separator: " ").map(String.init)), message)
  }

  /// Messages say what is allowed.
  @Test(arguments: [
    (["bench", "effnetv2-s", "-t", "0"], "expected a number from 1 to 1024"),
    (["bench", "effnetv2-s", "-b", "1,2000"], "expected a number from 1 to 1024"),
    (
      ["infer", "effnetv2-s", "--input", "x", "-o", "y", "--batch", "0"], "expected a number from 1"
    ),
    (
      ["infer", "effnetv2-s", "--input", "x", "-o", "y", "--limit", "size=1"], "limits are pixels, "
    ),
    (
      ["infer", "effnetv2-s", "--input", "x", "-o", "y", "--limit", "tensors=x"],
      "expected a positive number such as tensors=1000"
    ),
    (["env", "--json"], "cnnzoo: unknown option --json; use --format json\n"),
    (["models", "--csv"], "use --format csv"),
  ])
  func messagesNameWhatIsAllowed(arguments: [String], message: String) throws {
    let outcome = try Tool.run(arguments)
    #expect(outcome.status == 64)
    #expect(outcome.errors.contains(message), "\(outcome.errors)")
  }

  private static let missing = ["--weights", "/missing"]

  /// A file of another format than its extension says would mislead; it is rejected before anything
  /// is read.
  @Test(arguments: [
    (["infer", "effnet-lite0", "--input", "/missing", "-o"], "logits.npy", ".safetensors"),
    (["convert", "/missing", "--model", "effnet-lite0"], "weights.pth", ".safetensors"),
    (["bench", "effnet-lite0", "--min-time", "3600", "--plot"], "plot.PNG", ".svg"),
    (["train", "/missing", "--model", "effnet-lite0", "--preview"], "preview.png", ".svg"),
    (
      ["embed", "/missing", "--model", "effnet-lite0", "-o"], "images.parquet",
      ".jsonl or .csv or .npy or .npz or .safetensors"
    ),
    (
      ["train", "--head-only", "/missing", "--model", "effnet-lite0", "-o"], "cor.png",
      ".safetensors"
    ),
    (["embed", "/missing", "--format", "npy", "--model", "effnet-lite0", "-o"], "x.jsonl", ".npy"),
    (["explain", "/missing", "--model", "effnet-lite0"] + missing + ["-o"], "cam.jpg", ".png"),
    (["explain", "/missing", "--model", "effnet-lite0"] + missing + ["--map"], "m.png", ".npy"),
  ])
  func outputsMustMatchTheirExtension(
    arguments: [String], name: String, expected: String
  ) throws {
    let folder = try TestFiles.folder()
    let outcome = try Tool.run(arguments + ["\(folder)/\(name)"])
    #expect(outcome.status == 64, "\(outcome.errors)")
    #expect(outcome.errors.contains("\(name): cannot write ."), "\(outcome.errors)")
    #expect(outcome.errors.hasSuffix("use \(expected)\n"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [])
  }

  /// More threads than processors only slow each other down.
  @Test func threadsAreCapped() throws {
    let outcome = try Tool.run([
      "bench", "mobilenetv3-small", "--input-size", "32", "--min-time", "0", "--format", "json",
      "-t", "1,999,1000",
    ])
    let environment = try object(Tool.run(["env", "--format", "json"]).output)
    let available = try #require(environment["threads_allowed"] as? Int)
    #expect(outcome.status == 0)
    #expect(outcome.errors.contains("cnnzoo: warning: --threads 1000 exceeds the "))
    let results = try #require(try object(outcome.output)["results"] as? [[String: Any]])
    #expect(results.map { $0["threads"] as? Int } == (available == 1 ? [1] : [1, available]))
  }

  @Test(arguments: ["classify x --model", "summary", "bench"])
  func anUnknownModelIsSuggested(command: String) throws {
    let outcome = try Tool.run(command.split(separator: " ").map(String.init) + ["efnet-lite0"])
    #expect(outcome.status == 64)
    #expect(outcome.errors.contains("Did you mean effnet-lite0"))
  }

  @Test(
    .enabled(
      if: (try? String(contentsOfFile: "/proc/sys/vm/overcommit_memory", encoding: .utf8))?
        .hasPrefix("1") != true,
      "this system promises memory that it does not have"))
  func outOfMemory() throws {
    let outcome = try Tool.run([
      "bench", "mobilenetv3-small", "--input-size", "8192", "-b", "1024",
    ])
    #expect(outcome.status == 2)
    #expect(outcome.errors.contains("out of memory"))
  }

  @Test func unknownForcedInstructionSet() throws {
    let arguments = ["env"]
    let outcome = try Tool.run(arguments, environment: ["CNNZOO_ISA": "none"])
    #expect(outcome.status == 64)
    #expect(outcome.errors.contains("CNNZOO_ISA"))
  }
}
