/// The status line and header fields of an HTTP response.
package struct HTTPResponse {
  package private(set) var status = 0
  /// Field values by lower-case name; for repeated fields, the first value.
  private var fields: [String: String] = [:]

  package init() {}

  package subscript(name: String) -> String? { fields[name] }

  /// The length of the body, if the server says so.
  package var contentLength: Int? { self["content-length"].flatMap { Int($0) } }

  package var isRedirection: Bool { [301, 302, 303, 307, 308].contains(status) }

  /// Parses one header line; a status line starts a new response, as after `100 Continue` or a
  /// proxy's own response.
  package mutating func parse(_ line: String) {
    if line.hasPrefix("HTTP/") {
      self = HTTPResponse()
      let words = line.split(maxSplits: 2, whereSeparator: \.isWhitespace)
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

/// Identifies a version of a remote file.
package struct Validators: Equatable {
  /// The strong entity tag, or the modification time if there is no tag.
  package let mark: String
  /// The length of the whole file.
  package let length: Int
  private let isTag: Bool

  /// - Returns: `nil` if a download of this file could not be resumed safely (RFC 9110, 13.1.5).
  package init?(_ response: HTTPResponse) {
    guard let length = response.contentLength, length > 0, response["accept-ranges"] != "none"
    else { return nil }
    if let tag = response["etag"] {
      guard tag.hasPrefix("\""), tag.hasSuffix("\""), tag.utf8.count > 2 else { return nil }
      mark = tag
      isTag = true
    } else if let time = response["last-modified"], !time.isEmpty {
      mark = time
      isTag = false
    } else {
      return nil
    }
    self.length = length
  }

  /// A hash that is equal only for equal validators.
  package func key() throws(DownloadError) -> String {
    String(try SHA256.digits(of: "\(isTag) \(length) \(mark)").prefix(16))
  }

  /// Header fields that request the file from byte `start` on, provided it is unchanged.
  package func requestFields(from start: Int) -> [String] {
    ["Range: bytes=\(start)-", "If-Range: \(mark)"]
  }

  /// Whether the response contains the bytes from `start` to the end of the same file.
  package func isContinued(by response: HTTPResponse, from start: Int) -> Bool {
    // A response to If-Range may omit the modification time, but never the tag.
    let found = isTag ? response["etag"] : response["last-modified"] ?? mark
    return response.status == 206 && found == mark
      && response["content-range"] == "bytes \(start)-\(length - 1)/\(length)"
      && (response.contentLength ?? length - start) == length - start
  }
}
