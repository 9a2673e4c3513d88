import Glibc

/// Why a file could not be had from another machine.
public enum DownloadError: Error, Equatable, Sendable {
  /// The address is none that this package downloads from.
  case badAddress(String, reason: String)
  /// No network is to be used.
  case offline(String)
  /// The server cannot be reached, does not answer, stops answering, or answers with a failure.
  case unavailable(String, reason: String)
  /// The server leads somewhere that this package does not follow.
  case badRedirection(String, reason: String)
  /// What the server sends is not the file.
  case notTheFile(String, reason: String)
  /// The file arrived whole and is another one than was asked for.
  case wrongHash(String, expected: String, found: String)
  /// A library or a program that downloading needs is not there.
  case missingTool(reason: String)
  /// The caller wants it no more.
  case interrupted
  /// The folder that it was to be put into, or a file there, cannot be created.
  case cannotCreate(path: String, reason: String)
  /// Writing began and failed.
  case cannotWrite(path: String, reason: String)
  /// A file of this machine cannot be read.
  case cannotRead(path: String, reason: String)
}

extension DownloadError: CustomStringConvertible {
  /// One line: the address or the file, what is wrong, and what to do.
  public var description: String {
    switch self {
    case .badAddress(let address, let reason): "\(address): \(reason)"
    case .offline(let address):
      "\(address) is not fetched: --offline or CNNZOO_OFFLINE forbids the network"
    case .unavailable(let address, let reason): "\(address): \(reason)"
    case .badRedirection(let address, let reason): "\(address): refused: \(reason)"
    case .notTheFile(let address, let reason): "\(address): \(reason)"
    case .wrongHash(let address, let expected, let found):
      "\(address): its SHA-256 is \(found), not \(expected): the file there is damaged or another"
        + " one, and nothing of it was kept"
    case .missingTool(let reason): reason
    case .interrupted: "interrupted"
    case .cannotCreate(let path, let reason): "\(path): cannot be created: \(reason)"
    case .cannotWrite(let path, let reason): "\(path): cannot be written: \(reason)"
    case .cannotRead(let path, let reason): "\(path): cannot be read: \(reason)"
    }
  }

  /// What the operating system says about `errno`.
  static var systemReason: String { String(cString: strerror(errno)) }
}
