/// A file to be had from another machine: whole, with the expected hash, or not at all.
package struct Download {
  package let address: WebAddress
  package let expected: ExpectedHash
  /// The sizes that it may have, in bytes.
  package var sizes = 1...4 << 30
  /// Seconds in which a connection must be there, and some byte must come.
  package var timeout = 30

  /// How far a download is.
  package struct Progress: Equatable, Sendable {
    /// Bytes that are here, those of an earlier attempt included.
    package var received: Int
    /// Bytes of the whole file, where the server says so.
    package var total: Int?
  }

  package init(_ address: WebAddress, expected: ExpectedHash) {
    self.address = address
    self.expected = expected
  }

  /// Receives the file into `folder`, going on from what is left there of an earlier attempt where
  /// that is safe: same address, same tag or time and length, and a server that says so again.
  ///
  /// What arrived of a download that is broken off is left there for the next.
  ///
  /// - Parameter report: Called at least every second; `false` breaks off.
  /// - Returns: The file and its SHA-256.
  /// - Throws: `DownloadError`.
  package func fetch(
    into folder: String, report: @escaping (Progress) -> Bool
  ) throws(DownloadError) -> (file: PartialFile, sha256: String) {
    let leftovers = try Leftovers(folder: folder, address: address)
    if let begun = try resumption(leftovers, report) {
      do {
        return try fetch(begun, leftovers, report)
      } catch {
        // What was left is not the beginning of this file after all. Otherwise the reason stands.
        guard begun.isToBeRestarted(after: error) else { throw error }
        leftovers.remove()
      }
    }
    return try fetch(Reception(self, leftovers, report: report), leftovers, report)
  }

  /// A reception that goes on from a leftover; `nil` where there is nothing to go on from.
  private func resumption(
    _ leftovers: Leftovers, _ report: @escaping (Progress) -> Bool
  ) throws(DownloadError) -> Reception? {
    guard !leftovers.all().isEmpty else { return nil }
    do {
      let answer = try client(report, nil).head(address)
      if answer.status == 200, let validators = Validators(answer),
        let leftover = try leftovers.longest(of: validators)
      {
        return Reception(self, leftovers, after: (leftover, validators), report: report)
      }
    } catch .unavailable {
      // Some servers do not answer such questions. The question for the file itself will tell.
    }
    leftovers.remove()
    return nil
  }

  private func fetch(
    _ reception: Reception, _ leftovers: Leftovers, _ report: @escaping (Progress) -> Bool
  ) throws(DownloadError) -> (file: PartialFile, sha256: String) {
    do {
      try client(report, reception).get(
        address, fields: reception.requestFields,
        head: { (answer) throws(DownloadError) in try reception.begin(answer) },
        body: { (bytes) throws(DownloadError) in try reception.take(bytes) })
    } catch {
      if let path = reception.breakOff(after: error) { leftovers.remove(except: path) }
      throw error
    }
    let received = try reception.finish()
    leftovers.remove(except: received.file.path)
    return received
  }

  private func client(
    _ report: @escaping (Progress) -> Bool, _ reception: Reception?
  ) throws(DownloadError) -> HTTPClient {
    try HTTPClient(timeout: timeout) {
      report(reception?.progress ?? Progress(received: 0, total: nil))
    }
  }
}
