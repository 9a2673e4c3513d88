/// A format that is recognised only to name it in an error.
struct UnsupportedFormat {
  /// The name for messages, such as `camera raw (Nikon NEF)`.
  let name: String

  init(_ name: String) {
    self.name = name
  }

  /// Detects the format from a file's first bytes alone.
  ///
  /// Most camera raw files begin like TIFF; `TIFFDirectory.cameraRaw` recognises those.
  init?(magic bytes: UnsafeRawBufferPointer) {
    func isBrand(_ brand: StaticString) -> Bool {
      bytes.slice(at: 4, count: 4)?.begins(with: "ftyp") == true
        && bytes.slice(at: 8, count: brand.utf8CodeUnitCount)?.begins(with: brand) == true
    }
    if bytes.begins(with: "FUJIFILMCCD-RAW") {
      name = "camera raw (Fujifilm RAF)"
    } else if bytes.begins(with: "IIRO") || bytes.begins(with: "IIRS")
      || bytes.begins(with: "MMOR")
    {
      name = "camera raw (Olympus ORF)"
    } else if bytes.begins(with: "IIU\0") {
      name = "camera raw (Panasonic RW2)"
    } else if bytes.begins(with: "\0MRM") {
      name = "camera raw (Minolta MRW)"
    } else if bytes.begins(with: "FOVb") {
      name = "camera raw (Sigma X3F)"
    } else if bytes.slice(at: 6, count: 8)?.begins(with: "HEAPCCDR") == true {
      name = "camera raw (Canon CRW)"
    } else if isBrand("crx ") {
      name = "camera raw (Canon CR3)"
    } else if bytes.count >= 3, bytes.begins(with: "PF") || bytes.begins(with: "Pf"),
      bytes[2].isPNMWhitespace
    {
      name = "PFM (floating-point pixels)"
    } else if bytes.slice(at: 4, count: 8)?.begins(with: "JXL \r\n") == true
      || bytes.byte(at: 0) == 0xFF && bytes.byte(at: 1) == 0x0A
    {
      name = "JPEG XL"
    } else if bytes.slice(at: 4, count: 6)?.begins(with: "jP  \r\n") == true {
      name = "JPEG 2000"
    } else if bytes.begins(with: "8BPS") {
      name = "Photoshop (PSD)"
    } else {
      return nil
    }
  }
}
