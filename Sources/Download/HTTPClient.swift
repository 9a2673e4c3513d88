import CDownload

/// Requests files from servers through libcurl, which honours the usual proxy variables.
final class HTTPClient {
  /// Receives the header of a response that is not a redirection, before its body.
  typealias Head = (HTTPResponse) throws(DownloadError) -> Void
  typealias Body = (UnsafeRawBufferPointer) throws(DownloadError) -> Void

  private static let maximumRedirections = 10

  private let handle: UnsafeMutableRawPointer
  private let timeout: Int
  private let shouldContinue: () -> Bool

  /// - Parameters:
  ///   - timeout: Timeout in seconds for connecting, and for a transfer without progress.
  ///   - shouldContinue: Called at least every second; `false` aborts the transfer.
  /// - Throws: `DownloadError.missingTool`.
  init(timeout: Int, shouldContinue: @escaping () -> Bool) throws(DownloadError) {
    if let reason = clibcurl_load() { throw .missingTool(reason: String(cString: reason)) }
    guard let handle = clibcurl_init() else {
      throw .missingTool(reason: "libcurl cannot be initialised")
    }
    self.handle = handle
    self.timeout = timeout
    self.shouldContinue = shouldContinue
  }

  deinit { clibcurl_cleanup(handle) }

  /// Requests only the header.
  func head(_ address: WebAddress) throws(DownloadError) -> HTTPResponse {
    try request(
      address, fields: [], headOnly: true, head: { (_) throws(DownloadError) in },
      body: { (_) throws(DownloadError) in })
  }

  /// Requests the file; an error thrown by `head` or `body` aborts the transfer.
  func get(
    _ address: WebAddress, fields: [String], head: @escaping Head, body: @escaping Body
  ) throws(DownloadError) {
    _ = try request(address, fields: fields, headOnly: false, head: head, body: body)
  }

  private func request(
    _ address: WebAddress, fields: [String], headOnly: Bool, head: @escaping Head,
    body: @escaping Body
  ) throws(DownloadError) -> HTTPResponse {
    var address = address
    for _ in 0...Self.maximumRedirections {
      let exchange = HTTPExchange(head: head, body: body, shouldContinue: shouldContinue)
      try perform(exchange, address, fields: fields, headOnly: headOnly)
      guard exchange.response.isRedirection else { return exchange.response }
      guard let next = clibcurl_redirection(handle) else {
        throw .unavailable(address.text, reason: "the server redirects without saying where")
      }
      address = try address.redirected(to: String(cString: next))
    }
    throw .badRedirection(
      address.text, reason: "more than \(Self.maximumRedirections) redirections")
  }

  private func perform(
    _ exchange: HTTPExchange, _ address: WebAddress, fields: [String], headOnly: Bool
  ) throws(DownloadError) {
    clibcurl_reset(handle)
    // Requests the bytes as stored; a range of compressed bytes would be useless.
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
    case CURLE_WRITE_ERROR where exchange.response.isRedirection: return
    case CURLE_ABORTED_BY_CALLBACK: throw .interrupted
    case CURLE_OPERATION_TIMEDOUT:
      throw .unavailable(
        address.text, reason: "no response or no progress for \(timeout) seconds; try again")
    default:
      let text = String(cString: reason)
      throw .unavailable(
        address.text, reason: text.isEmpty ? String(cString: clibcurl_message(code)) : text)
    }
    try exchange.end()
  }
}

/// A request and its response, which libcurl delivers in pieces.
private final class HTTPExchange {
  private(set) var response = HTTPResponse()
  /// The error that aborted the transfer on this side.
  private(set) var failure: DownloadError?

  private let head: HTTPClient.Head
  private let body: HTTPClient.Body
  private let shouldContinue: () -> Bool
  private var hasBegun = false

  init(
    head: @escaping HTTPClient.Head, body: @escaping HTTPClient.Body,
    shouldContinue: @escaping () -> Bool
  ) {
    self.head = head
    self.body = body
    self.shouldContinue = shouldContinue
  }

  /// Makes `handle` call this object, which must outlive the transfer.
  func attach(to handle: UnsafeMutableRawPointer) {
    let context = Unmanaged.passUnretained(self).toOpaque()
    for option in [CURLOPT_HEADERDATA, CURLOPT_WRITEDATA, CURLOPT_XFERINFODATA] {
      clibcurl_set_pointer(handle, option, context)
    }
    clibcurl_set_receiver(handle, CURLOPT_HEADERFUNCTION) { bytes, _, count, context in
      let line = UnsafeRawBufferPointer(start: bytes, count: count)
      HTTPExchange.from(context).response.parse(String(decoding: line, as: UTF8.self))
      return count
    }
    clibcurl_set_receiver(handle, CURLOPT_WRITEFUNCTION) { bytes, _, count, context in
      // Returning any other count aborts the transfer.
      HTTPExchange.from(context).receive(UnsafeRawBufferPointer(start: bytes, count: count))
        ? count : count == 0 ? 1 : 0
    }
    clibcurl_set_observer(handle) { context, _, _, _, _ in
      HTTPExchange.from(context).shouldContinue() ? 0 : 1
    }
  }

  /// Makes `handle` forget this object.
  func detach(from handle: UnsafeMutableRawPointer) {
    for option in [CURLOPT_HEADERDATA, CURLOPT_WRITEDATA, CURLOPT_XFERINFODATA] {
      clibcurl_set_pointer(handle, option, nil)
    }
  }

  /// Finishes a response that may have no body.
  func end() throws(DownloadError) {
    if !response.isRedirection { try begin() }
  }

  private func begin() throws(DownloadError) {
    guard !hasBegun else { return }
    hasBegun = true
    try head(response)
  }

  private func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
    // The body of a redirection is only for display.
    guard !response.isRedirection else { return false }
    do {
      try begin()
      try body(bytes)
      return true
    } catch {
      failure = error
      return false
    }
  }

  private static func from(_ context: UnsafeMutableRawPointer?) -> HTTPExchange {
    guard let context else { preconditionFailure("attach(to:) sets the context") }
    return Unmanaged.fromOpaque(context).takeUnretainedValue()
  }
}
