/// Turns the response to one request into a file with the expected hash.
final class ResponseReceiver {
  private let download: Download
  private let partials: PartialDownloads
  private let resumed: (partial: PartialDownload, validators: Validators, count: Int)?
  private let report: (Download.Progress) -> Bool

  private var file: PartialFile?
  private var canResume = false
  private var total: Int?
  private var isContinued = false
  private var isRefused = false

  /// - Parameter resumed: The partial download to continue, if any.
  init(
    _ download: Download, _ partials: PartialDownloads,
    resuming resumed: (partial: PartialDownload, validators: Validators)? = nil,
    report: @escaping (Download.Progress) -> Bool
  ) {
    self.download = download
    self.partials = partials
    // Request at least one byte, because an empty range gets no response.
    self.resumed = resumed.map {
      ($0.partial, $0.validators, min($0.partial.byteCount, $0.validators.length - 1))
    }
    self.report = report
  }

  var progress: Download.Progress {
    Download.Progress(received: file?.byteCount ?? 0, total: total)
  }

  /// Header fields of the request.
  var requestFields: [String] {
    resumed.map { $0.validators.requestFields(from: $0.count) } ?? []
  }

  /// Whether a failure concerns only the partial download, so that a fresh start may succeed.
  func shouldRestart(after error: DownloadError) -> Bool {
    switch error {
    case .wrongHash: isContinued
    case .unavailable, .notTheFile: isRefused
    default: false
    }
  }

  /// Checks the response's header and opens the file.
  func begin(_ response: HTTPResponse) throws(DownloadError) {
    let address = download.address.text
    if let resumed, response.status == 206 || response.status == 416 {
      guard resumed.validators.isContinued(by: response, from: resumed.count) else {
        isRefused = true
        throw .unavailable(address, reason: "the server cannot resume the partial download")
      }
      try checkKind(of: response)
      total = resumed.validators.length
      try checkLength()
      let file = try partials.begin(resumed.validators)
      self.file = file
      canResume = true
      isContinued = true
      try file.append(from: resumed.partial, count: resumed.count)
      return
    }
    guard response.status == 200 else {
      throw .unavailable(address, reason: "the server responded with status \(response.status)")
    }
    try checkKind(of: response)
    total = response.contentLength
    try checkLength()
    let validators = Validators(response)
    file = try partials.begin(validators)
    canResume = validators != nil
  }

  /// Appends bytes of the body.
  func receive(_ bytes: UnsafeRawBufferPointer) throws(DownloadError) {
    guard let file else { return }
    let limit = download.sizes.upperBound
    guard bytes.count <= limit - file.byteCount else { throw wrongSize("more than \(limit)") }
    try file.append(bytes)
    guard report(progress) else { throw .interrupted }
  }

  /// Ends the download early.
  ///
  /// - Returns: The path of the partial file, if it is kept for a later attempt.
  func abort(after error: DownloadError) -> String? {
    let isWorthKeeping =
      switch error {
      case .unavailable, .interrupted: canResume
      default: false
      }
    guard isWorthKeeping, let file, file.byteCount > 0 else {
      file = nil
      return nil
    }
    file.keep()
    return file.path
  }

  /// The complete file and its hash.
  func finish() throws(DownloadError) -> (file: PartialFile, sha256: String) {
    let address = download.address.text
    guard let file else { throw .unavailable(address, reason: "the server did not respond") }
    self.file = nil
    if let total, file.byteCount != total {
      throw .notTheFile(address, reason: "received \(file.byteCount) of \(total) bytes")
    }
    let sum = try file.finish()
    guard download.expected.matches(sum) else {
      throw .wrongHash(address, expected: download.expected.digits, found: sum)
    }
    return (file, sum)
  }

  private func checkKind(of response: HTTPResponse) throws(DownloadError) {
    let address = download.address.text
    if let kind = response["content-type"], kind.lowercased().hasPrefix("text/html") {
      throw .notTheFile(
        address, reason: "the server sent a web page instead of the file: is there a login page?")
    }
    if let encoding = response["content-encoding"], encoding.lowercased() != "identity" {
      throw .notTheFile(address, reason: "the server sent it encoded as \(encoding), unrequested")
    }
  }

  private func checkLength() throws(DownloadError) {
    if let total, !download.sizes.contains(total) { throw wrongSize("\(total)") }
  }

  private func wrongSize(_ found: String) -> DownloadError {
    let sizes = download.sizes
    let expected =
      sizes.count == 1 ? "\(sizes.lowerBound)" : "\(sizes.lowerBound) to \(sizes.upperBound)"
    return .notTheFile(
      download.address.text, reason: "the file has \(found) bytes; expected \(expected)")
  }
}
