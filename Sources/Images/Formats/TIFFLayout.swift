/// What the samples of a TIFF mean.
struct TIFFLayout {
  enum Color {
    case gray
    case palette
    case rgb
    case cmyk
    /// Luma and full-resolution chroma.
    case luma
    /// libtiff converts the pixels.
    case converted
  }

  /// How the bits of a sample are to be read.
  enum Number {
    case unsigned
    case signed
    case float
  }

  var color = Color.gray
  var bits: Int
  var samples: Int
  var number = Number.unsigned
  /// Whether 0 is white.
  var isInverted = false
  /// Whether each sample has strips or tiles of its own.
  var isPlanar: Bool
  /// The sample with the alpha that the others are multiplied with.
  var premultipliedAlpha: Int?
  /// Whether the JPEG codec converts YCbCr to RGB.
  var convertsJPEG = false
  /// The colours of indices, three bytes each.
  var palette: [UInt8] = []

  var bitsPerPixel: Int { bits * (isPlanar ? 1 : samples) }
  var planes: Int { isPlanar ? samples : 1 }
  /// The number of samples that make a colour.
  var colors: Int {
    switch color {
    case .gray, .palette: 1
    case .cmyk: 4
    case .rgb, .luma, .converted: 3
    }
  }
  /// The number of planes that are needed; unused samples come last.
  var planesRead: Int { isPlanar ? max(colors, (premultipliedAlpha ?? -1) + 1) : 1 }

  init(_ directory: TIFFDirectory, compression: Int) throws(DecodingFailure) {
    typealias Tag = TIFFDirectory.Tag
    let isOldJPEG = compression == 6
    // Old JPEG files are YCbCr, whatever they say.
    let photometric = isOldJPEG ? 6 : directory.integer(Tag.photometric) ?? 0
    let isJPEG = compression == 7
    samples = directory.integer(Tag.samplesPerPixel) ?? (isOldJPEG ? 3 : 1)
    guard (1...6).contains(samples) else { throw .unsupported("\(samples) samples per pixel") }
    isPlanar = samples > 1 && directory.integer(Tag.planarConfiguration) == 2
    // libtiff would start again from the first strip for each.
    guard !isOldJPEG || !isPlanar else { throw .unsupported("old-style JPEG planes") }
    let depths = directory.integers(Tag.bitsPerSample, limit: samples)
    bits = depths.first ?? (isOldJPEG ? 8 : 1)
    guard depths.allSatisfy({ $0 == bits }) else {
      throw .unsupported("samples of different sizes")
    }
    switch directory.integer(Tag.sampleFormat) ?? 1 {
    case 1, 4: number = .unsigned
    case 2: number = .signed
    case 3: number = .float
    default: throw .unsupported("complex samples")
    }
    switch photometric {
    case 0, 1: color = .gray
    case 2: color = .rgb
    case 3: color = .palette
    case 5: color = .cmyk
    case 6 where samples == 1: color = .gray
    case 6:
      let isFull =
        !directory.contains(Tag.chromaSubsampling)
        || directory.integers(Tag.chromaSubsampling, limit: 2) == [1, 1]
      convertsJPEG = isJPEG && !isPlanar
      color = convertsJPEG ? .rgb : compression == 1 && isFull && !isPlanar ? .luma : .converted
    case 8, 9, 10: throw .unsupported("CIE L*a*b* colours")
    case 32_844, 32_845: throw .unsupported("high dynamic range (LogLuv)")
    default: throw .unsupported("photometric interpretation \(photometric)")
    }

    let allowed =
      switch (color, number) {
      case (.gray, .unsigned): samples == 1 ? [1, 2, 4, 8, 12, 16, 32] : [8, 16]
      case (.gray, .signed): [8, 16, 32]
      case (.gray, .float): [32]
      case (.palette, .unsigned): samples == 1 ? [1, 2, 4, 8] : [8]
      case (.rgb, .unsigned), (.cmyk, .unsigned): [8, 16]
      case (.luma, .unsigned), (.converted, .unsigned): [8]
      default: [] as [Int]
      }
    guard allowed.contains(bits), samples >= colors, !convertsJPEG || samples == 3 else {
      throw .unsupported("\(samples) samples of \(bits) bits with this kind of colour")
    }
    // Pillow inverts whole bytes at most.
    isInverted = photometric == 0 && bits <= 8
    if directory.integer(Tag.extraSamples) == 1, samples > colors, color != .palette,
      color != .cmyk
    {
      premultipliedAlpha = colors
    }
    if color == .palette {
      let count = 1 << bits
      guard directory.count(Tag.colorMap) == 3 * count else {
        throw .malformed("its palette does not have \(count) colours")
      }
      palette = (0..<count).flatMap { index in
        (0..<3).map {
          UInt8((directory.integer(Tag.colorMap, at: $0 * count + index) ?? 0) >> 8 & 255)
        }
      }
    }
  }
}
