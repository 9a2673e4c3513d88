import Glibc
import Host

extension EncodedImage {
  /// Reads a file and its headers.
  ///
  /// Regular files, FIFOs and devices such as `/dev/stdin` are read to their end, but never beyond
  /// ``DecodingLimits/fileBytes``, and no further than the first block if that is of no known
  /// format.
  ///
  /// - Throws: ``ImageError``; ``ImageError/unreadable(source:reason:)`` if the file is missing, is
  ///   a folder, or cannot be read.
  public init(
    contentsOf path: String, limits: DecodingLimits = .standard, applyOrientation: Bool = true
  ) throws(ImageError) {
    // The C interface would cut the path at a NUL byte and open another file.
    guard !path.utf8.contains(0) else {
      throw .unreadable(source: path, reason: "a path cannot contain a NUL byte")
    }
    self = try path.withCString { name in
      Result { () throws(ImageError) in
        try EncodedImage(
          contentsOfCPath: name, limits: limits, applyOrientation: applyOrientation)
      }
    }.get()
  }

  /// Reads the file whose name is the given NUL-terminated bytes, which need not be valid UTF-8;
  /// otherwise like ``init(contentsOf:limits:applyOrientation:)``.
  public init(
    contentsOfCPath path: UnsafePointer<CChar>, limits: DecodingLimits = .standard,
    applyOrientation: Bool = true
  ) throws(ImageError) {
    let name = String(cString: path)
    let descriptor = Files.open(path)
    guard descriptor >= 0 else {
      throw .unreadable(source: name, reason: "cannot open: \(systemMessage())")
    }
    defer { close(descriptor) }
    try self.init(
      readingFrom: descriptor, named: name, limits: limits, applyOrientation: applyOrientation)
  }

  /// Reads an open file descriptor to its end; the descriptor stays open.
  ///
  /// - Throws: ``ImageError``, as ``init(contentsOf:limits:applyOrientation:)`` does.
  public init(
    readingFrom descriptor: CInt, named name: String, limits: DecodingLimits = .standard,
    applyOrientation: Bool = true
  ) throws(ImageError) {
    try self.init(
      readWhole(descriptor, named: name, limits: limits), named: name, limits: limits,
      applyOrientation: applyOrientation)
  }
}

/// The whole contents of an open file, at most ``DecodingLimits/fileBytes`` of them.
private func readWhole(
  _ descriptor: CInt, named source: String, limits: DecodingLimits
) throws(ImageError) -> [UInt8] {
  // Reading stops after the first block of an endless device or a huge file that is not an image.
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
          ? "is a folder, not an image" : "cannot read: \(error.reason)")
    }
  }
  guard isImage else { throw .unknownFormat(source: source) }
  return bytes
}

private func isFolder(_ descriptor: CInt) -> Bool {
  var status = stat()
  return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}
