import Glibc

extension Image {
  /// Reads and decodes a file.
  ///
  /// Regular files, FIFOs and devices such as `/dev/stdin` are read to their end, but never beyond
  /// ``DecodingLimits/fileBytes``, and no further than the first block where that is of no known
  /// format. The other parameters are those of
  /// ``init(decoding:named:limits:applyOrientation:)-([UInt8],_,_,_)``.
  ///
  /// - Throws: ``ImageError``; ``ImageError/unreadable(source:reason:)`` where the file is missing,
  ///   is a folder, or cannot be read.
  public init(
    contentsOf path: String, limits: DecodingLimits = .standard, applyOrientation: Bool = true
  ) throws(ImageError) {
    // A path that holds a NUL byte would be cut there by the C interface and name another file.
    guard !path.utf8.contains(0) else {
      throw .unreadable(source: path, reason: "a path cannot hold a NUL byte")
    }
    let result = path.withCString { name in
      Result { () throws(ImageError) in
        try Image(contentsOfCPath: name, limits: limits, applyOrientation: applyOrientation)
      }
    }
    self = try result.get()
  }

  /// Reads and decodes the file whose name is the given NUL-terminated bytes, which need not be
  /// valid UTF-8; see ``init(contentsOf:limits:applyOrientation:)``.
  public init(
    contentsOfCPath path: UnsafePointer<CChar>, limits: DecodingLimits = .standard,
    applyOrientation: Bool = true
  ) throws(ImageError) {
    try self.init(
      decoding: Image.encodedBytes(ofCPath: path, limits: limits),
      named: String(cString: path), limits: limits, applyOrientation: applyOrientation)
  }

  /// Reads an open file descriptor to its end and decodes what it gave; the descriptor stays open.
  ///
  /// - Throws: ``ImageError``, as ``init(contentsOf:limits:applyOrientation:)`` does.
  public init(
    readingFrom descriptor: CInt, named source: String, limits: DecodingLimits = .standard,
    applyOrientation: Bool = true
  ) throws(ImageError) {
    let bytes = try Image.encodedBytes(of: descriptor, named: source, limits: limits)
    try self.init(
      decoding: bytes, named: source, limits: limits, applyOrientation: applyOrientation)
  }

  /// Reads a file as ``init(contentsOfCPath:limits:applyOrientation:)`` does, for
  /// ``decodingMemory(of:named:limits:applyOrientation:)`` and for decoding later.
  ///
  /// - Throws: ``ImageError``, where the file cannot be read, is too long, or is of no known format.
  public static func encodedBytes(
    ofCPath path: UnsafePointer<CChar>, limits: DecodingLimits = .standard
  ) throws(ImageError) -> [UInt8] {
    let source = String(cString: path)
    let descriptor = retryingInterrupts { open(path, O_RDONLY | O_CLOEXEC) }
    guard descriptor >= 0 else {
      throw .unreadable(source: source, reason: "cannot open: \(systemMessage())")
    }
    defer { close(descriptor) }
    return try encodedBytes(of: descriptor, named: source, limits: limits)
  }

  /// Reads an open file descriptor to its end; see ``encodedBytes(ofCPath:limits:)``.
  public static func encodedBytes(
    of descriptor: CInt, named source: String, limits: DecodingLimits = .standard
  ) throws(ImageError) -> [UInt8] {
    try readWhole(descriptor, named: source, limits: limits)
  }
}

/// The whole contents of an open file, at most ``DecodingLimits/fileBytes`` of them.
private func readWhole(
  _ descriptor: CInt, named source: String, limits: DecodingLimits
) throws(ImageError) -> [UInt8] {
  var status = stat()
  guard fstat(descriptor, &status) == 0 else {
    throw .unreadable(source: source, reason: "cannot read: \(systemMessage())")
  }
  let kind = status.st_mode & S_IFMT
  if kind == S_IFDIR {
    throw .unreadable(source: source, reason: "is a folder, not a picture")
  }
  let declared = kind == S_IFREG ? Int(status.st_size) : 0
  let tooLong = ImageError.overLimit(
    source: source, format: nil,
    reason: "the file is longer than \(limits.fileBytes) bytes")
  guard declared <= limits.fileBytes else { throw tooLong }

  // One byte more than the file declares, so that its end is seen without a second block.
  var bytes: [UInt8] = []
  var blockSize = max(declared + 1, 64 << 10)
  while true {
    let held = bytes.count
    let room = min(blockSize, limits.fileBytes - held + 1)
    var failure: CInt = 0
    bytes.append(addingCapacity: room) { free in
      let count = retryingInterrupts { read(descriptor, free, room) }
      if count < 0 { failure = errno }
      return max(count, 0)
    }
    if failure != 0 {
      throw .unreadable(source: source, reason: "cannot read: \(systemMessage(failure))")
    }
    if bytes.count == held { return bytes }
    if bytes.count > limits.fileBytes { throw tooLong }
    // An endless device or a huge file that is no picture is left after its first block.
    if held < ImageFormat.magicLength, bytes.count >= ImageFormat.magicLength {
      guard bytes.withUnsafeBytes({ ImageFormat(magic: $0) }) != nil else {
        throw .unknownFormat(source: source)
      }
    }
    blockSize = max(64 << 10, declared + 1 - bytes.count, min(bytes.count, 16 << 20))
  }
}

extension [UInt8] {
  /// Appends up to `room` bytes that `fill` writes; it answers how many.
  fileprivate mutating func append(
    addingCapacity room: Int, _ fill: (UnsafeMutablePointer<UInt8>) -> Int
  ) {
    let held = count
    // Most files come whole with the first read: that one goes straight into its final place.
    if held == 0 {
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

/// Repeats a system call for as long as a signal interrupts it.
private func retryingInterrupts<Count: SignedInteger>(_ call: () -> Count) -> Count {
  while true {
    let answer = call()
    if answer >= 0 || errno != EINTR { return answer }
  }
}

/// The system's words for an error number, by default that of the last failed call.
private func systemMessage(_ number: CInt = errno) -> String {
  String(cString: strerror(number))
}
