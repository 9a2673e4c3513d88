import CLibCurl

/// Asks servers for files by way of libcurl, which honours the usual proxy variables.
final class HTTPClient {
  /// Takes the head of an answer that is no redirection, before its body.
  typealias Head = (HTTPAnswer) throws(DownloadError) -> Void
  typealias Body = (UnsafeRawBufferPointer) throws(DownloadError) -> Void

  private static let mostRedirections = 10

  private let handle: UnsafeMutableRawPointer
  private let timeout: Int
  private let isWanted: () -> Bool

  /// - Parameters:
  ///   - timeout: Seconds in which a connection must be there, and some byte must come.
  ///   - isWanted: Asked at least every second; `false` ends the transfer.
  /// - Throws: `DownloadError.missingTool`.
  init(timeout: Int, isWanted: @escaping () -> Bool) throws(DownloadError) {
    if let reason = clibcurl_load() { throw .missingTool(reason: String(cString: reason)) }
    guard let handle = clibcurl_init() else {
      throw .missingTool(reason: "libcurl cannot be used")
    }
    self.handle = handle
    self.timeout = timeout
    self.isWanted = isWanted
  }

  deinit { clibcurl_cleanup(handle) }

  /// Asks for the file's head alone.
  func head(_ address: WebAddress) throws(DownloadError) -> HTTPAnswer {
    try ask(
      address, fields: [], headOnly: true, head: { (_) throws(DownloadError) in },
      body: { (_) throws(DownloadError) in })
  }

  /// Asks for the file; what `head` or `body` throw ends the transfer.
  func get(
    _ address: WebAddress, fields: [String], head: @escaping Head, body: @escaping Body
  ) throws(DownloadError) {
    _ = try ask(address, fields: fields, headOnly: false, head: head, body: body)
  }

  private func ask(
    _ address: WebAddress, fields: [String], headOnly: Bool, head: @escaping Head,
    body: @escaping Body
  ) throws(DownloadError) -> HTTPAnswer {
    var address = address
    for _ in 0...Self.mostRedirections {
      let exchange = HTTPExchange(head: head, body: body, isWanted: isWanted)
      try perform(exchange, address, fields: fields, headOnly: headOnly)
      guard exchange.answer.isRedirection else { return exchange.answer }
      guard let next = clibcurl_redirection(handle) else {
        throw .unavailable(address.text, reason: "it leads elsewhere without saying where")
      }
      address = try address.redirected(to: String(cString: next))
    }
    throw .badRedirection(
      address.text, reason: "there are more than \(Self.mostRedirections) redirections")
  }

  private func perform(
    _ exchange: HTTPExchange, _ address: WebAddress, fields: [String], headOnly: Bool
  ) throws(DownloadError) {
    clibcurl_reset(handle)
    // Bytes as they are stored: a range of compressed ones would be of no use.
    var list = clibcurl_list_append(nil, "Accept-Encoding: identity")
    for field in fields { list = clibcurl_list_append(list, field) }
    defer { clibcurl_list_free(list) }
    let reason = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    reason.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    defer { reason.deallocate() }

    _ = address.text.withCString { clibcurl_set_pointer(handle, CURLOPT_URL, $0) }
    _ = clibcurl_set_web_only(handle)
    clibcurl_set_pointer(handle, CURLOPT_HTTPHEADER, list)
    clibcurl_set_pointer(handle, CURLOPT_ERRORBUFFER, reason)
    _ = "cnnzoo".withCString { clibcurl_set_pointer(handle, CURLOPT_USERAGENT, $0) }
    for (option, value) in [
      (CURLOPT_NOBODY, headOnly ? 1 : 0), (CURLOPT_NOSIGNAL, 1), (CURLOPT_NOPROGRESS, 0),
      (CURLOPT_SUPPRESS_CONNECT_HEADERS, 1), (CURLOPT_CONNECTTIMEOUT, timeout),
      (CURLOPT_LOW_SPEED_LIMIT, 1), (CURLOPT_LOW_SPEED_TIME, timeout),
      (CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2),
    ] {
      clibcurl_set_number(handle, option, value)
    }
    exchange.attach(to: handle)
    defer { exchange.detach(from: handle) }
    let code = withExtendedLifetime(exchange) { clibcurl_perform(handle) }
    if let failure = exchange.failure { throw failure }
    switch code {
    case CURLE_OK: break
    case CURLE_WRITE_ERROR where exchange.answer.isRedirection: return
    case CURLE_ABORTED_BY_CALLBACK: throw .interrupted
    case CURLE_OPERATION_TIMEDOUT:
      throw .unavailable(
        address.text, reason: "no answer, or none going on, for \(timeout) seconds; try again")
    default:
      let text = String(cString: reason)
      throw .unavailable(
        address.text, reason: text.isEmpty ? String(cString: clibcurl_message(code)) : text)
    }
    try exchange.end()
  }
}
