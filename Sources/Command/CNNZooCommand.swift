import ArgumentParser

@main
struct CNNZooCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "cnnzoo")
}
