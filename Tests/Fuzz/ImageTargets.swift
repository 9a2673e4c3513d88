import Images

extension FuzzTarget {
  static let images = [
    FuzzTarget(name: "pnm", about: "a PNM file, P1 to P7") { decode($0, $1, as: .pnm) },
    FuzzTarget(name: "jpeg", about: "a JPEG file") { decode($0, $1, as: .jpeg) },
    FuzzTarget(name: "png", about: "a PNG file, also with corrected checksums") {
      let bytes = [UInt8](UnsafeBufferPointer(start: $0, count: $1))
      let mended = PNGChecksums.mended(bytes)
      return max(check(bytes, as: .png), mended == bytes ? -1 : check(mended, as: .png))
    },
    FuzzTarget(name: "webp", about: "a WebP file") { decode($0, $1, as: .webp) },
    FuzzTarget(name: "bmp", about: "a BMP file") { decode($0, $1, as: .bmp) },
    FuzzTarget(name: "gif", about: "a GIF file") { decode($0, $1, as: .gif) },
    FuzzTarget(name: "tiff", about: "a TIFF file") { decode($0, $1, as: .tiff) },
    FuzzTarget(name: "heic", about: "a HEIC file") { decode($0, $1, as: .heic) },
    FuzzTarget(name: "avif", about: "an AVIF file") { decode($0, $1, as: .avif) },
    FuzzTarget(name: "exif", about: "the EXIF block of a JPEG of 2x1 pixels") {
      let block = UnsafeBufferPointer(start: $0, count: min($1, 65_000))
      return check(TinyJPEG.bytes(exif: block), as: .jpeg, mustDecode: true)
    },
  ]
}

/// So small that an execution takes milliseconds.
private let smallLimits = DecodingLimits(
  pixels: 1 << 18, pixelsWithoutWarning: 1 << 16, fileBytes: 1 << 18, side: 4096,
  memoryBytes: 3 << 20, jpegScans: 8, pngAncillaryChunkBytes: 1 << 12)

/// The limits for a format: libheif's decoders keep several megabytes for the smallest image, and
/// libtiff a window for zstd.
private func limits(for format: ImageFormat) -> DecodingLimits {
  var limits = smallLimits
  if format == .heic || format == .avif {
    limits.pixels = 1 << 14
    limits.memoryBytes = 24 << 20
  }
  if format == .tiff { limits.memoryBytes = 160 << 20 }
  return limits
}

private func decode(_ start: UnsafePointer<UInt8>?, _ count: Int, as format: ImageFormat) -> CInt {
  check([UInt8](UnsafeBufferPointer(start: start, count: count)), as: format)
}

/// Decodes a file as stored, upright, and again; -1 where it is of another format.
private func check(_ bytes: [UInt8], as format: ImageFormat, mustDecode: Bool = false) -> CInt {
  guard bytes.withUnsafeBytes({ ImageFormat(magic: $0) }) == format else { return -1 }
  let limits = limits(for: format)
  let stored = outcome(bytes, limits, applyOrientation: false)
  let upright = outcome(bytes, limits, applyOrientation: true)
  switch (stored, upright) {
  case (.success(let stored), .success(let upright)):
    require(
      stored.width == upright.width && stored.height == upright.height
        || stored.width == upright.height && stored.height == upright.width,
      "turning the image upright changed its size")
    // Of damaged data, libde265 leaves parts of its pictures as the memory was.
    guard format != .heic else { return 0 }
    require(
      stored.pixels.reduce(0) { $0 &+ Int($1) } == upright.pixels.reduce(0) { $0 &+ Int($1) },
      "turning the image upright changed its pixels")
    require(
      outcome(bytes, limits, applyOrientation: true) == .success(upright),
      "the same image decodes to other pixels")
    prepare(upright, from: bytes, limits)
  // Turning needs a second image's memory.
  case (_, .failure(.overLimit)): break
  case (.failure(let error), .failure(let other)):
    require(!mustDecode, "an image failed because of its metadata: \(error)")
    require(error == other, "orientation changed the error from \(error) to \(other)")
  default:
    fatalError("orientation decides whether the image decodes")
  }
  return 0
}

/// Decoding takes no more memory than announced, not counting metadata and messages.
private func checkMemory(
  _ bytes: [UInt8], _ result: Result<Image, ImageError>, _ taken: Int, _ limits: DecodingLimits,
  applyOrientation: Bool
) {
  // Counting a lossless WebP's prefix codes takes a flag for each of the possible 65,536; the fields
  // of a TIFF and the boxes of HEIF are kept in dictionaries.
  let spare = 64 * bytes.count + 80 << 10
  let announced = Result { () throws(ImageError) in
    try EncodedImage(
      bytes, named: "input", limits: limits, applyOrientation: applyOrientation
    ).decodingMemory
  }
  switch announced {
  case .success(let announced):
    if case .success(let image) = result {
      require(taken >= image.pixels.count, "memory is not counted")
    }
    require(announced <= limits.memoryBytes, "the memory exceeds its limit")
    require(taken <= announced + spare, "\(taken) bytes were taken, \(announced) announced")
  case .failure(let error):
    require(result == .failure(error), "an image decodes whose headers are refused: \(error)")
    require(taken <= spare, "\(taken) bytes were taken for an image that is refused")
  }
}

/// Makes an image of any proportions into an input, with each filter; also while it is decoded.
private func prepare(_ image: Image, from bytes: [UInt8], _ limits: DecodingLimits) {
  let filters = Interpolation.allCases
  let recipe = Preprocessing(
    resize: 1 + image.width % 16, crop: 8, interpolation: filters[image.height % filters.count],
    mean: SIMD3(repeating: 0.5), standardDeviation: SIMD3(repeating: 0.5),
    fit: image.width.isMultiple(of: 3) ? .squash : .shortSide)
  var values = [Float](repeating: .nan, count: recipe.valueCount)
  do {
    try values.withUnsafeMutableBufferPointer { values in try recipe.apply(to: image, into: values)
    }
  } catch {
    fatalError("an image cannot be made into an input: \(error)")
  }
  require(values.allSatisfy { -1...1 ~= $0 }, "an input has a value that no pixel gives")
  var streamed = [Float](repeating: .nan, count: recipe.valueCount)
  do {
    let encoded = try EncodedImage(bytes, named: "input", limits: limits)
    let warnings = try streamed.withUnsafeMutableBufferPointer {
      try encoded.prepare(for: recipe, into: $0)
    }
    require(warnings == image.warnings, "preparing an image while decoding changes its warnings")
    require(streamed == values, "preparing an image while decoding changes its values")
    _ = try streamed.withUnsafeMutableBufferPointer {
      try encoded.prepare(for: recipe, mode: .fast, into: $0)
    }
    require(streamed.allSatisfy { -1...1 ~= $0 }, "a scaled image has a value that no pixel gives")
  } catch {
    fatalError("an image that decodes cannot be prepared: \(error)")
  }
}

/// The result of decoding, after checking the invariants of images and errors.
private func outcome(
  _ bytes: [UInt8], _ limits: DecodingLimits, applyOrientation: Bool
) -> Result<Image, ImageError> {
  let (result, taken) = AllocatedMemory.most {
    Result { () throws(ImageError) in
      try Image(decoding: bytes, named: "input", limits: limits, applyOrientation: applyOrientation)
    }
  }
  checkMemory(bytes, result, taken, limits, applyOrientation: applyOrientation)
  switch result {
  case .success(let image):
    let count = image.width * image.height
    require(image.width > 0 && image.height > 0, "a side is not positive")
    require(max(image.width, image.height) <= limits.side, "a side exceeds its limit")
    require(count <= limits.pixels, "the pixels exceed their limit")
    require(image.pixels.count == 3 * count, "there are not three bytes for each pixel")
    require(
      image.warnings.contains(.manyPixels(count)) == (count > limits.pixelsWithoutWarning),
      "the warning about many pixels is wrong")
  case .failure(.unavailable): break
  case .failure(.unreadable), .failure(.unknownFormat):
    fatalError("the error is of another input")
  case .failure(let error):
    let text = "\(error)"
    require(text.hasPrefix("input: "), "an error does not name its input")
    require(!text.unicodeScalars.contains { $0.value < 0x20 }, "an error has control characters")
  }
  return result
}
