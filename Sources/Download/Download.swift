/// A file to download, complete and with the expected hash, or not at all.
package struct Download {
  package let address: WebAddress
  package let expected: ExpectedHash
  /// Accepted sizes in bytes.
  package var sizes = 1...4 << 30
  /// Timeout in seconds for connecting, and for a transfer without progress.
  package var timeout = 30

  /// The state of a transfer.
  package struct Progress: Equatable, Sendable {
    /// Bytes received, including those of an earlier attempt.
    package var received: Int
    /// Bytes of the whole file, if the server says so.
    package var total: Int?
  }

  package init(_ address: WebAddress, expected: ExpectedHash) {
    self.address = address
    self.expected = expected
  }

  /// Downloads the file into `folder`.
  ///
  /// Resumes an earlier attempt if that is safe: the same address, the same tag (or time and
  /// length), and a server that confirms both. An aborted download keeps its bytes for the next
  /// attempt.
  ///
  /// - Parameter report: Called at least every second; `false` aborts the download.
  /// - Returns: The file and its SHA-256.
  /// - Throws: `DownloadError`.
  package func fetch(
    into folder: String, report: @escaping (Progress) -> Bool
  ) throws(DownloadError) -> (file: PartialFile, sha256: String) {
    let partials = try PartialDownloads(folder: folder, address: address)
    if let resuming = try resumption(partials, report) {
      do {
        return try fetch(resuming, partials, report)
      } catch {
        // The bytes on disk are not the start of this file after all. Other errors are rethrown.
        guard resuming.shouldRestart(after: error) else { throw error }
        partials.remove()
      }
    }
    return try fetch(ResponseReceiver(self, partials, report: report), partials, report)
  }

  /// A receiver that continues a partial download; `nil` if there is none to continue.
  private func resumption(
    _ partials: PartialDownloads, _ report: @escaping (Progress) -> Bool
  ) throws(DownloadError) -> ResponseReceiver? {
    guard !partials.all().isEmpty else { return nil }
    do {
      let response = try client(report, nil).head(address)
      if response.status == 200, let validators = Validators(response),
        let partial = try partials.longest(of: validators)
      {
        return ResponseReceiver(self, partials, resuming: (partial, validators), report: report)
      }
    } catch .unavailable {
      // Some servers reject HEAD requests; the GET request will show whether the file is available.
    }
    partials.remove()
    return nil
  }

  private func fetch(
    _ receiver: ResponseReceiver, _ partials: PartialDownloads,
    _ report: @escaping (Progress) -> Bool
  ) throws(DownloadError) -> (file: PartialFile, sha256: String) {
    do {
      try client(report, receiver).get(
        address, fields: receiver.requestFields,
        head: { (response) throws(DownloadError) in try receiver.begin(response) },
        body: { (bytes) throws(DownloadError) in try receiver.receive(bytes) })
    } catch {
      if let path = receiver.abort(after: error) { partials.remove(except: path) }
      throw error
    }
    let received = try receiver.finish()
    partials.remove(except: received.file.path)
    return received
  }

  private func client(
    _ report: @escaping (Progress) -> Bool, _ receiver: ResponseReceiver?
  ) throws(DownloadError) -> HTTPClient {
    try HTTPClient(timeout: timeout) {
      report(receiver?.progress ?? Progress(received: 0, total: nil))
    }
  }
}
