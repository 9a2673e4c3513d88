import ArgumentParser
import CNNZoo
import Glibc

/// Does what the process's arguments say, and ends it.
///
/// - Parameter commit: What the executable was built from, for `--version`; empty where not known.
package func runCommand(commit: String) -> Never {
  BuildVersion.commit = commit
  CNNZooCommand.main()
}

/// The command; its subcommands do the work.
struct CNNZooCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cnnzoo",
    abstract: "Classify pictures with convolutional networks, on the CPU.",
    discussion: """
      Results go to standard output, everything else to standard error.

      \(ExitStatus.help)
      """,
    version: BuildVersion.text,
    subcommands: [
      Classify.self, Embed.self, Similar.self, Explain.self, Teach.self, Summary.self, Bench.self,
      Infer.self, Models.self, Pull.self, List.self, ShowPath.self, Verify.self, Remove.self,
      Convert.self, ShowEnvironment.self,
    ])

  static func main() -> Never {
    Process.prepare()
    Glibc.exit(
      status { () throws in
        var command = try parseAsRoot()
        try command.run()
      }.rawValue)
  }

  /// Runs `body`, tells what it throws, and answers the status to exit with.
  private static func status(_ body: () throws -> Void) -> ExitStatus {
    do {
      try body()
      return .success
    } catch let status as ExitStatus {
      return status
    } catch {
      if let status = ExitStatus(for: error) {
        if status != .success { Diagnostics.tell(Diagnostics.message(of: error)) }
        return status
      }
      return parserStatus(error)
    }
  }

  /// Help and versions are thrown too: they are results, and leave like those.
  private static func parserStatus(_ error: any Error) -> ExitStatus {
    let message = fullMessage(for: error)
    guard exitCode(for: error).isSuccess else {
      Diagnostics.write(message)
      return .usage
    }
    return status { try StandardOutput.write(message.hasSuffix("\n") ? message : message + "\n") }
  }
}
