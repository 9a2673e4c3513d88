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
    for status in [0, 1, 2, 64, 65, 66, 69, 73, 74, 76, 130] {
      #expect(help.contains("\n\(String(repeating: " ", count: 5 - "\(status)".count))\(status)  "))
    }
  }

  @Test(arguments: [
    ["nonsense"], ["classify"], ["classify", "--model", "effnet-lite0"],
    ["classify", "x", "--model", "effnet-lite0", "--top-k=-1"],
    ["classify", "x", "--model", "effnet-lite0", "--format", "xml"],
    ["classify", "x", "--model", "effnet-lite0", "--threads", "0"],
    ["classify", "x", "--model", "effnet-lite0", "--backend", "gpu"],
    ["classify", "x", "--model", "effnet-lite0", "--mean", "1,2"],
    ["classify", "x", "--model", "effnet-lite0", "--null"],
    ["classify", "-", "-", "--model", "effnet-lite0"],
    ["classify", "-", "--files-from", "-", "--model", "effnet-lite0"],
    ["summary", "effnetv2-s", "--input-size", "0"],
    ["summary", "effnetv2-s", "--input-size", "10x"],
    ["summary", "effnetv2-s", "--input-size", "9000"],
    ["summary", "effnetv2-s", "--width-multiplier", "0.5"],
    ["bench", "effnetv2-s", "-t", "1,,2"], ["bench", "effnetv2-s", "-b", "0"],
    ["bench", "effnetv2-s", "--min-time", "nan"],
  ])
  func wrongUsage(arguments: [String]) throws {
    let outcome = try Tool.run(arguments)
    #expect(outcome.status == 64)
    #expect(outcome.output.isEmpty)
    #expect(!outcome.errors.isEmpty)
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
  func memoryThatThereIsNot() throws {
    let outcome = try Tool.run([
      "bench", "mobilenetv3-small", "--input-size", "8192", "-b", "1024",
    ])
    #expect(outcome.status == 2)
    #expect(outcome.errors.contains("out of memory"))
  }

  @Test func aForcedInstructionSetThatIsNotThere() throws {
    let arguments = ["env"]
    let outcome = try Tool.run(arguments, environment: ["CNNZOO_ISA": "none"])
    #expect(outcome.status == 64)
    #expect(outcome.errors.contains("CNNZOO_ISA"))
  }
}
