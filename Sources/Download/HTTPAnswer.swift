/// The head of a server's answer.
struct HTTPAnswer {
  var status = 0
  /// Field values by lower-case name; the first of several.
  private var fields: [String: String] = [:]

  subscript(name: String) -> String? { fields[name] }

  /// Where an answer with a body has its length.
  var contentLength: Int? { self["content-length"].flatMap { Int($0) } }

  var isRedirection: Bool { [301, 302, 303, 307, 308].contains(status) }

  /// Takes one line; a line of status begins a new answer, as after `100 Continue` or a proxy's.
  mutating func take(_ line: String) {
    if line.hasPrefix("HTTP/") {
      self = HTTPAnswer()
      let words = line.split(separator: " ", maxSplits: 2)
      status = words.count > 1 ? Int(words[1]) ?? 0 : 0
      return
    }
    guard let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")), fields.count < 200 else {
      return
    }
    let name = line[..<colon].lowercased()
    if fields[name] == nil { fields[name] = Self.trimmed(line[line.index(after: colon)...]) }
  }

  private static func trimmed(_ text: Substring) -> String {
    var text = text.unicodeScalars[...]
    while let last = text.last, last == "\r" || last == "\n" || last == " " || last == "\t" {
      text.removeLast()
    }
    return String(text.drop { $0 == " " || $0 == "\t" })
  }
}

/// What tells one state of a file at its server from another.
struct Validators: Equatable {
  /// The strong entity tag or, where there is no tag, the time of the last change.
  let mark: String
  /// The length of the whole file.
  let length: Int
  private let isTag: Bool

  /// - Returns: `nil` where a download of this file could not be resumed safely (RFC 9110, 13.1.5).
  init?(_ answer: HTTPAnswer) {
    guard let length = answer.contentLength, length > 0, answer["accept-ranges"] != "none" else {
      return nil
    }
    if let tag = answer["etag"] {
      guard tag.hasPrefix("\""), tag.hasSuffix("\""), tag.utf8.count > 2 else { return nil }
      mark = tag
      isTag = true
    } else if let time = answer["last-modified"], !time.isEmpty {
      mark = time
      isTag = false
    } else {
      return nil
    }
    self.length = length
  }

  /// Digits that are alike for equal validators only.
  func key() throws(DownloadError) -> String {
    String(try SHA256.digits(of: "\(isTag) \(length) \(mark)").prefix(16))
  }

  /// What asks for the file from byte `start` on, if it is still the same.
  func requestFields(from start: Int) -> [String] {
    ["Range: bytes=\(start)-", "If-Range: \(mark)"]
  }

  /// Whether an answer holds the bytes from `start` to the end, and of the same file.
  func isContinued(by answer: HTTPAnswer, from start: Int) -> Bool {
    // An answer to a request with If-Range may leave out the time, but never the tag.
    let found = isTag ? answer["etag"] : answer["last-modified"] ?? mark
    return answer.status == 206 && found == mark
      && answer["content-range"] == "bytes \(start)-\(length - 1)/\(length)"
      && (answer.contentLength ?? length - start) == length - start
  }
}
