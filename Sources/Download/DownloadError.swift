/// Why a download failed.
public enum DownloadError: Error, Equatable, Sendable {
  /// The address is malformed or not supported.
  case badAddress(String, reason: String)
  /// Network access is disabled.
  case offline(String)
  /// The server is unreachable, does not respond, stalls, or responds with an error.
  case unavailable(String, reason: String)
  /// The server redirects to an address that is not accepted.
  case badRedirection(String, reason: String)
  /// The server sent something other than the file.
  case notTheFile(String, reason: String)
  /// The file arrived complete but has the wrong hash.
  case wrongHash(String, expected: String, found: String)
  /// A library or program needed for the download is missing.
  case missingTool(reason: String)
  /// The caller aborted the download.
  case interrupted
  /// The destination folder, or a file in it, cannot be created.
  case cannotCreate(path: String, reason: String)
  /// Writing began and failed.
  case cannotWrite(path: String, reason: String)
  /// A local file cannot be read.
  case cannotRead(path: String, reason: String)
}

extension DownloadError: CustomStringConvertible {
  /// One line: the address or the file, what is wrong, and what to do.
  public var description: String {
    switch self {
    case .badAddress(let address, let reason): "\(address): \(reason)"
    case .offline(let address):
      "\(address): not downloaded, because of --offline or CNNZOO_OFFLINE"
    case .unavailable(let address, let reason): "\(address): \(reason)"
    case .badRedirection(let address, let reason): "\(address): refused: \(reason)"
    case .notTheFile(let address, let reason): "\(address): \(reason)"
    case .wrongHash(let address, let expected, let found):
      "\(address): SHA-256 is \(found), expected \(expected): the file is damaged or the wrong one,"
        + " and was discarded"
    case .missingTool(let reason): reason
    case .interrupted: "interrupted"
    case .cannotCreate(let path, let reason): "\(path): cannot be created: \(reason)"
    case .cannotWrite(let path, let reason): "\(path): cannot be written: \(reason)"
    case .cannotRead(let path, let reason): "\(path): cannot be read: \(reason)"
    }
  }
}
