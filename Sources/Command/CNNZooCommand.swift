import ArgumentParser
import CNNZoo
import Glibc

/// Runs the command line and exits.
///
/// - Parameter commit: The commit for `--version`; empty if unknown.
package func runCommand(commit: String) -> Never {
  BuildVersion.commit = commit
  CNNZooCommand.main()
}

/// The root command; its subcommands do the work.
struct CNNZooCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cnnzoo",
    abstract: "Classify images with convolutional networks on the CPU.",
    discussion: """
      Results go to standard output, messages to standard error.

      \(ExitStatus.help)
      """,
    version: BuildVersion.text,
    groupedSubcommands: [
      CommandGroup(
        name: "Image",
        subcommands: [
          Classify.self, Evaluate.self, Embed.self, Similar.self, Explain.self, Train.self,
        ]),
      CommandGroup(name: "Network", subcommands: [Summary.self, Bench.self, Infer.self]),
      CommandGroup(
        name: "Weight",
        subcommands: [
          Models.self, Pull.self, List.self, ShowPath.self, Verify.self, Remove.self, Convert.self,
        ]),
      CommandGroup(name: "System", subcommands: [ShowEnvironment.self]),
    ])

  static func main() -> Never {
    Process.prepare()
    Glibc.exit(
      status { () throws in
        var command = try parseAsRoot()
        try command.run()
      }.rawValue)
  }

  /// Runs `body`, reports what it throws, and returns the exit status.
  private static func status(_ body: () throws -> Void) -> ExitStatus {
    do {
      try body()
      return .success
    } catch let status as ExitStatus {
      return status
    } catch {
      if let status = ExitStatus(for: error) {
        if status != .success { Diagnostics.error(Diagnostics.message(of: error)) }
        return status
      }
      return parserStatus(error)
    }
  }

  /// Prints help and version texts, which the parser throws too, to standard output.
  private static func parserStatus(_ error: any Error) -> ExitStatus {
    let message = fullMessage(for: error)
    guard exitCode(for: error).isSuccess else {
      Diagnostics.error(Self.usageMessage(message))
      return .usage
    }
    return status { try StandardOutput.write(message.hasSuffix("\n") ? message : message + "\n") }
  }

  /// The parser's message without its prefix, and with a hint for options of other tools.
  private static func usageMessage(_ message: String) -> String {
    let text = message.hasPrefix("Error: ") ? String(message.dropFirst(7)) : message
    guard let option = text.firstMatch(of: /Unknown option '--?(json|jsonl|csv|markdown|text)'/)?.1
    else { return text }
    return "unknown option --\(option); use --format \(option)"
  }
}

/// Identifies this build of the command.
enum BuildVersion {
  /// The commit it was built from, such as `b2570c2`; empty if unknown.
  ///
  /// Ends with `-dirty` if the sources had uncommitted changes. Set once, before anything else runs.
  nonisolated(unsafe) static var commit = ""

  /// `0.1.0`, or `0.1.0 (b2570c2)` if the commit is known.
  static var text: String { commit.isEmpty ? cnnzooVersion : "\(cnnzooVersion) (\(commit))" }
}
