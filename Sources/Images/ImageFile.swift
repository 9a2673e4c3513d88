import Glibc
import Host

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
    let descriptor = Files.open(path)
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
  // An endless device or a huge file that is no image is left after its first block.
  var isImage = true
  let bytes: [UInt8]
  do throws(FileError) {
    bytes = try Files.read(
      descriptor, named: source, limit: limits.fileBytes, prefix: ImageFormat.magicLength
    ) { prefix in
      isImage = ImageFormat(magic: prefix) != nil
      return isImage
    }
  } catch {
    switch error {
    case .tooLong: throw .overLimit(source: source, format: nil, reason: error.reason)
    default:
      throw .unreadable(
        source: source,
        reason: isFolder(descriptor)
          ? "is a folder, not a picture" : "cannot read: \(error.reason)")
    }
  }
  guard isImage else { throw .unknownFormat(source: source) }
  return bytes
}

private func isFolder(_ descriptor: CInt) -> Bool {
  var status = stat()
  return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}
