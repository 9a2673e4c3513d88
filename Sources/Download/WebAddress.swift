import CDownload

/// A URL to download from, parsed by the library that requests it.
package struct WebAddress: Equatable, Sendable {
  /// Which connections are accepted.
  package enum Policy: Sendable, CaseIterable {
    /// HTTPS, and HTTP to this machine.
    case encrypted
    /// HTTP to any machine: the hash alone identifies the file.
    case known
  }

  /// The whole URL.
  package let text: String
  /// The host name or IP address.
  package let host: String
  private let path: String
  private let isEncrypted: Bool
  private let policy: Policy

  /// - Throws: `DownloadError.badAddress`, `.missingTool`.
  package init(_ text: String, policy: Policy) throws(DownloadError) {
    if let reason = clibcurl_load() { throw .missingTool(reason: String(cString: reason)) }
    let isOneText = !text.utf8.contains(0)
    guard isOneText, text.utf8.count <= 8192, let parsed = clibcurl_parse(text) else {
      throw .badAddress(text, reason: "not an address of the form https://HOST/PATH")
    }
    defer { clibcurl_parsed_free(parsed) }
    func part(_ which: CURLUPart) -> String? {
      guard let part = clibcurl_part(parsed, which) else { return nil }
      defer { clibcurl_text_free(part) }
      return String(cString: part)
    }
    let scheme = part(CURLUPART_SCHEME)
    guard scheme == "https" || scheme == "http", let host = part(CURLUPART_HOST), !host.isEmpty
    else { throw .badAddress(text, reason: "only https and http addresses can be fetched") }
    guard part(CURLUPART_USER) == nil, part(CURLUPART_PASSWORD) == nil else {
      // The address is not repeated, to keep the password out of logs.
      throw .badAddress(host, reason: "addresses with a user name or password are not supported")
    }
    self.text = text
    self.host = host
    self.policy = policy
    path = part(CURLUPART_PATH) ?? "/"
    isEncrypted = scheme == "https"
    guard isEncrypted || policy == .known || isThisMachine else {
      throw .badAddress(text, reason: "anyone on the network could alter it; use https")
    }
  }

  /// The last part of the path, such as `weights.pth`.
  package var fileName: String { String(path.split(separator: "/").last ?? "") }

  /// The target of a redirection, which may not lead from an encrypted to an unencrypted
  /// connection.
  ///
  /// - Throws: `DownloadError.badRedirection`.
  package func redirected(to text: String) throws(DownloadError) -> WebAddress {
    let next: WebAddress
    do {
      next = try WebAddress(text, policy: policy)
    } catch .badAddress(let address, let reason) {
      throw .badRedirection(self.text, reason: "it redirects to \(address): \(reason)")
    }
    guard next.isEncrypted || !isEncrypted else {
      throw .badRedirection(self.text, reason: "it redirects to \(text), which is not encrypted")
    }
    return next
  }

  private var isThisMachine: Bool {
    if host == "localhost" || host == "[::1]" { return true }
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
  }
}
