import Glibc
import Host

/// An encoded image in memory, with its headers read and checked against all limits, but not
/// decoded.
///
/// A program that decodes several images at once can wait for free memory before decoding:
///
/// ```swift
/// let encoded = try EncodedImage(contentsOf: "photo.jpg")
/// print(encoded.format, encoded.decodingMemory)  // JPEG 38797312
/// let image = try encoded.decode()
/// ```
public struct EncodedImage: Sendable {
  /// The whole file.
  public let bytes: [UInt8]
  /// The name of the image in error messages.
  public let name: String
  /// The format, detected from the first bytes.
  public let format: ImageFormat
  /// The maximum memory in bytes that ``decode()`` takes, excluding `bytes`.
  ///
  /// This includes the pixels, the codec's own memory, and the memory for turning the image
  /// upright.
  ///
  /// At most ``DecodingLimits/memoryBytes``.
  public let decodingMemory: Int
  let header: any ImageHeader
  let orientation: Orientation
  private let pixelsWithoutWarning: Int

  /// Reads the headers of a whole file in memory, without decoding or large allocations.
  ///
  /// - Parameters:
  ///   - bytes: The encoded file, of any ``ImageFormat``.
  ///   - name: The name of the image in error messages.
  ///   - limits: Limits on the file and on the sizes it declares.
  ///   - applyOrientation: Whether ``decode()`` turns the image upright according to its EXIF
  ///     orientation. Damaged EXIF data and values outside 1…8 are ignored.
  /// - Throws: ``ImageError``; never ``ImageError/unreadable(source:reason:)``.
  public init(
    _ bytes: [UInt8], named name: String = "image", limits: DecodingLimits = .standard,
    applyOrientation: Bool = true
  ) throws(ImageError) {
    guard bytes.count <= limits.fileBytes else {
      throw .overLimit(
        source: name, format: nil,
        reason: "\(bytes.count) bytes exceed the limit of \(limits.fileBytes)")
    }
    guard let format = bytes.withUnsafeBytes({ ImageFormat(magic: $0) }) else {
      if let format = bytes.withUnsafeBytes({ UnsupportedFormat(magic: $0) }) {
        throw .unsupportedFormat(source: name, name: format.name)
      }
      throw .unknownFormat(source: name)
    }
    do {
      let header = try bytes.withBytes { raw throws(DecodingFailure) in
        try format.header(of: raw, limits: limits)
      }
      orientation = applyOrientation ? header.orientation : .upright
      decodingMemory = header.decodingBytes(orientation)
      try limits.check(memory: decodingMemory, width: header.width, height: header.height)
      self.header = header
    } catch {
      throw error.error(source: name, format: format)
    }
    (self.bytes, self.name, self.format) = (bytes, name, format)
    pixelsWithoutWarning = limits.pixelsWithoutWarning
  }

  /// Decodes the pixels and turns them upright.
  ///
  /// - Throws: ``ImageError`` if the pixels are damaged, or ``decodingMemory`` is not available.
  public func decode() throws(ImageError) -> Image {
    try checkMemory()
    do {
      var image = try bytes.withBytes { raw throws(DecodingFailure) in try header.decode(raw) }
      orientation.turnUpright(&image)
      image.warnings += sizeWarnings
      return image
    } catch {
      throw error.error(source: name, format: format)
    }
  }

  /// A warning about a large image.
  var sizeWarnings: [ImageWarning] {
    let count = header.width * header.height
    return count > pixelsWithoutWarning ? [.manyPixels(count)] : []
  }
}

extension EncodedImage {
  /// Throws if this process cannot map the memory for decoding.
  func checkMemory() throws(ImageError) {
    guard decodingMemory < 16 << 20 || hasAddressSpace(for: decodingMemory) else {
      throw .overLimit(
        source: name, format: format,
        reason: "decoding takes \(decodingMemory >> 20) MiB, more than this process can allocate")
    }
  }
}

extension EncodedImage {
  /// Reads a file and its headers.
  ///
  /// Regular files, FIFOs and devices such as `/dev/stdin` are read to their end, but never beyond
  /// ``DecodingLimits/fileBytes``, and not beyond the first block if its format is unknown.
  ///
  /// - Throws: ``ImageError``; ``ImageError/unreadable(source:reason:)`` if the file is missing, is
  ///   a folder, or cannot be read.
  public init(
    contentsOf path: String, limits: DecodingLimits = .standard, applyOrientation: Bool = true
  ) throws(ImageError) {
    // The C interface would cut off the path at a NUL byte and open another file.
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

  /// Reads the file with the given path: NUL-terminated bytes, which need not be valid UTF-8.
  ///
  /// Otherwise like ``init(contentsOf:limits:applyOrientation:)``.
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
      isImage = ImageFormat.recognizes(prefix)
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

/// The contents of a file's headers, checked against the limits.
protocol ImageHeader: Sendable {
  /// Reads the headers of a whole file that begins with its format's magic.
  init(_ bytes: UnsafeRawBufferPointer, limits: DecodingLimits) throws(DecodingFailure)

  /// The size of the image as stored.
  var width: Int { get }
  var height: Int { get }
  var orientation: Orientation { get }
  /// The size in bytes of the array that the pixels are decoded into.
  var pixelBytes: Int { get }
  /// The maximum number of further bytes that the codec keeps.
  var codecBytes: Int { get }

  /// Decodes the file that the headers were read from to the image as stored.
  func decode(_ bytes: UnsafeRawBufferPointer) throws(DecodingFailure) -> Image
}

extension ImageHeader {
  var pixelBytes: Int { 3 * width * height }

  /// The maximum number of bytes for decoding and turning the image, excluding the file.
  ///
  /// The codec's memory is free again when the image is turned. 2 MiB covers all small allocations.
  /// Within the limits nothing overflows.
  fileprivate func decodingBytes(_ orientation: Orientation) -> Int {
    let turning = orientation.swapsSides ? 3 * width * height : 0
    return pixelBytes + max(codecBytes, turning) + 2 << 20
  }
}

extension ImageFormat {
  /// Reads the headers of a file of this format.
  fileprivate func header(
    of bytes: UnsafeRawBufferPointer, limits: DecodingLimits
  ) throws(DecodingFailure) -> any ImageHeader {
    switch self {
    case .pnm: try PNMHeader(bytes, limits: limits)
    case .jpeg: try JPEGHeader(bytes, limits: limits)
    case .png: try PNGHeader(bytes, limits: limits)
    case .webp: try WebPHeader(bytes, limits: limits)
    case .bmp: try BMPHeader(bytes, limits: limits)
    case .gif: try GIFHeader(bytes, limits: limits)
    case .tiff: try TIFFHeader(bytes, limits: limits)
    case .heic, .avif: try HEIFHeader(bytes, limits: limits)
    }
  }
}

extension [UInt8] {
  /// `withUnsafeBytes` with typed errors.
  func withBytes<Value, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    try withUnsafeBytes { raw in Result { () throws(Failure) in try body(raw) } }.get()
  }
}

/// Whether the system would currently map that many bytes for this process.
///
/// If not, because of a limit such as `ulimit -v`, allocating an array of that size would end the
/// process. Checking first turns this into an error for one image.
private func hasAddressSpace(for bytes: Int) -> Bool {
  let memory = mmap(
    nil, max(bytes, 1), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
  guard let memory, memory != MAP_FAILED else { return false }
  munmap(memory, max(bytes, 1))
  return true
}
