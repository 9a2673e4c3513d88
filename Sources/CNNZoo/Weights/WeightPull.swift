import Download
import Glibc

/// Gets weights from where they were published and puts them into the cache as safetensors files
/// that say what they hold.
///
/// A file appears in the cache whole and checked, or not at all, whatever happens in between; any
/// number of processes may pull the same weights at once.
public struct WeightPull {
  /// What a pull is doing.
  public enum Event: Equatable, Sendable {
    /// Another process is pulling the same.
    case waiting
    /// So many bytes are here, of so many where that is known.
    case receiving(Int, of: Int?)
    /// Python is fetching a package.
    case fetchingPackage(String)
    /// The file is here and is being converted.
    case converting
  }

  /// Weights in the cache.
  public struct Pulled: Equatable, Sendable {
    /// The file.
    public let entry: WeightCache.Entry
    /// Its SHA-256.
    public let sha256: String
    /// It was there before, and proved to be good.
    public let wasThere: Bool
  }

  /// Where the weights go.
  public let cache: WeightCache
  /// Seconds in which a connection must be there, and some byte must come.
  public var timeout = 30
  /// Nothing is fetched; what is in the cache is still found.
  public var isOffline = false
  /// Weights that are there already are fetched all the same.
  public var isForced = false
  /// Called all the time; `false` breaks off.
  public var report: (Event) -> Bool = { _ in true }

  /// A pull into a cache.
  public init(into cache: WeightCache) {
    self.cache = cache
  }

  /// Pulls published weights.
  ///
  /// - Parameter sha256: The file's hash, where its publisher tells none.
  /// - Throws: `DownloadError`, `CacheError`; `WeightsError`, `ParameterMismatch` and others where
  ///   the file is not what it should be.
  public func pull(_ weights: PublishedWeights, sha256: String? = nil) throws -> Pulled {
    guard let expected = (sha256 ?? weights.sha256).flatMap({ ExpectedHash($0) }) else {
      throw CacheError.noHash(weights: weights.name)
    }
    // The set asked for leads, so that its recipe is the one that is written down.
    let model = try ModelCatalog.model(named: weights.name)
    var provenance = Conversion.Provenance()
    provenance.source = weights.origin
    provenance.license = weights.license
    let name = "\(weights.fileName).safetensors"
    return try store(name, from: weights.url ?? weights.origin) {
      if let package = PythonPackage(of: weights) {
        let unpacked = try unpack(package, expected)
        return try withExtendedLifetime(unpacked.folder) {
          try convert(unpacked.path, model, provenance, name)
        }
      }
      let address = try WebAddress(weights.url ?? "", policy: .encrypted)
      var download = download(address, expected)
      if let mebibytes = weights.mebibytes {
        // Known to three decimals.
        let bytes = Int(mebibytes * 1_048_576)
        download.sizes = max(1, bytes - 1049)...bytes + 1049
      }
      let received = try fetch(download)
      return try withExtendedLifetime(received) {
        try convert(received.path, model, provenance, name)
      }
    }
  }

  /// Pulls weights of a model from any address; they come before published ones when the model is
  /// next asked for.
  ///
  /// - Parameter sha256: The file's hash, all of it.
  /// - Throws: As `pull(_:sha256:)`.
  public func pull(from address: String, sha256: String, of model: Model) throws -> Pulled {
    let expected = try whole(sha256)
    let address = try WebAddress(address, policy: .known)
    var provenance = Conversion.Provenance()
    provenance.source = "\(address.text) (SHA-256 \(expected.digits))"
    let name = "\(model.name).safetensors"
    return try store(name, from: address.text, provenance.source) {
      let received = try fetch(download(address, expected))
      return try withExtendedLifetime(received) {
        try convert(received.path, model, provenance, name)
      }
    }
  }

  /// Pulls any file, as it is.
  ///
  /// - Parameter sha256: The file's hash, all of it.
  /// - Throws: `DownloadError`, `CacheError`.
  public func pull(from address: String, sha256: String) throws -> Pulled {
    let expected = try whole(sha256)
    let address = try WebAddress(address, policy: .known)
    let name = WeightCache.plainName(address.fileName)
    return try store(name, from: address.text, sha256: expected.digits) {
      let received = try fetch(download(address, expected))
      try CacheRecord.write(expected.digits, of: name, in: cache)
      try received.move(to: name)
      return Pulled(
        entry: try cache.entry(named: name), sha256: expected.digits, wasThere: false)
    }
  }

  /// Answers what is there under `name`, else makes it, one process at a time.
  private func store(
    _ name: String, from source: String, _ recordedSource: String? = nil, sha256: String? = nil,
    make: () throws -> Pulled
  ) throws -> Pulled {
    func present() throws -> Pulled? {
      guard !isForced, let entry = try? cache.entry(named: name),
        case .good(let found)? = try? cache.verify(entry), found == sha256 ?? found
      else { return nil }
      if let recordedSource,
        try WeightFile(path: entry.path).metadata[WeightFacts.Key.source.rawValue] != recordedSource
      {
        return nil
      }
      return Pulled(entry: entry, sha256: found, wasThere: true)
    }
    if let there = try present() { return there }
    guard !isOffline else { throw DownloadError.offline(source) }
    try cache.create()
    let lock = try ProcessLock(folder: cache.folder, name: name) { report(.waiting) }
    defer { withExtendedLifetime(lock) {} }
    if let there = try present() { return there }
    cache.sweep()
    return try make()
  }

  private func download(_ address: WebAddress, _ expected: ExpectedHash) -> Download {
    var download = Download(address, expected: expected)
    download.timeout = timeout
    return download
  }

  private func fetch(_ download: Download) throws(DownloadError) -> PartialFile {
    try download.fetch(into: cache.folder) { [report] progress in
      report(.receiving(progress.received, of: progress.total))
    }.file
  }

  private func whole(_ sha256: String) throws(DownloadError) -> ExpectedHash {
    guard let expected = ExpectedHash(sha256), expected.isWhole else {
      throw .badAddress(sha256, reason: "is no SHA-256: that has 64 hexadecimal digits")
    }
    return expected
  }

  /// Has Python fetch a package into the cache's folder: the temporary folder and the file in it.
  private func unpack(
    _ package: PythonPackage, _ expected: ExpectedHash
  ) throws(DownloadError) -> (folder: TemporaryFolder, path: String) {
    let folder = try TemporaryFolder(path: cache.temporaryPath())
    let path = try package.unpack(into: folder.path) { report(.fetchingPackage(package.name)) }
    let found = try SHA256.digits(ofFile: path)
    guard expected.matches(found) else {
      throw .wrongHash(
        "Python package \(package.name) \(package.version)", expected: expected.digits,
        found: found)
    }
    return (folder, path)
  }

  /// Converts a file that arrived and puts the result into the cache under `name`.
  private func convert(
    _ path: String, _ model: Model, _ provenance: Conversion.Provenance, _ name: String
  ) throws -> Pulled {
    func goOn() throws(DownloadError) {
      guard report(.converting) else { throw .interrupted }
    }
    try goOn()
    let network = try LoadedNetwork(model, file: WeightFile(path: path))
    let temporary = cache.temporaryPath()
    defer { unlink(temporary) }
    try Conversion(of: network, provenance: provenance).write(to: temporary)
    try goOn()
    let sha256 = try SHA256.digits(ofFile: temporary)
    try goOn()
    // A record without its file does no harm; the other way round the file could not be verified.
    let final = try cache.path(of: name)
    try CacheRecord.write(sha256, of: name, in: cache)
    guard rename(temporary, final) == 0 else {
      throw DownloadError.cannotCreate(path: final, reason: String(cString: strerror(errno)))
    }
    synchronizeFolder(cache.folder)
    return Pulled(entry: try cache.entry(named: name), sha256: sha256, wasThere: false)
  }
}
