/// What becomes of one answer of a server: from its head to a file with the expected hash.
final class Reception {
  private let download: Download
  private let leftovers: Leftovers
  private let begun: (leftover: Leftover, validators: Validators, count: Int)?
  private let report: (Download.Progress) -> Bool

  private var file: PartialFile?
  private var canBeResumed = false
  private var total: Int?
  private var isContinued = false

  /// - Parameter begun: What to go on from.
  init(
    _ download: Download, _ leftovers: Leftovers,
    after begun: (leftover: Leftover, validators: Validators)? = nil,
    report: @escaping (Download.Progress) -> Bool
  ) {
    self.download = download
    self.leftovers = leftovers
    // One byte at least is asked for, as there is no answer to a question for none.
    self.begun = begun.map {
      ($0.leftover, $0.validators, min($0.leftover.byteCount, $0.validators.length - 1))
    }
    self.report = report
  }

  var progress: Download.Progress {
    Download.Progress(received: file?.byteCount ?? 0, total: total)
  }

  /// The fields of the request whose answer this is.
  var requestFields: [String] {
    begun.map { $0.validators.requestFields(from: $0.count) } ?? []
  }

  /// Whether a failure concerns only what was to be gone on from.
  func isToBeRestarted(after error: DownloadError) -> Bool {
    switch error {
    case .wrongHash: isContinued
    case .unavailable, .notTheFile: isRefused
    default: false
    }
  }
  private var isRefused = false

  /// Takes the head of the answer.
  func begin(_ answer: HTTPAnswer) throws(DownloadError) {
    let address = download.address.text
    if let begun, answer.status == 206 || answer.status == 416 {
      guard begun.validators.isContinued(by: answer, from: begun.count) else {
        isRefused = true
        throw .unavailable(address, reason: "the server does not go on where it stopped")
      }
      try checkKind(of: answer)
      total = begun.validators.length
      try checkLength()
      let file = try leftovers.begin(begun.validators)
      self.file = file
      canBeResumed = true
      isContinued = true
      try file.append(from: begun.leftover, count: begun.count)
      return
    }
    guard answer.status == 200 else {
      throw .unavailable(address, reason: "the server answers with status \(answer.status)")
    }
    try checkKind(of: answer)
    total = answer.contentLength
    try checkLength()
    let validators = Validators(answer)
    file = try leftovers.begin(validators)
    canBeResumed = validators != nil
  }

  /// Takes bytes of the body.
  func take(_ bytes: UnsafeRawBufferPointer) throws(DownloadError) {
    guard let file else { return }
    let most = download.sizes.upperBound
    guard bytes.count <= most - file.byteCount else { throw wrongSize("more than \(most)") }
    try file.append(bytes)
    guard report(progress) else { throw .interrupted }
  }

  /// Ends it before its end.
  ///
  /// - Returns: The path of the file where it was kept.
  func breakOff(after error: DownloadError) -> String? {
    let isWorthKeeping =
      switch error {
      case .unavailable, .interrupted: canBeResumed
      default: false
      }
    guard isWorthKeeping, let file, file.byteCount > 0 else {
      file = nil
      return nil
    }
    file.keep()
    return file.path
  }

  /// The whole file and its hash.
  func finish() throws(DownloadError) -> (file: PartialFile, sha256: String) {
    let address = download.address.text
    guard let file else { throw .unavailable(address, reason: "the server did not answer") }
    self.file = nil
    if let total, file.byteCount != total {
      throw .notTheFile(address, reason: "\(file.byteCount) of \(total) bytes came")
    }
    let sum = try file.finish()
    guard download.expected.matches(sum) else {
      throw .wrongHash(address, expected: download.expected.digits, found: sum)
    }
    return (file, sum)
  }

  private func checkKind(of answer: HTTPAnswer) throws(DownloadError) {
    let address = download.address.text
    if let kind = answer["content-type"], kind.lowercased().hasPrefix("text/html") {
      throw .notTheFile(
        address,
        reason: "a web page comes instead of the file: is there a page to log in to first?")
    }
    if let encoding = answer["content-encoding"], encoding.lowercased() != "identity" {
      throw .notTheFile(address, reason: "it comes encoded as \(encoding), unasked")
    }
  }

  private func checkLength() throws(DownloadError) {
    if let total, !download.sizes.contains(total) { throw wrongSize("\(total)") }
  }

  private func wrongSize(_ found: String) -> DownloadError {
    let sizes = download.sizes
    return .notTheFile(
      download.address.text,
      reason: "it has \(found) bytes; expected \(sizes.lowerBound) to \(sizes.upperBound)")
  }
}
