import CImageLibraries

/// A supported image format.
public enum ImageFormat: Equatable, Hashable, Sendable, CaseIterable {
  /// Netpbm's PBM, PGM, PPM (plain and raw) and PAM: magic `P1` to `P7`.
  case pnm
  /// JPEG (ITU-T T.81), Huffman or arithmetic coded, 8 bits per sample.
  case jpeg
  /// PNG (ISO/IEC 15948).
  case png
  /// WebP, lossy or lossless.
  case webp
  /// Windows and OS/2 bitmaps.
  case bmp
  /// GIF; the first frame. Decoded by giflib.
  case gif
  /// TIFF and BigTIFF; the first page. Decoded by libtiff.
  case tiff
  /// HEIF with HEVC: the photos of phones. Decoded by libheif.
  case heic
  /// HEIF with AV1. Decoded by libheif.
  case avif

  /// The number of leading bytes that ``init(magic:)`` examines.
  package static let magicLength = 64

  /// The usual extensions of image files, in lower case, including those of unsupported formats.
  package static let fileExtensions: Set<String> = [
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "pbm", "pgm", "ppm", "pnm", "pam", "bmp", "dib",
    "gif", "tif", "tiff", "heic", "heif", "hif", "avif",
    // Unsupported, but images: skipping them silently would hide them.
    "dng", "nef", "cr2", "cr3", "arw", "raf", "orf", "rw2", "pef", "srw", "pfm", "jxl", "jp2",
  ]

  /// Detects the format from a file's first bytes alone; `nil` if they match none.
  ///
  /// Camera raw files begin like TIFF.
  public init?(magic bytes: UnsafeRawBufferPointer) {
    if bytes.count >= 3, bytes[0] == 0xFF, bytes[1] == 0xD8, bytes[2] == 0xFF {
      self = .jpeg
    } else if bytes.byte(at: 0) == 0x89,
      bytes.slice(at: 1, count: 7)?.begins(with: "PNG\r\n\u{1A}\n") == true
    {
      self = .png
    } else if bytes.begins(with: "RIFF"),
      bytes.slice(at: 8, count: 4)?.begins(with: "WEBP") == true
    {
      self = .webp
    } else if bytes.count >= 3, bytes[0] == UInt8(ascii: "P"),
      (UInt8(ascii: "1")...UInt8(ascii: "7")).contains(bytes[1]),
      bytes[2].isPNMWhitespace
    {
      self = .pnm
    } else if bytes.begins(with: "GIF87a") || bytes.begins(with: "GIF89a") {
      self = .gif
    } else if bytes.begins(with: "BM"),
      // Two letters alone would make many texts images.
      let header = bytes.littleEndian(UInt32.self, at: 14),
      BMPHeader.headerSizes.contains(header)
    {
      self = .bmp
    } else if TIFFByteOrder(magic: bytes) != nil {
      self = .tiff
    } else if let brands = HEIFBrands(magic: bytes) {
      self = brands.isAVIF ? .avif : .heic
    } else {
      return nil
    }
  }

  /// Why this format cannot be decoded, if its library or a plug-in is missing; `nil` if it can.
  package var missingLibrary: String? {
    switch self {
    case .pnm, .jpeg, .png, .webp, .bmp: nil
    case .gif: cgif_load().map { String(cString: $0) }
    case .tiff: ctiff_load().map { String(cString: $0) }
    case .heic, .avif:
      if let reason = cheif_load() {
        String(cString: reason)
      } else if cheif_has_decoder(self == .avif ? 1 : 0) != 0 {
        nil
      } else if self == .avif {
        "the installed libheif has no AV1 decoder (Debian: libheif-plugin-dav1d)"
      } else {
        "the installed libheif has no HEVC decoder (Debian: libheif-plugin-libde265)"
      }
    }
  }

  /// Whether a file that begins like this is an image, supported or not.
  package static func recognizes(_ bytes: UnsafeRawBufferPointer) -> Bool {
    ImageFormat(magic: bytes) != nil || UnsupportedFormat(magic: bytes) != nil
  }
}

extension ImageFormat: CustomStringConvertible {
  /// The usual name, such as `JPEG`.
  public var description: String {
    switch self {
    case .pnm: return "PNM"
    case .jpeg: return "JPEG"
    case .png: return "PNG"
    case .webp: return "WebP"
    case .bmp: return "BMP"
    case .gif: return "GIF"
    case .tiff: return "TIFF"
    case .heic: return "HEIC"
    case .avif: return "AVIF"
    }
  }
}

extension UInt8 {
  /// Whether netpbm counts this byte as whitespace: space, TAB, LF, VT, FF or CR.
  var isPNMWhitespace: Bool { self == 0x20 || (0x09...0x0D).contains(self) }
}
