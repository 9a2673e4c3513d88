/// What the bit stream of one coded image says about its size.
struct HEIFStream {
  var width = 0
  var height = 0
  /// The number of frames that the decoder has to decode.
  var frames = 0
  /// The number of slices of an HEVC image, and of its parameter sets.
  var slices = 0
  private var parameterSets = 0
  var bits = 8
  /// The digits of 4:2:0, 4:2:2 or 4:4:4; 0 if there is no chroma.
  var chroma = 444
  /// What an AV1 stream says of its colours.
  var color = HEIFColor()

  /// What decoding takes at most, in pixels of the most difficult HEVC image of 4:2:0; creating a
  /// decoder counts, too.
  ///
  /// The arithmetic code goes on after its data end, so bytes do not bound the work. A slice of HEVC
  /// may go on to the end of the image, whatever the next one does. AV1's decoders are faster, and end
  /// with the data.
  var work: Int {
    halfSamples * width * height / 3 * (slices > 0 ? 4 * slices : frames) / 4 + 16_384
  }

  /// Samples of two pixels.
  private var halfSamples: Int { chroma == 0 ? 2 : chroma == 420 ? 3 : chroma == 422 ? 4 : 6 }

  /// Bytes of all planes.
  var planeBytes: Int { width * height * halfSamples / 2 * (bits > 8 ? 2 : 1) }
}

/// The bits of a header, from the most significant of each byte; zeros after the end.
private struct HeaderBits {
  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  mutating func read(_ count: Int) -> Int {
    var value = 0
    for _ in 0..<count {
      let byte = position >> 3
      value = value << 1
      if byte < bytes.count { value |= Int(bytes[byte] >> UInt8(7 - position & 7) & 1) }
      position += 1
    }
    return value
  }

  mutating func skip(_ count: Int) { position += count }

  /// An Exp-Golomb code, at most 32 bits.
  mutating func golomb() -> Int {
    var zeros = 0
    while zeros < 32, read(1) == 0 { zeros += 1 }
    return 1 << zeros - 1 + read(zeros)
  }
}

extension HEIFStream {
  /// Reads the parameter sets of an `hvcC` box and walks over the units of an HEVC image.
  ///
  /// ISO/IEC 14496-15, section 8.3.3, and ITU-T H.265, section 7.3. Only one frame that needs no
  /// others is accepted: a few bytes would otherwise suffice for thousands.
  init(hevc configuration: UnsafeRawBufferPointer, _ data: [UInt8]) throws(DecodingFailure) {
    var fields = HEIFFields(configuration, at: 22)
    for _ in 0..<(try fields.number(1)) {
      _ = try fields.number(1)
      for _ in 0..<(try fields.number(2)) {
        let count = try fields.number(2)
        try readUnit([UInt8](try fields.data(count)))
      }
    }
    for unit in try Self.units(configuration, data) {
      try readUnit([UInt8](data[unit.prefix(256)]))
    }
    guard width > 0, height > 0 else { throw .malformed("it has no sequence parameter set") }
    guard frames == 1 else { throw .unsupported("\(frames) frames in one image") }
  }

  /// The units of an HEVC image, without the lengths before them.
  private static func units(
    _ configuration: UnsafeRawBufferPointer, _ data: [UInt8]
  ) throws(DecodingFailure) -> [Range<Int>] {
    let lengthSize = Int(configuration.byte(at: 21) ?? 0) & 3 + 1
    var units: [Range<Int>] = []
    var offset = 0
    while data.count - offset >= lengthSize {
      let count = data[offset..<offset + lengthSize].reduce(0) { $0 << 8 | Int($1) }
      offset += lengthSize
      guard count <= data.count - offset else {
        throw .malformed("a unit of the image is cut short: the file is truncated")
      }
      if count > 2 { units.append(offset..<offset + count) }
      offset += count
    }
    return units
  }

  /// The data of a coded image, with all lengths in four bytes, and without units that decoding does
  /// not need: libheif expects four bytes, whatever the configuration says.
  static func plainData(of item: Int, _ items: HEIFItems) throws(DecodingFailure) -> [UInt8] {
    let data = try items.data(of: item)
    guard let box = items.properties(of: item).first(where: { $0.has("hvcC") }),
      items.type(of: item)?.begins(with: "hvc1") == true
    else { return data }
    var plain: [UInt8] = []
    plain.reserveCapacity(data.count + 4)
    for unit in try units(box.content, data) where (data[unit.lowerBound] >> 1 & 63) < 35 {
      for shift in [24, 16, 8, 0] { plain.append(UInt8(truncatingIfNeeded: unit.count >> shift)) }
      plain += data[unit]
    }
    return plain
  }

  private mutating func readUnit(_ unit: [UInt8]) throws(DecodingFailure) {
    guard unit.count > 2 else { return }
    let type = unit[0] >> 1 & 63
    if type == 33 { readParameters(unit) }
    if (32...34).contains(type) {
      // The decoder makes tables as large as the image for each.
      parameterSets += 1
      guard parameterSets <= 32 else { throw .unsupported("more than 32 parameter sets") }
    }
    guard type < 32 else { return }
    slices = min(slices + 1, 1 << 20)
    guard (16...21).contains(type) else { throw .unsupported("a frame that depends on others") }
    if unit[2] & 0x80 != 0 { frames += 1 }
  }

  /// Reads the size in a sequence parameter set; the largest counts.
  private mutating func readParameters(_ unit: [UInt8]) {
    // A 3 after two zeros is there only so that no start code appears.
    var plain: [UInt8] = []
    for (index, byte) in unit.enumerated()
    where !(byte == 3 && index >= 2 && unit[index - 1] == 0 && unit[index - 2] == 0) {
      plain.append(byte)
    }
    var bits = HeaderBits(plain)
    bits.skip(16 + 4)
    let layers = bits.read(3)
    bits.skip(1 + 88 + 8)
    let present = (0..<layers).map { _ in (profile: bits.read(1) == 1, level: bits.read(1) == 1) }
    if layers > 0 { bits.skip(2 * (8 - layers)) }
    for layer in present { bits.skip((layer.profile ? 88 : 0) + (layer.level ? 8 : 0)) }
    _ = bits.golomb()
    let chroma = bits.golomb()
    if chroma == 3 { bits.skip(1) }
    width = max(width, bits.golomb())
    height = max(height, bits.golomb())
    if bits.read(1) == 1 { for _ in 0..<4 { _ = bits.golomb() } }
    self.bits = max(self.bits, 8 + bits.golomb())
    self.chroma = [0, 420, 422, 444][min(chroma, 3)]
  }

  /// Walks over the units of an AV1 image.
  ///
  /// AV1 Bitstream and Decoding Process Specification, sections 5.3 and 5.5.
  init(av1 configuration: UnsafeRawBufferPointer, _ data: [UInt8]) throws(DecodingFailure) {
    try readUnits([UInt8](configuration.dropFirst(4)))
    frames = 0
    try readUnits(data)
    guard width > 0, height > 0 else { throw .malformed("it has no sequence header") }
    // Layers of growing size make one image.
    guard (1...4).contains(frames) else {
      throw .unsupported("\(frames) frames in one image")
    }
  }

  private mutating func readUnits(_ data: [UInt8]) throws(DecodingFailure) {
    var offset = 0
    while offset < data.count {
      let head = data[offset]
      offset += head & 4 != 0 ? 2 : 1
      var count = max(data.count - offset, 0)
      if head & 2 != 0 {
        count = 0
        for shift in stride(from: 0, to: 56, by: 7) {
          guard offset < data.count else {
            throw .malformed("a unit of the image is cut short: the file is truncated")
          }
          let byte = data[offset]
          offset += 1
          count |= Int(byte & 0x7F) << shift
          if byte & 0x80 == 0 { break }
        }
      }
      guard count <= data.count - offset else {
        throw .malformed("a unit of the image is cut short: the file is truncated")
      }
      switch head >> 3 & 15 {
      case 1: readSequenceHeader([UInt8](data[offset..<offset + min(count, 1024)]))
      // A redundant header counts, too, as decoders take the first for one that is not.
      case 3, 6, 7: frames += 1
      default: break
      }
      offset += count
    }
  }

  private mutating func readSequenceHeader(_ unit: [UInt8]) {
    var bits = HeaderBits(unit)
    let profile = bits.read(3)
    bits.skip(1)
    let isReduced = bits.read(1) == 1
    if isReduced {
      bits.skip(5)
    } else {
      var delayLength: Int?
      if bits.read(1) == 1 {
        bits.skip(64)
        if bits.read(1) == 1 { _ = bits.golomb() }
        if bits.read(1) == 1 {
          delayLength = bits.read(5) + 1
          bits.skip(32 + 5 + 5)
        }
      }
      let hasDelays = bits.read(1) == 1
      for _ in 0...bits.read(5) {
        bits.skip(12)
        if bits.read(5) > 7 { bits.skip(1) }
        if let delayLength, bits.read(1) == 1 { bits.skip(2 * delayLength + 1) }
        if hasDelays, bits.read(1) == 1 { bits.skip(4) }
      }
    }
    let (widthBits, heightBits) = (bits.read(4) + 1, bits.read(4) + 1)
    width = max(width, bits.read(widthBits) + 1)
    height = max(height, bits.read(heightBits) + 1)
    if !isReduced, bits.read(1) == 1 { bits.skip(7) }
    bits.skip(3)
    if !isReduced {
      bits.skip(4)
      let hasOrder = bits.read(1) == 1
      if hasOrder { bits.skip(2) }
      // 2: the frames choose.
      let screenContent = bits.read(1) == 1 ? 2 : bits.read(1)
      if screenContent > 0, bits.read(1) == 0 { bits.skip(1) }
      if hasOrder { bits.skip(3) }
    }
    bits.skip(3)
    let isHigh = bits.read(1) == 1
    if isHigh { self.bits = max(self.bits, profile == 2 && bits.read(1) == 1 ? 12 : 10) }
    let isGray = profile != 1 && bits.read(1) == 1
    var description = (primaries: 2, transfer: 2)
    if bits.read(1) == 1 {
      description = (bits.read(8), bits.read(8))
      color.matrix = bits.read(8)
    }
    // sRGB with an identity matrix has all samples in full range.
    if !isGray, description == (1, 13), color.matrix == 0 {
      (chroma, color.isFullRange) = (444, true)
      return
    }
    color.isFullRange = bits.read(1) == 1
    switch profile {
    case _ where isGray: chroma = 0
    case 0: chroma = 420
    case 1: chroma = 444
    default:
      let isFull = self.bits == 12 && bits.read(1) == 0
      let isHalfHigh = self.bits == 12 && !isFull && bits.read(1) == 1
      chroma = isFull ? 444 : isHalfHigh ? 420 : 422
    }
  }
}
