import Glibc
import Host
import Weights

/// A log up to some line.
package struct LogPosition: Hashable, Sendable {
  /// Its length; a line ends here.
  package var bytes: Int
  /// The checksum of its lines, in hexadecimal digits.
  package var checksum: String

  package init(bytes: Int, checksum: String) {
    (self.bytes, self.checksum) = (bytes, checksum)
  }
}

/// The log of a run: a header and records, one JSON object per line.
///
/// Records are in the file at once, but durable only after `synchronize()`.
package final class TrainingLog {
  package let path: String
  /// Where the log ends.
  package var position: LogPosition { LogPosition(bytes: bytes, checksum: sum.digits) }

  private var bytes: Int
  private var sum: Checksum
  private let descriptor: Int32
  /// After a failed `fsync`, the next one may succeed although bytes were lost.
  private var isLost = false
  private let observer: FileObserver?

  /// Creates the log, durable with its header; replaces any existing file.
  ///
  /// - Throws: `RunError.file`.
  package init(
    path: String, header: RunHeader, observer: FileObserver? = nil
  ) throws(RunError) {
    let line = Array("\(JSON.object(header.json))\n".utf8)
    do {
      try AtomicFile.write(line, to: path, observer: observer)
    } catch {
      throw .file(error)
    }
    descriptor = try Self.open(path, observer)
    (self.path, bytes, self.observer) = (path, line.count, observer)
    sum = Checksum()
    line.withUnsafeBytes { sum.add($0) }
  }

  /// Opens an existing log and cuts it back.
  ///
  /// - Parameter position: As returned by `end(of:at:)`.
  /// - Throws: `RunError.file`.
  init(
    path: String, at position: (bytes: Int, sum: Checksum), observer: FileObserver? = nil
  ) throws(RunError) {
    descriptor = try Self.open(path, observer)
    (self.path, self.observer) = (path, observer)
    (bytes, sum) = position
    guard ftruncate(descriptor, bytes) == 0 else { throw failure() }
    observer?(.truncated(descriptor, bytes))
  }

  deinit { close(descriptor) }

  private static func open(
    _ path: String, _ observer: FileObserver?
  ) throws(RunError) -> Int32 {
    let descriptor = Glibc.open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw .file(.cannotCreate(path: path, reason: systemMessage()))
    }
    observer?(.opened(descriptor, path: path))
    return descriptor
  }

  /// Appends a record.
  ///
  /// - Throws: `RunError.file`; the log then ends with the record before.
  package func append(_ record: LogRecord) throws(RunError) {
    let line = Array("\(JSON.object(record.json))\n".utf8)
    let code = line.withUnsafeBytes { Files.write($0, to: descriptor) }
    guard code == 0 else {
      ftruncate(descriptor, bytes)
      throw failure(code)
    }
    line.withUnsafeBytes {
      observer?(.wrote(descriptor, $0))
      sum.add($0)
    }
    bytes += line.count
  }

  /// Makes all records durable.
  ///
  /// - Throws: `RunError.file`.
  func synchronize() throws(RunError) -> LogPosition {
    guard !isLost, fsync(descriptor) == 0 else {
      let code = isLost ? EIO : errno
      isLost = true
      throw failure(code)
    }
    observer?(.synchronized(descriptor))
    return position
  }

  private func failure(_ code: Int32 = errno) -> RunError {
    .file(.cannotWrite(path: path, reason: systemMessage(code)))
  }
}

/// Reading.
extension TrainingLog {
  private static let longestHeader = 16 << 20

  /// The header of the log at `path`.
  ///
  /// - Throws: `RunError.file`, `.damaged`.
  package static func header(path: String) throws(RunError) -> RunHeader {
    let file = try RunError.reading { () throws(WeightsError) in try MappedFile(path: path) }
    return try header(of: file).0
  }

  /// The header of the log in `file`, and the range of its line.
  ///
  /// - Throws: `RunError.damaged`.
  static func header(of file: MappedFile) throws(RunError) -> (RunHeader, line: Range<Int>) {
    let start = file.bytes.prefix(longestHeader)
    guard let end = start.firstIndex(of: UInt8(ascii: "\n")) else {
      throw .damaged(path: file.path, reason: "the header is not a line")
    }
    let json = try RunError.reading { () throws(WeightsError) in
      try JSONValue(file, range: 0..<end)
    }
    do {
      return (try RunHeader(json), 0..<end + 1)
    } catch {
      throw .damaged(path: file.path, reason: "\(error)")
    }
  }

  /// Checks that the log in `file` begins as it was at `position`.
  ///
  /// - Returns: `position` with the running checksum.
  /// - Throws: `RunError.damaged`.
  static func end(
    of file: MappedFile, at position: LogPosition
  ) throws(RunError) -> (bytes: Int, sum: Checksum) {
    guard position.bytes <= file.count else {
      throw .damaged(
        path: file.path,
        reason: "it has \(file.count) bytes, but \(position.bytes) when the state was saved")
    }
    let sum = checksum(of: UnsafeRawBufferPointer(rebasing: file.bytes[..<position.bytes]))
    guard sum.digits == position.checksum else {
      throw .damaged(path: file.path, reason: "it was changed since the state was saved")
    }
    return (position.bytes, sum)
  }

  /// The checksum of lines, as `append` computes it.
  static func checksum(of lines: UnsafeRawBufferPointer) -> Checksum {
    var sum = Checksum()
    var start = 0
    while start < lines.count {
      let end = lines[start...].firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? lines.count
      sum.add(UnsafeRawBufferPointer(rebasing: lines[start..<end]))
      start = end
    }
    return sum
  }
}
