struct HEIFBrands {
  var isAVIF: Bool
  init?(magic bytes: UnsafeRawBufferPointer) { return nil }
}
struct HEIFHeader: ImageHeader {
  init(_ bytes: UnsafeRawBufferPointer, limits: DecodingLimits) throws(DecodingFailure) {
    throw .unsupported("")
  }
  var width: Int { 1 }
  var height: Int { 1 }
  var orientation: Orientation { .upright }
  var codecBytes: Int { 0 }
  func decode(_ bytes: UnsafeRawBufferPointer) throws(DecodingFailure) -> Image {
    throw .unsupported("")
  }
}
