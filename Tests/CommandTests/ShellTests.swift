import CNNZoo
import Foundation
import TestSupport
import Testing

/// The output that completions, manual and package are generated from.
struct ShellTests {
  private static func has(_ program: String) -> Bool {
    (try? Tool.shell("command -v \(program)").status) == 0
  }

  private static let haveCommit =
    (try? Tool.shell(
      "[ -e '\(RealData.package)/.git' ] && git -C '\(RealData.package)' rev-parse HEAD"
    ).status) == 0

  @Test func version() throws {
    let outcome = try Tool.run(["--version"])
    #expect(outcome.status == 0)
    let form = try Regex("\(cnnzooVersion)( \\([0-9a-f]{7,40}(-dirty)?\\))?\n")
    #expect(outcome.output.wholeMatch(of: form) != nil, "\(outcome.output)")
    #expect(
      try object(Tool.run(["env", "--format", "json"]).output)["version"] as? String
        == String(outcome.output.dropLast()))
  }

  @Test(.enabled(if: haveCommit, "this is no git checkout"))
  func versionNamesTheCommit() throws {
    let head = try Tool.shell("git -C '\(RealData.package)' rev-parse HEAD").output
    let version = try Tool.run(["--version"]).output
    let commit = try #require(version.firstMatch(of: /\(([0-9a-f]+)/)).output.1
    #expect(head.hasPrefix(commit))
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func completionsHoldTheNetworks(shell: String) throws {
    let outcome = try Tool.run(["--generate-completion-script", shell])
    #expect(outcome.status == 0)
    let words = Set(outcome.output.split { $0 == "'" || $0 == "\"" || $0.isWhitespace })
    // Networks, and fixed words.
    let expected = ModelCatalog.models.map(\.name) + ["symmetric", "markdown", "bf16"]
    #expect(expected.filter { !words.contains($0[...]) }.isEmpty)
  }

  @Test(
    arguments: [
      ("summary effnetv2-x", "effnetv2-xl"),
      ("bench effnetv2-s mobilenetv3-large-m", "mobilenetv3-large-minimal"),
      ("convert in out --model effnet-lite4", "effnet-lite4"),
      ("infer effnet-lite0 --backend s", "simd"),
      ("classify x --model mobilenetv3-large-m", "mobilenetv3-large-minimal"),
      ("rm cach", "cached.safetensors"),
      ("su", "summary"),
    ])
  func bashCompletes(typed: String, expected: String) throws {
    let folder = try TestFiles.folder()
    // Simulates pressing the tab key in bash.
    let outcome = try Tool.shell(
      """
      source <("$cnnzoo" --generate-completion-script bash)
      export CNNZOO_CACHE="$2"
      touch "$2/cached.safetensors"
      COMP_WORDS=("$cnnzoo" $1)
      COMP_LINE="${COMP_WORDS[*]}"
      COMP_POINT=${#COMP_LINE} COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
      _cnnzoo "$cnnzoo" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
      printf '%s\\n' "${COMPREPLY[@]}"
      """, [typed, folder])
    #expect(outcome.output == expected + "\n")
    #expect(outcome.errors.isEmpty)
  }

  @Test(.enabled(if: has("python3"), "needs python3"))
  func manualHasEveryCommand() throws {
    let outcome = try Tool.shell(
      "python3 \"$1/Scripts/packaging/make_man\" \"$cnnzoo\"", [RealData.package])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let help = try object(Tool.run(["--experimental-dump-help"]).output)
    let root = try #require(help["command"] as? [String: Any])
    let commands = try #require(root["subcommands"] as? [[String: Any]])
    #expect(commands.count > 10)
    for name in commands.compactMap({ $0["commandName"] as? String }) where name != "help" {
      #expect(outcome.lines.contains(".Ss \(name)"))
    }
    #expect(outcome.output.contains(".It 76\n"))
    #expect(outcome.output.contains("Fl \\-files\\-from"))
  }

  @Test(.enabled(if: has("python3") && has("mandoc"), "needs python3 and mandoc"))
  func manualIsWellFormed() throws {
    let outcome = try Tool.shell(
      "python3 \"$1/Scripts/packaging/make_man\" \"$cnnzoo\" | mandoc -T lint -W warning",
      [RealData.package])
    #expect(outcome.status == 0)
    #expect(outcome.output.isEmpty)
  }
}
