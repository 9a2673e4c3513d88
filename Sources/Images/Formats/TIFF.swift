import CImageLibraries
import Glibc

/// The contents of a TIFF's first directory.
///
/// TIFF 6.0 and BigTIFF. Whatever Pillow reads is read, and with the same pixels.
struct TIFFHeader {
  var width: Int
  var height: Int
  var orientation: Orientation
  var segments: TIFFSegments
  var layout: TIFFLayout
  var compression: Int
  /// The maximum memory in bytes that the codec takes, without the segment and the pixels.
  private var codecMemory = 0
  private var limits: DecodingLimits

  init(_ bytes: UnsafeRawBufferPointer, limits: DecodingLimits) throws(DecodingFailure) {
    guard let order = TIFFByteOrder(magic: bytes), let directory = TIFFDirectory(bytes, order)
    else { throw .malformed("its directory is cut short: the file is truncated") }
    if let format = directory.cameraRaw(bytes, order) { throw .foreign(format) }
    // libtiff keeps a copy of each field's values.
    guard directory.valueBytes <= bytes.count else { throw .malformed("its fields overlap") }
    guard let width = directory.integer(TIFFDirectory.Tag.width),
      let height = directory.integer(TIFFDirectory.Tag.height)
    else { throw .malformed("its directory has no size") }
    try limits.check(width: width, height: height)
    (self.width, self.height, self.limits) = (width, height, limits)
    compression = directory.integer(TIFFDirectory.Tag.compression) ?? 1
    layout = try TIFFLayout(directory, compression: compression)
    segments = try TIFFSegments(
      directory, width: width, height: height, layout: layout, limits: limits)
    // A classic TIFF is laid out like an EXIF block, and its entry is read by the same rules.
    let xmp = directory.data(TIFFDirectory.Tag.xmp)
    orientation =
      order.isBig
      ? Orientation(value: directory.integer(TIFFDirectory.Tag.orientation), xmp: xmp)
      : Orientation(exif: bytes, xmp: xmp)
    try segments.checkOverlap(in: bytes)
    if compression == 1, layout.color != .converted { try checkLength(bytes) }
    codecMemory = try TIFFCodec(directory, compression: compression, layout: layout).memory(
      of: segments, in: bytes, limits: limits)
  }

  /// Rejects an uncompressed file that is too short for its pixels.
  private func checkLength(_ bytes: UnsafeRawBufferPointer) throws(DecodingFailure) {
    for index in 0..<segments.count {
      let (offset, _) = segments.stored[index]
      guard offset <= bytes.count, segments.bytes(of: index) <= bytes.count - offset else {
        throw .malformed(
          "\(segments.isTiled ? "tile" : "strip") \(index) is cut short: the file is truncated")
      }
    }
  }
}

extension TIFFHeader: ImageHeader {
  /// A segment, or all pixels in four bytes each if libtiff converts the colours; the lists of
  /// segments, which libtiff keeps in eight bytes each; and the codec's own.
  var codecBytes: Int {
    let raster = layout.color == .converted ? 4 * width * height : 0
    return raster + segments.largest + 64 * segments.count + codecMemory + 1 << 20
  }

  func decode(_ bytes: UnsafeRawBufferPointer) throws(DecodingFailure) -> Image {
    if let reason = ImageFormat.tiff.missingLibrary { throw .unavailable(reason) }
    guard ctiff_has_codec(UInt16(truncatingIfNeeded: compression)) != 0 else {
      throw .unsupported("the installed libtiff has no codec for compression \(compression)")
    }
    // libtiff's own allocations are known, too, so none can be larger than all of them together.
    guard let file = ctiff_open(bytes.baseAddress, bytes.count, codecBytes + bytes.count) else {
      throw .malformed("its directory cannot be read")
    }
    defer { ctiff_close(file) }
    if layout.convertsJPEG { ctiff_convert_jpeg(file) }
    if layout.color == .luma { ctiff_set_full_chroma(file) }
    var failure: DecodingFailure?
    var clipped = false
    let pixels = [UInt8](unsafeUninitializedCapacity: 3 * width * height) { buffer, filled in
      guard let pixels = buffer.baseAddress else { return }
      do throws(DecodingFailure) {
        if layout.color == .converted {
          try convert(file, into: pixels)
        } else {
          clipped = try unpack(file, into: pixels)
        }
        filled = buffer.count
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return Image(
      width: width, height: height, pixels: pixels, warnings: clipped ? [.clippedGray] : [])
  }

  private func damage(_ file: OpaquePointer) -> DecodingFailure {
    let text = String(cString: ctiff_message(file))
    return .malformed(String(text.unicodeScalars.map { $0.value < 0x20 ? " " : Character($0) }))
  }

  /// Lets libtiff convert the colours.
  private func convert(
    _ file: OpaquePointer, into pixels: UnsafeMutablePointer<UInt8>
  ) throws(DecodingFailure) {
    let count = width * height
    // Of damaged data, libtiff may leave pixels unwritten, here and below.
    let raster = UnsafeMutablePointer<UInt32>.allocate(capacity: count)
    raster.initialize(repeating: 0, count: count)
    defer { raster.deallocate() }
    guard ctiff_read_rgba(file, UInt32(width), UInt32(height), raster) != 0 else {
      throw damage(file)
    }
    for pixel in 0..<count {
      let color = raster[pixel]
      pixels[3 * pixel] = UInt8(truncatingIfNeeded: color)
      pixels[3 * pixel + 1] = UInt8(truncatingIfNeeded: color >> 8)
      pixels[3 * pixel + 2] = UInt8(truncatingIfNeeded: color >> 16)
    }
  }

  /// Unpacks all segments; returns whether a sample was clipped.
  private func unpack(
    _ file: OpaquePointer, into pixels: UnsafeMutablePointer<UInt8>
  ) throws(DecodingFailure) -> Bool {
    let segment = UnsafeMutableRawPointer.allocate(byteCount: segments.largest, alignment: 16)
    segment.initializeMemory(as: UInt8.self, repeating: 0, count: segments.largest)
    defer { segment.deallocate() }
    var unpacker = TIFFUnpacker(layout)
    let clock = ProcessorClock()
    for index in 0..<segments.count {
      // A later plane of unused samples.
      let plane = index / segments.perPlane
      guard plane < layout.planesRead else { break }
      try clock.check(limits)
      guard
        ctiff_read(
          file, UInt32(index), segments.isTiled ? 1 : 0, segment, segments.bytes(of: index)) != 0
      else { throw damage(file) }
      let place = segments.place(of: index)
      for row in 0..<place.height {
        unpacker.unpack(
          UnsafeRawPointer(segment) + row * segments.rowBytes, plane: plane, count: place.width,
          into: pixels + 3 * ((place.y + row) * width + place.x))
      }
    }
    return unpacker.clipped
  }
}

/// The processor time of this thread since its creation.
struct ProcessorClock {
  private let start = Self.now

  private static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
  }

  /// Throws if the time exceeds its limit.
  func check(_ limits: DecodingLimits) throws(DecodingFailure) {
    guard Self.now - start <= Double(limits.seconds) else {
      throw .overLimit("decoding takes more than \(limits.seconds) s of processor time")
    }
  }
}
