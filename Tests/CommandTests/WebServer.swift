import Foundation
import Glibc

/// A web server on 127.0.0.1 that responds as a test specifies, correctly or not.
final class WebServer: Sendable {
  /// A client's request.
  struct Request: Sendable {
    let method: String
    let path: String
    /// Field values by lower-case name.
    let fields: [String: String]

    /// The first byte of `Range: bytes=N-`.
    var rangeStart: Int? {
      fields["range"].flatMap { Int($0.dropFirst("bytes=".count).dropLast()) }
    }
  }

  /// A connection to write an answer to; it is closed afterwards.
  struct Connection {
    fileprivate let descriptor: Int32

    func send(_ text: String) { send(Data(text.utf8)) }

    func send(_ data: Data) {
      let bytes = [UInt8](data)
      var sent = 0
      while sent < bytes.count {
        let count = bytes.withUnsafeBytes {
          Glibc.send(
            descriptor, $0.baseAddress.map { $0 + sent }, bytes.count - sent,
            Int32(MSG_NOSIGNAL))
        }
        guard count > 0 else { return }
        sent += count
      }
    }

    /// An answer's status line and fields.
    func head(_ status: String, _ fields: [String]) {
      send(
        (["HTTP/1.1 \(status)"] + fields + ["Connection: close", "", ""]).joined(separator: "\r\n"))
    }
  }

  typealias Answer = @Sendable (Request, Connection) -> Void

  /// The address of a file called `file.bin`, and of others beside it.
  let address: String
  /// The address without the file's name.
  var base: String { address.replacing("/file.bin", with: "") }
  private let listener: Int32
  private let log = Log()

  /// The requests so far.
  var requests: [Request] { log.all }

  private final class Log: @unchecked Sendable {
    private let lock = NSLock()
    private var received: [Request] = []

    var all: [Request] { lock.withLock { received } }
    func add(_ request: Request) { lock.withLock { received.append(request) } }
  }

  init(_ answer: @escaping Answer) throws {
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var place = sockaddr_in()
    place.sin_family = sa_family_t(AF_INET)
    place.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = listener
    let isOpen = withUnsafeMutablePointer(to: &place) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && listen(descriptor, 64) == 0
          && getsockname(descriptor, $0, &length) == 0
      }
    }
    guard isOpen else { throw POSIXError(.EADDRNOTAVAIL) }
    address = "http://127.0.0.1:\(UInt16(bigEndian: place.sin_port))/file.bin"
    Thread.detachNewThread { [log] in
      while case let client = accept(descriptor, nil, nil), client >= 0 {
        Thread.detachNewThread {
          defer { close(client) }
          guard let request = Self.request(from: client) else { return }
          log.add(request)
          answer(request, Connection(descriptor: client))
        }
      }
    }
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }

  /// A server of one file that supports ranges and a strong entity tag.
  ///
  /// - Parameter wait: Microseconds between blocks of 64 KiB.
  static func ofFile(_ data: Data, tag: String = "\"one\"", wait: UInt32 = 0) throws -> WebServer {
    try WebServer { request, connection in
      answer(request, connection, data, tag: tag, wait: wait)
    }
  }

  /// Answers as `ofFile` does.
  static func answer(
    _ request: Request, _ connection: Connection, _ data: Data, tag: String = "\"one\"",
    wait: UInt32 = 0
  ) {
    let isContinued = request.fields["if-range"] == tag
    let start = isContinued ? request.rangeStart ?? 0 : 0
    let range = "Content-Range: bytes \(start)-\(data.count - 1)/\(data.count)"
    connection.head(
      start > 0 ? "206 Partial Content" : "200 OK",
      ["ETag: \(tag)", "Content-Length: \(data.count - start)"] + (start > 0 ? [range] : []))
    guard request.method == "GET" else { return }
    var rest = data.dropFirst(start)
    while !rest.isEmpty {
      connection.send(Data(rest.prefix(wait > 0 ? 65_536 : rest.count)))
      rest = rest.dropFirst(wait > 0 ? 65_536 : rest.count)
      usleep(wait)
    }
  }

  /// Reads a request up to the end of its head.
  private static func request(from descriptor: Int32) -> Request? {
    var head: [UInt8] = []
    var byte: UInt8 = 0
    while !head.suffix(4).elementsEqual("\r\n\r\n".utf8) {
      guard head.count < 65_536, recv(descriptor, &byte, 1, 0) == 1 else { return nil }
      head.append(byte)
    }
    let lines = String(decoding: head, as: UTF8.self).components(separatedBy: "\r\n")
    let words = lines[0].split(separator: " ")
    guard words.count == 3 else { return nil }
    let fields = lines.dropFirst().compactMap { line -> (String, String)? in
      guard let colon = line.firstIndex(of: ":") else { return nil }
      let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
      return (line[..<colon].lowercased(), value)
    }
    return Request(
      method: String(words[0]), path: String(words[1]),
      fields: Dictionary(fields, uniquingKeysWith: { first, _ in first }))
  }
}
