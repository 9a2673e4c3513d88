/// Makes RGB pixels of a TIFF's samples, as Pillow's `convert("RGB")` does.
struct TIFFUnpacker {
  private let layout: TIFFLayout
  /// Whether a sample of more than 8 bits was clipped at 255.
  private(set) var clipped = false

  init(_ layout: TIFFLayout) {
    self.layout = layout
  }

  /// Unpacks `count` pixels of a row; of a planar image, what one plane adds to them.
  ///
  /// Numbers of several bytes have the machine's byte order.
  mutating func unpack(
    _ row: UnsafeRawPointer, plane: Int, count: Int, into pixels: UnsafeMutablePointer<UInt8>
  ) {
    switch layout.color {
    case .gray where layout.premultipliedAlpha == nil: gray(row, plane, count, pixels)
    case .palette: if plane == 0 { indices(row, count, pixels) }
    case .luma: luma(row, count, pixels)
    default:
      let samples = layout.isPlanar ? 1 : layout.samples
      let own = layout.isPlanar ? plane..<plane + 1 : 0..<layout.planesOfColor
      for sample in own {
        let offset = layout.isPlanar ? 0 : sample
        add(sample, count, pixels) { value(row, offset + $0 * samples) }
      }
    }
  }

  /// The high byte of a sample.
  private func value(_ row: UnsafeRawPointer, _ index: Int) -> UInt8 {
    layout.bits == 8
      ? row.load(fromByteOffset: index, as: UInt8.self)
      : UInt8(row.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self) >> 8)
  }

  /// Adds one sample to each pixel.
  ///
  /// The last one, black or alpha, completes the others.
  private func add(
    _ sample: Int, _ count: Int, _ pixels: UnsafeMutablePointer<UInt8>, _ value: (Int) -> UInt8
  ) {
    if sample == layout.premultipliedAlpha {
      for x in 0..<count { divide(pixels + 3 * x, by: Int(value(x))) }
    } else if layout.color == .cmyk, sample == 3 {
      for x in 0..<count { blacken(pixels + 3 * x, by: value(x)) }
    } else if layout.color == .gray, sample == 0 {
      for x in 0..<count { for channel in 0..<3 { pixels[3 * x + channel] = value(x) } }
    } else if sample < 3, layout.color != .gray {
      for x in 0..<count { pixels[3 * x + sample] = value(x) }
    }
  }

  /// Undoes the multiplication of a colour with alpha.
  private func divide(_ pixel: UnsafeMutablePointer<UInt8>, by alpha: Int) {
    for channel in 0..<3 where alpha != 255 {
      pixel[channel] = alpha == 0 ? 0 : UInt8(min(255, Int(pixel[channel]) * 255 / alpha))
    }
  }

  /// Makes cyan, magenta and yellow RGB, given black.
  private func blacken(_ pixel: UnsafeMutablePointer<UInt8>, by black: UInt8) {
    let white = Int32(255 - black)
    for channel in 0..<3 {
      let product = white &* Int32(pixel[channel]) &+ 128
      let ink = (product >> 8 &+ product) >> 8
      pixel[channel] = UInt8(truncatingIfNeeded: max(0, white &- ink))
    }
  }

  private mutating func gray(
    _ row: UnsafeRawPointer, _ plane: Int, _ count: Int, _ pixels: UnsafeMutablePointer<UInt8>
  ) {
    guard plane == 0 else { return }
    let samples = layout.isPlanar ? 1 : layout.samples
    for x in 0..<count {
      let gray: UInt8
      switch layout.bits {
      case 1, 2, 4:
        let most = 1 << layout.bits - 1
        gray = UInt8(packed(row, x) * 255 / most) ^ (layout.isInverted ? 255 : 0)
      case 8:
        gray =
          row.load(fromByteOffset: x * samples, as: UInt8.self) ^ (layout.isInverted ? 255 : 0)
      case 12: gray = clip(packed12(row, x))
      case 16:
        let bits = row.loadUnaligned(fromByteOffset: 2 * x * samples, as: UInt16.self)
        gray = clip(layout.number == .signed ? Int(Int16(bitPattern: bits)) : Int(bits))
      default:
        let bits = row.loadUnaligned(fromByteOffset: 4 * x * samples, as: UInt32.self)
        gray =
          layout.number == .float
          ? clip(Float(bitPattern: bits)) : clip(Int(Int32(bitPattern: bits)))
      }
      for channel in 0..<3 { pixels[3 * x + channel] = gray }
    }
  }

  private mutating func clip(_ value: Int) -> UInt8 {
    if value > 255 { clipped = true }
    return UInt8(max(0, min(255, value)))
  }

  private mutating func clip(_ value: Float) -> UInt8 {
    if value >= 256 { clipped = true }
    return value > 0 ? UInt8(min(255, value)) : 0
  }

  /// A sample of 1, 2 or 4 bits, the first in the highest bits.
  private func packed(_ row: UnsafeRawPointer, _ x: Int) -> Int {
    let position = x * layout.bits
    let byte = Int(row.load(fromByteOffset: position >> 3, as: UInt8.self))
    return byte >> (8 - layout.bits - position & 7) & (1 << layout.bits - 1)
  }

  /// A sample of 12 bits.
  private func packed12(_ row: UnsafeRawPointer, _ x: Int) -> Int {
    let first = Int(row.load(fromByteOffset: 3 * x / 2, as: UInt8.self))
    let second = Int(row.load(fromByteOffset: 3 * x / 2 + 1, as: UInt8.self))
    return x % 2 == 0 ? first << 4 | second >> 4 : (first & 15) << 8 | second
  }

  private func indices(
    _ row: UnsafeRawPointer, _ count: Int, _ pixels: UnsafeMutablePointer<UInt8>
  ) {
    let samples = layout.isPlanar ? 1 : layout.samples
    layout.palette.withUnsafeBufferPointer { palette in
      for x in 0..<count {
        let index =
          layout.bits == 8
          ? Int(row.load(fromByteOffset: x * samples, as: UInt8.self)) : packed(row, x)
        for channel in 0..<3 { pixels[3 * x + channel] = palette[3 * index + channel] }
      }
    }
  }

  /// ITU-R BT.601 in 6 fractional bits, truncated as in Pillow's tables.
  private func luma(
    _ row: UnsafeRawPointer, _ count: Int, _ pixels: UnsafeMutablePointer<UInt8>
  ) {
    func scaled(_ factor: Double, _ chroma: Int) -> Int {
      Int(factor * 64 * Double(chroma - 128) + 0.5)
    }
    for x in 0..<count {
      let pixel = row + layout.samples * x
      let y = Int(pixel.load(as: UInt8.self))
      let blue = Int(pixel.load(fromByteOffset: 1, as: UInt8.self))
      let red = Int(pixel.load(fromByteOffset: 2, as: UInt8.self))
      let colors = (
        y + scaled(1.402, red) >> 6,
        y + (scaled(-0.34414, blue) + scaled(-0.71414, red)) >> 6,
        y + scaled(1.772, blue) >> 6
      )
      pixels[3 * x] = UInt8(max(0, min(255, colors.0)))
      pixels[3 * x + 1] = UInt8(max(0, min(255, colors.1)))
      pixels[3 * x + 2] = UInt8(max(0, min(255, colors.2)))
    }
  }
}

extension TIFFLayout {
  /// The number of samples that are read of a pixel: its colours, and alpha if it was multiplied.
  fileprivate var planesOfColor: Int { max(colors, (premultipliedAlpha ?? -1) + 1) }
}
