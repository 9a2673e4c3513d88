import Glibc

/// Paths read from a file or standard input, one per line or NUL-separated.
///
/// They are read as they arrive, so that one path can be processed before the next is written. Lines may
/// end with CR LF, and a byte order mark before the first is skipped; NUL-separated paths are taken as
/// they are.
package struct PathList {
  private let descriptor: Int32
  private let separator: UInt8
  private let source: String
  private var buffer: [UInt8] = []
  /// The start of the unread part of `buffer`.
  private var start = 0
  private var isAtEnd = false
  private var isFirst = true

  /// Longer lines cannot be paths; they are cut to bound memory.
  private static let longestLine = 64 << 10

  /// Opens the list in the file `path`, or standard input for `-`.
  package init(_ path: String, endedByZeros: Bool) throws(PathListError) {
    source = path
    separator = endedByZeros ? 0 : UInt8(ascii: "\n")
    descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw PathListError(source: source) }
  }

  /// The next path; `nil` at the end.
  package mutating func next() throws(PathListError) -> [UInt8]? {
    var searched = start
    while true {
      if let end = buffer[searched...].firstIndex(of: separator) {
        defer { start = end + 1 }
        return cut(buffer[start..<end])
      }
      if isAtEnd {
        defer { start = buffer.count }
        return start < buffer.count ? cut(buffer[start...]) : nil
      }
      // If a line is too long, its beginning is enough.
      if buffer.count - start > 2 * Self.longestLine {
        buffer.removeSubrange((start + Self.longestLine + 1)...)
      }
      buffer.removeSubrange(..<start)
      start = 0
      searched = buffer.count
      try fill()
    }
  }

  /// Whether `next()` returns without waiting for the writer.
  var isReady: Bool {
    if isAtEnd || buffer[start...].contains(separator) { return true }
    var readiness = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&readiness, 1, 0) > 0
  }

  /// The path in a line, without what editors on other systems add.
  private mutating func cut(_ line: ArraySlice<UInt8>) -> [UInt8] {
    var path = line
    if separator != 0 {
      if isFirst, path.starts(with: Self.byteOrderMark) { path.removeFirst(3) }
      if path.last == UInt8(ascii: "\r") { path.removeLast() }
    }
    isFirst = false
    return Array(path.prefix(Self.longestLine))
  }

  private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

  private mutating func fill() throws(PathListError) {
    var block = [UInt8](repeating: 0, count: 16 << 10)
    while true {
      let count = read(descriptor, &block, block.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw PathListError(source: source) }
      buffer += block[..<count]
      isAtEnd = count == 0
      if isAtEnd, descriptor != STDIN_FILENO { close(descriptor) }
      return
    }
  }
}

/// The list of paths cannot be read.
public struct PathListError: Error, Equatable, CustomStringConvertible {
  /// One line: the list and the reason.
  public let description: String

  fileprivate init(source: String) {
    description = "\(source): cannot read the list: \(String(cString: strerror(errno)))"
  }
}
