import Glibc

/// Why a file could not be read or written.
public enum FileError: Error, Equatable, Sendable {
  /// The file or directory is missing, not permitted, or of the wrong kind.
  case cannotRead(path: String, reason: String)
  /// The file is longer than its reader accepts.
  case tooLong(path: String, limit: Int)
  /// The file cannot be created.
  case cannotCreate(path: String, reason: String)
  /// Writing began and failed; nothing was left behind.
  case cannotWrite(path: String, reason: String)
}

extension FileError: CustomStringConvertible {
  /// One line: the file and what is wrong.
  public var description: String {
    switch self {
    case .cannotRead(let path, let reason): "\(path): cannot be read: \(reason)"
    case .tooLong(let path, let limit): "\(path): longer than \(limit) bytes"
    case .cannotCreate(let path, let reason): "\(path): cannot be created: \(reason)"
    case .cannotWrite(let path, let reason): "\(path): cannot be written: \(reason)"
    }
  }

  /// What is wrong, without the path.
  package var reason: String {
    switch self {
    case .cannotRead(_, let reason), .cannotCreate(_, let reason), .cannotWrite(_, let reason):
      reason
    case .tooLong(_, let limit): "the file is longer than \(limit) bytes"
    }
  }
}

/// The operating system's message for an error number, by default that of the last failed call.
package func systemMessage(_ code: Int32 = errno) -> String {
  guard let text = strerror(code) else { return "error \(code)" }
  return String(cString: text)
}

/// Reads and writes open files completely, retrying interrupted calls.
package enum Files {
  /// The whole contents of a file.
  ///
  /// - Parameters:
  ///   - limit: The maximum number of bytes.
  ///   - flags: Further flags for `open`, such as `O_NOFOLLOW`.
  /// - Throws: `FileError.cannotRead`, `.tooLong`.
  package static func read(
    _ path: String, limit: Int, flags: Int32 = 0
  ) throws(FileError) -> [UInt8] {
    let descriptor = open(path, flags: flags)
    guard descriptor >= 0 else { throw .cannotRead(path: path, reason: systemMessage()) }
    defer { close(descriptor) }
    return try read(descriptor, named: path, limit: limit)
  }

  /// A descriptor to read the file at `path` with; negative, with `errno` set, on failure.
  package static func open(_ path: UnsafePointer<CChar>, flags: Int32 = 0) -> Int32 {
    retrying { Glibc.open(path, O_RDONLY | O_CLOEXEC | flags) }
  }

  /// The whole contents of an open file, pipe or device.
  ///
  /// - Parameters:
  ///   - path: The name used in errors.
  ///   - limit: The maximum number of bytes.
  ///   - accepts: Called with the first `prefix` bytes or more, or with all of a shorter file. The
  ///     rest is read only if it returns true, so that an endless device costs only one block.
  /// - Returns: The bytes, or those read when `accepts` returned false.
  /// - Throws: `FileError.cannotRead`, `.tooLong`.
  package static func read(
    _ descriptor: Int32, named path: String, limit: Int, prefix: Int = 1,
    accepts: (UnsafeRawBufferPointer) -> Bool = { _ in true }
  ) throws(FileError) -> [UInt8] {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw .cannotRead(path: path, reason: systemMessage())
    }
    let kind = status.st_mode & S_IFMT
    guard kind != S_IFDIR else { throw .cannotRead(path: path, reason: systemMessage(EISDIR)) }
    let declared = kind == S_IFREG ? Int(status.st_size) : 0
    guard declared <= limit else { throw .tooLong(path: path, limit: limit) }

    // One byte more than the file's size, so that its end is detected without a second block.
    var bytes: [UInt8] = []
    var blockSize = max(declared + 1, 64 << 10)
    while true {
      let held = bytes.count
      let room = min(blockSize, limit - held + 1)
      var failure: Int32 = 0
      bytes.append(addingCapacity: room) { free in
        let count = retrying { Glibc.read(descriptor, free, room) }
        if count < 0 { failure = errno }
        return max(count, 0)
      }
      guard failure == 0 else { throw .cannotRead(path: path, reason: systemMessage(failure)) }
      if bytes.count == held { return bytes }
      guard bytes.count <= limit else { throw .tooLong(path: path, limit: limit) }
      if held < prefix, bytes.count >= prefix, !bytes.withUnsafeBytes(accepts) { return bytes }
      blockSize = max(64 << 10, declared + 1 - bytes.count, min(bytes.count, 16 << 20))
    }
  }

  /// Calls `body` with each block of an open file, up to `limit` bytes.
  ///
  /// - Returns: 0, or the error number of the read that failed.
  package static func forEachBlock<Failure: Error>(
    of descriptor: Int32, limit: Int = .max,
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
  ) throws(Failure) -> Int32 {
    let size = 1 << 20
    let block = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 64)
    defer { block.deallocate() }
    var rest = limit
    while rest > 0 {
      let count = retrying { Glibc.read(descriptor, block.baseAddress, min(size, rest)) }
      if count < 0 { return errno }
      if count == 0 { return 0 }
      try body(UnsafeRawBufferPointer(rebasing: block[..<count]))
      rest -= count
    }
    return 0
  }

  /// Writes all of `bytes`, waiting if a non-blocking descriptor is full.
  ///
  /// - Returns: 0, or the error number of the write that failed.
  package static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32 {
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = UnsafeRawBufferPointer(rebasing: rest)
      let count = retrying { Glibc.write(descriptor, part.baseAddress, part.count) }
      if count >= 0 {
        rest = rest.dropFirst(count)
      } else if errno == EAGAIN {
        var readiness = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&readiness, 1, -1)
      } else {
        return errno
      }
    }
    return 0
  }

  /// Makes the names in a directory durable, if its file system supports this.
  package static func synchronize(directory path: String) {
    let descriptor = open(path, flags: O_DIRECTORY)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }

  /// Removes a file, or a directory with all its contents; links are removed, not followed.
  package static func removeTree(_ path: String) {
    if unlink(path) == 0 || errno != EISDIR { return }
    for name in FilePath.names(in: path) { removeTree("\(path)/\(name)") }
    rmdir(path)
  }

  /// Repeats a system call while signals interrupt it.
  private static func retrying<Count: SignedInteger>(_ call: () -> Count) -> Count {
    while true {
      let result = call()
      if result >= 0 || errno != EINTR { return result }
    }
  }
}

extension [UInt8] {
  /// Appends up to `room` bytes that `fill` writes and counts.
  fileprivate mutating func append(
    addingCapacity room: Int, _ fill: (UnsafeMutablePointer<UInt8>) -> Int
  ) {
    // Most files arrive with the first read, which goes straight to its final location.
    if isEmpty {
      self = [UInt8](unsafeUninitializedCapacity: room) { buffer, filled in
        filled = buffer.baseAddress.map(fill) ?? 0
      }
    } else {
      withUnsafeTemporaryAllocation(of: UInt8.self, capacity: room) { buffer in
        guard let start = buffer.baseAddress else { return }
        let filled = fill(start)
        append(contentsOf: UnsafeMutableBufferPointer(start: start, count: filled))
      }
    }
  }
}
