import Command
import Foundation
import Testing

/// Output on a terminal with 80 columns.
@Suite(.enabled(if: Tool.haveTerminal, "needs script of the package bsdutils"))
struct TerminalTests {
  private static let quickBench = [
    "bench", "mobilenetv3-small", "mobilenetv3-large", "--input-size", "32", "--min-time", "0",
  ]

  /// Tables end at the first blank line; the notes below wrap at spaces.
  @Test(arguments: [
    ["models"], ["summary", "effnetv2-s", "--depth", "2"],
    ["summary", "effnetv2-s", "mobilenetv3-large"], ["summary", "mobilenetv3-small", "--plan"],
    quickBench, quickBench + ["--layers"],
    quickBench + ["--train", "-b", "1,2"], quickBench + ["--train", "-b", "1,2", "--layers"],
  ])
  func tablesFit(arguments: [String]) throws {
    // Runs of more than a second erase their progress line.
    let output = try Tool.terminal(arguments).output.replacing("\u{1B}[K", with: "")
    let lines = output.split(whereSeparator: \.isNewline)
    #expect(lines.count > 3)
    #expect(lines.filter { $0.count > 80 } == [])
  }

  /// Hidden columns are named; programs get every column.
  @Test func hiddenColumnsAreNamed() throws {
    let outcome = try Tool.terminal(["models"])
    let hidden = try #require(outcome.output.firstMatch(of: /\(not shown: ([^)]*)\)/)?.1)
    #expect(hidden.contains("SHA-256"))
    #expect(!outcome.output.contains("https://"))
    #expect(try Tool.run(["models"]).output.contains("https://"))
  }

  /// URLs must not be shortened, so that they can be copied.
  @Test func singleModelIsShownInFull() throws {
    let output = try Tool.terminal(["models", "effnet-lite4"]).output
    #expect(output.contains("/tf_efficientnet_lite4-741542c3.pth"))
  }

  @Test func longRunsShowTheTimeLeft() throws {
    let long = [
      "bench", "mobilenetv3-small", "--input-size", "32", "--min-time", "3", "--rounds", "12",
    ]
    let shown = try Tool.terminal(long).output
    #expect(shown.contains(/rounds  #*\.*  \d+ of 12, 0:0\d left/), "\(shown)")
    #expect(shown.contains("\r\u{1B}[K"))
    #expect(try !Tool.terminal(long + ["--quiet"]).output.contains("left"))
  }

  /// Long before the first round ends: with one round, that is the end.
  @Test func aLongRoundShowsProgress() throws {
    let shown = try Tool.terminal([
      "bench", "mobilenetv3-small", "--input-size", "32", "--min-time", "2", "--rounds", "1",
    ]).output
    #expect(shown.contains(/rounds  #*\.*  0 of 1/), "\(shown)")
  }

  /// The time left keeps falling during a step.
  @Test(arguments: [(0.0, "0:08 left"), (3, "0:05 left"), (30, "0:00 left")])
  func timeLeftDuringAStep(since: Double, left: String) {
    #expect(RunProgress.figures(1, 5, 2, showsRate: false, since: since) == "1 of 5, \(left)")
  }

  @Test func nothingDoneYet() {
    #expect(RunProgress.figures(0, 5, 0) == "0 of 5")
  }

  @Test func shortRunsHaveNoProgressLine() throws {
    #expect(try !Tool.terminal(Self.quickBench).output.contains("\u{1B}[K"))
  }

  /// The terminal's echo of the key, and a progress line, are erased.
  @Test func anInterruptLeavesACleanLine() throws {
    let outcome = try Tool.shell(
      """
      script -qec "stty cols 80; timeout --foreground -s INT 6 \
        $cnnzoo bench mobilenetv3-small --input-size 32 --min-time 20 --rounds 100; echo status \\$?" /dev/null
      """)
    #expect(outcome.output.contains("left"))
    #expect(outcome.output.contains(/\r\x1B\[Kstatus/), "\(outcome.output)")
  }

  @Test(arguments: [
    (1, 10, 2.0, "1 of 10, 0.5/s, 0:18 left"), (10, 10, 2.0, "10 of 10, 5.0/s"),
    (50, 10_000, 10.0, "50 of 10000, 5.0/s, 33:10 left"),
    (1, 10_000, 2.0, "1 of 10000, 0.5/s, 5:33:18 left"),
  ])
  func progressFigures(done: Int, total: Int, seconds: Double, expected: String) {
    #expect(RunProgress.figures(done, total, seconds) == expected)
  }

  @Test func progressWithoutATotal() {
    #expect(RunProgress.figures(3, nil, 2) == "3, 1.5/s")
  }

  @Test(arguments: [20, 40, 80, 200])
  func progressLinesFit(width: Int) {
    let figures = RunProgress.figures(5000, 10_000, 10)
    let line = RunProgress.line("images", 5000, of: 10_000, figures: figures, width: width)
    #expect(line.count < width)
    #expect(line.contains("#") == (width >= 80), "\(line)")
  }
}

extension Tool {
  static let haveTerminal = (try? shell("command -v script >/dev/null").status == 0) ?? false

  /// Runs the command on a terminal, both streams together.
  static func terminal(
    _ arguments: [String], columns: Int = 80, environment: [String: String] = [:]
  ) throws -> Outcome {
    let words = arguments.map { "'\($0)'" }.joined(separator: " ")
    let variables = environment.map { "\($0)='\($1)'" }.joined(separator: " ")
    return try shell(
      """
      export TERM=xterm NO_COLOR=1 \(variables)
      script -qec "stty cols \(columns); $cnnzoo \(words)" /dev/null
      """)
  }
}
