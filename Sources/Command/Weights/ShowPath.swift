import ArgumentParser
import CNNZoo

struct ShowPath: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "path",
    abstract: "Print where weights lie, or the cache's folder.",
    discussion: """
      For a network, the file that `classify` would take; a file of the cache can be named too.
      """)

  @Argument(help: "A network, or a file of the cache.", completion: .networksAndCachedFiles)
  var name: String?

  @OptionGroup var format: FormatOption

  func run() throws {
    let path = try path()
    // One line and nothing else, so that a shell can take it.
    guard format.format != .text else { return try StandardOutput.write(path + "\n") }
    let facts: JSON.Object = ["name": .optional(name), "path": .string(path)]
    try Report(
      document: facts, records: [facts],
      table: Table(
        [.text("name"), .text("path")], rows: [[name.map(Table.Cell.text) ?? .empty, .text(path)]])
    ).write(as: format.format)
  }

  private func path() throws -> String {
    let search = WeightSearch.standard()
    guard let name else { return try WeightCache.standard().folder }
    if let model = try? ModelCatalog.model(named: name) { return try search.weights(of: model) }
    return try WeightCache.standard().entry(named: name).path
  }
}
