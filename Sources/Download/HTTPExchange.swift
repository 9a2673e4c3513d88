import CLibCurl

/// One question to a server and what libcurl hands over of the answer.
final class HTTPExchange {
  private(set) var answer = HTTPAnswer()
  /// What ended the transfer from this side.
  private(set) var failure: DownloadError?

  private let head: HTTPClient.Head
  private let body: HTTPClient.Body
  private let isWanted: () -> Bool
  private var hasBegun = false

  init(
    head: @escaping HTTPClient.Head, body: @escaping HTTPClient.Body,
    isWanted: @escaping () -> Bool
  ) {
    self.head = head
    self.body = body
    self.isWanted = isWanted
  }

  /// Makes `handle` call this object, which must outlive the transfer.
  func attach(to handle: UnsafeMutableRawPointer) {
    let context = Unmanaged.passUnretained(self).toOpaque()
    for option in [CURLOPT_HEADERDATA, CURLOPT_WRITEDATA, CURLOPT_XFERINFODATA] {
      clibcurl_set_pointer(handle, option, context)
    }
    clibcurl_set_receiver(handle, CURLOPT_HEADERFUNCTION) { bytes, _, count, context in
      let line = UnsafeRawBufferPointer(start: bytes, count: count)
      HTTPExchange.from(context).answer.take(String(decoding: line, as: UTF8.self))
      return count
    }
    clibcurl_set_receiver(handle, CURLOPT_WRITEFUNCTION) { bytes, _, count, context in
      // Any other count than the one given ends the transfer; 1 would be right for one byte.
      HTTPExchange.from(context).take(UnsafeRawBufferPointer(start: bytes, count: count))
        ? count : count == 0 ? 1 : 0
    }
    clibcurl_set_observer(handle) { context, _, _, _, _ in
      HTTPExchange.from(context).isWanted() ? 0 : 1
    }
  }

  /// Makes `handle` forget this object.
  func detach(from handle: UnsafeMutableRawPointer) {
    for option in [CURLOPT_HEADERDATA, CURLOPT_WRITEDATA, CURLOPT_XFERINFODATA] {
      clibcurl_set_pointer(handle, option, nil)
    }
  }

  /// Ends an answer that may have had no body.
  func end() throws(DownloadError) {
    if !answer.isRedirection { try begin() }
  }

  private func begin() throws(DownloadError) {
    guard !hasBegun else { return }
    hasBegun = true
    try head(answer)
  }

  private func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
    // A redirection's body is for people.
    guard !answer.isRedirection else { return false }
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
