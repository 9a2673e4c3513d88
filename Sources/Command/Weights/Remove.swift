import ArgumentParser
import CNNZoo

struct Remove: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rm",
    abstract: "Remove weights from the cache.")

  @Argument(help: "Networks, or files of the cache.", completion: .networksAndCachedFiles)
  var names: [String]

  @OptionGroup var format: FormatOption

  func run() throws {
    let cache = try WeightCache.standard()
    // A link that leads out can be removed, though it is never followed.
    let files = try names.flatMap { name throws in
      do {
        return try cache.entries(called: name).map(\.name)
      } catch CacheError.leadsOut {
        return [name]
      }
    }
    try Interrupts.deferred { () throws in
      for file in files { try cache.remove(named: file) }
    }
    let records = files.map { file -> JSON.Object in ["removed": .string(file)] }
    try Report(
      document: ["removed": .array(files.map(JSON.string))], records: records,
      table: Table([.text("removed")], rows: files.map { [.text($0)] })
    ).write(as: format.format)
  }
}
