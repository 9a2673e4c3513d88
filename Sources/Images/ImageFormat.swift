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

  /// The number of leading bytes that ``init(magic:)`` examines.
  package static let magicLength = 12

  /// The usual extensions of image files, in lower case, including those of unsupported formats.
  package static let fileExtensions: Set<String> = [
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "pbm", "pgm", "ppm", "pnm", "pam", "bmp", "gif",
    "tif", "tiff", "heic", "heif", "avif",
  ]

  /// Detects the format from a file's first bytes alone; `nil` if they match none.
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
    } else {
      return nil
    }
  }
}

extension ImageFormat: CustomStringConvertible {
  /// The usual name: `PNM`, `JPEG`, `PNG` or `WebP`.
  public var description: String {
    switch self {
    case .pnm: return "PNM"
    case .jpeg: return "JPEG"
    case .png: return "PNG"
    case .webp: return "WebP"
    }
  }
}

extension UInt8 {
  /// Whether netpbm counts this byte as whitespace: space, TAB, LF, VT, FF or CR.
  var isPNMWhitespace: Bool { self == 0x20 || (0x09...0x0D).contains(self) }
}
