import CNNZoo
import TestSupport
import Foundation
import Testing

/// No file below 1 MB makes the command use more than 1 GiB of memory or 10 s of processor time.
///
/// Each runs with exactly that much address space and time, one after another, so that the machine
/// needs memory for only one.
@Suite(
  .serialized,
  .enabled(if: Tool.bearsAddressLimits, "a sanitizer needs more addresses than the limit leaves"))
struct BombTests {
  private let folder: String

  init() throws {
    folder = try TestFiles.folder()
  }

  /// Runs the command within the bounds; the file is `$1`, the weights are `$2`.
  private func run(_ bytes: [UInt8], _ command: String) throws -> Tool.Outcome {
    #expect(bytes.count < 1_000_000)
    let path = "\(folder)/bomb"
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return try Tool.shell(
      "ulimit -v 1048576; ulimit -t 10; exec $cnnzoo \(command)",
      [path, try TestFiles.weights.get(), folder])
  }

  private func classify(_ bytes: [UInt8]) throws -> Tool.Outcome {
    try run(
      bytes, #"classify "$1" --model mobilenetv3-small --weights "$2" --threads 1 --format csv"#)
  }

  /// An image and the command's message about it; empty if it is answered.
  struct HostileImage: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let reason: String?
    /// What the message says before that.
    let kind: String
    /// The format whose library is needed, if there is one.
    let format: ImageFormat?
    let bytes: @Sendable () -> [UInt8]

    init(
      _ name: String, refused reason: String? = nil, as kind: String = "over a limit",
      needs format: ImageFormat? = nil,
      bytes: @escaping @Sendable () -> [UInt8]
    ) {
      testDescription = name
      self.reason = reason
      self.kind = kind
      self.format = format
      self.bytes = bytes
    }
  }

  static let hostileImages = [
    HostileImage("PNG of the most pixels") {
      Bomb.png(width: 13_377, height: 13_377, depth: 8, color: 2)
    },
    HostileImage("interlaced PNG of the most pixels") {
      Bomb.png(width: 13_377, height: 13_377, depth: 8, color: 2, interlaced: true)
    },
    HostileImage("interlaced PNG of 8 bytes per pixel") {
      Bomb.png(width: 11_000, height: 11_000, depth: 16, color: 6, interlaced: true)
    },
    HostileImage("interlaced PNG of bits") {
      Bomb.png(width: 13_377, height: 13_377, depth: 1, color: 0, interlaced: true)
    },
    HostileImage("PNG, one pixel high") { Bomb.png(width: 65_535, height: 1, depth: 8, color: 2) },
    HostileImage("PNG, one pixel wide") { Bomb.png(width: 1, height: 65_535, depth: 8, color: 2) },
    HostileImage("PNG above the pixels", refused: "exceeds the limit of 178956970 pixels") {
      Bomb.png(width: 13_400, height: 13_400, depth: 8, color: 2)
    },
    HostileImage("PNG with 80 000 empty IDAT") { Bomb.png(repeating: "IDAT", [], count: 80_000) },
    HostileImage("PNG with 80 000 empty chunks") { Bomb.png(repeating: "teXt", [], count: 80_000) },
    HostileImage("PNG with a text of 800 MB") {
      Bomb.png(repeating: "zTXt", [0x61, 0, 0] + Bomb.deflatedZeros(800 << 20), count: 1)
    },
    HostileImage("PNG with 800 MB after the pixels") {
      let whole = Bomb.png(width: 1, height: 1, depth: 8, color: 2)
      return whole[..<33] + Bomb.chunk("IDAT", Bomb.deflatedZeros(800 << 20)) + whole.suffix(12)
    },
    HostileImage("gray JPEG of the most pixels") {
      Bomb.jpeg(
        width: 13_370, height: 13_370, components: 1, frame: 0xC0,
        scans: [Bomb.sequentialScan(components: 1, blocks: 1672 * 1672)])
    },
    HostileImage("JPEG to be turned", refused: "takes 881 MiB, the limit is 768 MiB") {
      Bomb.jpeg(
        width: 12_390, height: 12_390, components: 1, frame: 0xC0,
        before: Bomb.exif(orientation: 6),
        scans: [Bomb.sequentialScan(components: 1, blocks: 1549 * 1549)])
    },
    HostileImage("JPEG that can just be turned") {
      Bomb.jpeg(
        width: 11_500, height: 11_500, components: 1, frame: 0xC0,
        before: Bomb.exif(orientation: 6),
        scans: [Bomb.sequentialScan(components: 1, blocks: 1438 * 1438)])
    },
    HostileImage("JPEG whose half turn needs no room") {
      Bomb.jpeg(
        width: 13_370, height: 13_370, components: 1, frame: 0xC0,
        before: Bomb.exif(orientation: 3),
        scans: [Bomb.sequentialScan(components: 1, blocks: 1672 * 1672)])
    },
    HostileImage("progressive JPEG", refused: "takes 897 MiB, the limit is 768 MiB") {
      Bomb.progressiveJPEG(side: 10_200, components: 3, laterScans: 0)
    },
    HostileImage("progressive JPEG that just fits") {
      Bomb.progressiveJPEG(side: 9400, components: 3, laterScans: 20)
    },
    HostileImage("JPEG of 90 scans", refused: "its first 28 scans visit") {
      Bomb.progressiveJPEG(side: 12_600, components: 1, laterScans: 90)
    },
    HostileImage("JPEG of 27 scans") {
      Bomb.progressiveJPEG(side: 12_600, components: 1, laterScans: 26)
    },
    HostileImage("arithmetic JPEG of no data") {
      Bomb.jpeg(
        width: 9000, height: 9000, components: 3, frame: 0xC9,
        scans: [Bomb.Scan(components: [1, 2, 3], band: (0, 63), bits: (0, 0), data: [])])
    },
    HostileImage("arithmetic JPEG of many scans", refused: "its first 5 scans visit") {
      Bomb.jpeg(
        width: 9000, height: 9000, components: 3, frame: 0xCA,
        scans: [Bomb.Scan(components: [1, 2, 3], band: (0, 0), bits: (0, 0), data: [])]
          + (0..<60).map { index in
            Bomb.Scan(components: [UInt8(index % 3 + 1)], band: (1, 63), bits: (0, 0), data: [])
          })
    },
    HostileImage("JPEG of 240 000 empty comments") {
      Bomb.jpeg(
        width: 8, height: 8, components: 1, frame: 0xC0,
        before: (0..<240_000).flatMap { _ in Bomb.segment(0xFE, []) },
        scans: [Bomb.sequentialScan(components: 1, blocks: 1)])
    },
    HostileImage("JPEG of 450 000 restart markers") {
      var scan = Bomb.sequentialScan(components: 1, blocks: 1)
      scan.data += (0..<450_000).flatMap { [0xFF, 0xD0 + UInt8($0 % 8)] as [UInt8] }
      return Bomb.jpeg(width: 8, height: 8, components: 1, frame: 0xC0, scans: [scan])
    },
    HostileImage("JPEG of 900 000 fill bytes") {
      Bomb.jpeg(
        width: 8, height: 8, components: 1, frame: 0xC0,
        before: Array(repeating: 0xFF, count: 900_000),
        scans: [Bomb.sequentialScan(components: 1, blocks: 1)])
    },
    HostileImage("lossless WebP that just fits") { Bomb.webp(width: 10_000, height: 10_000) },
    HostileImage("lossless WebP", refused: "takes 1256 MiB, the limit is 768 MiB") {
      Bomb.webp(width: 16_383, height: 10_000)
    },
    HostileImage("lossless WebP of 65 536 codes", refused: "takes 1816 MiB, the limit is 768 MiB") {
      Bomb.webpOfManyCodes()
    },
    HostileImage("plain bitmap") {
      Array("P1 990 1000 ".utf8) + Array(repeating: 0x30, count: 990_000)
    },
    HostileImage("bitmap") { Array("P4 2800 2800 ".utf8) + Array(repeating: 0, count: 350 * 2800) },
    HostileImage("BMP of the most pixels") { Bomb.bmp(side: 13_377) },
    HostileImage("GIF of the most pixels", needs: .gif) { Bomb.gif(side: 13_377) },
    HostileImage("BMP of half bytes") { Bomb.bmp(side: 13_377, nibbles: true) },
    HostileImage("BMP of 490 000 runs of one pixel") { Bomb.bmp(width: 490, height: 1000) },
    HostileImage("GIF of 60 000 frames", needs: .gif) { Bomb.gifOfManyFrames(60_000) },
    HostileImage("GIF of one pixel on the largest screen", needs: .gif) {
      Bomb.gif(side: 1, screen: 13_377)
    },
    HostileImage("GIF of 240 000 empty extensions", needs: .gif) {
      let image = Bomb.gif(side: 1)
      return image[..<13] + (0..<240_000).flatMap { _ in [0x21, 0xFE, 0] as [UInt8] } + image[13...]
    },
    HostileImage("GIF of a large screen", refused: "exceeds the limit of 178956970 pixels") {
      Array("GIF89a".utf8) + [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0x2C, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2]
    },
    HostileImage("deflated TIFF of 16 bits", needs: .tiff) {
      Bomb.tiff(
        side: 13_377, bits: 16, samples: 4, photometric: 2, compression: 8, rows: 64,
        data: Bomb.deflatedZeros(64 * 13_377 * 8))
    },
    HostileImage("deflated TIFF in one strip", refused: "the limit is 768 MiB") {
      Bomb.tiff(
        side: 13_377, bits: 16, samples: 4, photometric: 2, compression: 8, rows: 13_377,
        data: Bomb.deflatedZeros(1 << 20))
    },
    HostileImage("LZW TIFF of 16 bits", needs: .tiff) {
      Bomb.tiff(
        side: 13_377, bits: 16, samples: 4, photometric: 2, compression: 5, rows: 64,
        data: Bomb.tiffLZWZeros(64 * 13_377 * 8))
    },
    HostileImage("TIFF of 44 000 tiles", needs: .tiff) {
      Bomb.tiff(
        side: 13_377, bits: 8, samples: 3, photometric: 2, compression: 8, rows: 64, tileSide: 64,
        data: Bomb.deflatedZeros(64 * 64 * 3))
    },
    HostileImage("TIFF of fax lines", needs: .tiff) {
      // Each line is like the one above it: one bit.
      Bomb.tiff(
        side: 13_377, bits: 1, samples: 1, photometric: 0, compression: 4, rows: 13_377,
        data: [UInt8](repeating: 0xFF, count: 13_377 / 8 + 1))
    },
    HostileImage("TIFF of tiles that are too large", refused: "more than twice the limit") {
      Bomb.tiff(
        side: 2, bits: 8, samples: 1, photometric: 1, compression: 8, rows: 1, tileSide: 1 << 20,
        data: Bomb.deflatedZeros(1 << 20))
    },
    HostileImage("TIFF of 65 535 strips", needs: .tiff) {
      Bomb.tiff(
        side: 65_535, height: 65_535, width: 64, bits: 8, samples: 1, photometric: 1,
        compression: 8,
        rows: 1, data: Bomb.deflatedZeros(64))
    },
    HostileImage("TIFF of strips that overlap", refused: "its strips overlap", as: "damaged") {
      // libtiff copies them to turn their bits around.
      Bomb.tiff(
        side: 65_535, height: 65_535, width: 64, bits: 8, samples: 1, photometric: 1,
        compression: 8,
        rows: 1, fields: [(266, 3, 1, 2)],
        data: Bomb.deflatedZeros(64) + [UInt8](repeating: 0, count: 400_000))
    },
    HostileImage("TIFF of fields that overlap", refused: "its fields overlap", as: "damaged") {
      Bomb.tiff(
        side: 8, bits: 8, samples: 1, photometric: 1, compression: 8, rows: 8,
        fields: (0..<4000).map { (40_000 + $0, 7, 400_000, 8) },
        data: Bomb.deflatedZeros(64) + [UInt8](repeating: 0, count: 400_000))
    },
    HostileImage("TIFF of 4000 fields", needs: .tiff) {
      Bomb.tiff(
        side: 8, bits: 8, samples: 1, photometric: 1, compression: 8, rows: 8,
        fields: (0..<4000).map { (40_000 + $0, 4, 1, 8) }, data: Bomb.deflatedZeros(64))
    },
    HostileImage("PackBits TIFF in one strip", needs: .tiff) {
      Bomb.tiff(
        side: 11_000, bits: 1, samples: 1, photometric: 1, compression: 32_773, rows: 11_000,
        data: (0..<1375 * 11_000 / 128 + 1).flatMap { _ in [0x81, 0] as [UInt8] })
    },
    HostileImage("JBIG TIFF of the most pixels", needs: .tiff) {
      Bomb.tiff(
        side: 13_377, bits: 1, samples: 1, photometric: 0, compression: 34_661, rows: 13_377,
        data: Bomb.jbig(side: 13_377, planes: 1))
    },
    HostileImage("JBIG TIFF of 128 planes", refused: "JBIG data of another size", as: "damaged") {
      Bomb.tiff(
        side: 13_377, bits: 1, samples: 1, photometric: 0, compression: 34_661, rows: 13_377,
        data: Bomb.jbig(side: 13_377, planes: 128))
    },
    HostileImage("LZMA TIFF with a dictionary of 3 GiB", refused: "the limit is 768 MiB") {
      Bomb.tiff(
        side: 8, bits: 8, samples: 1, photometric: 1, compression: 34_925, rows: 8,
        data: Array("\u{FD}7zXZ".unicodeScalars.map { UInt8($0.value) })
          + [0, 0, 0, 0, 0, 0, 0, 2, 0, 0x21, 1, 39, 0, 0, 0, 0, 0, 0, 0, 0])
    },
    HostileImage("TIFF of 44 000 JPEG tiles", needs: .tiff) {
      Bomb.tiff(
        side: 13_377, bits: 8, samples: 3, photometric: 6, compression: 7, rows: 64, tileSide: 64,
        data: Bomb.jpeg(
          width: 64, height: 64, components: 3, frame: 0xC0,
          scans: [Bomb.sequentialScan(components: 3, blocks: 64)]))
    },
    HostileImage("TIFF of a JPEG of 90 scans", refused: "its first 28 scans visit") {
      Bomb.tiff(
        side: 12_600, bits: 8, samples: 1, photometric: 1, compression: 7, rows: 12_600,
        data: Bomb.progressiveJPEG(side: 12_600, components: 1, laterScans: 90))
    },
    HostileImage("TIFF of old JPEG planes", refused: "old-style JPEG planes", as: "unsupported") {
      Bomb.tiff(
        side: 8, bits: 8, samples: 3, photometric: 6, compression: 6, rows: 1,
        fields: [(284, 3, 1, 2)], data: [0xFF, 0xD8])
    },
    HostileImage("HEIC of the most pixels", needs: .heic) { Bomb.heic(side: 6320) },
    HostileImage("HEIC of 16 slices", refused: "may take more than 8 s of processor time") {
      Bomb.heic(side: 4000, slices: 16)
    },
    HostileImage("HEIC of 45 000 slices", refused: "may take more than 8 s of processor time") {
      Bomb.heic(side: 64, slices: 45_000)
    },
    HostileImage("HEIC of 100 parameter sets", refused: "more than 32", as: "unsupported") {
      Bomb.heic(side: 6320, pictureSets: 100)
    },
    HostileImage("HEIC of 200 turns", refused: "200 turns and crops", as: "unsupported") {
      Bomb.heic(side: 6320, turns: 200)
    },
    HostileImage("HEIC with 1000 copies of its metadata", needs: .heic) {
      var text = Bomb.HEIFItem(
        type: "Exif", data: [UInt8](repeating: 0, count: 900_000), properties: [])
      var others = [text]
      text.isCopy = true
      others += [Bomb.HEIFItem](repeating: text, count: 999)
      return Bomb.heic(
        side: 64, others: others, references: (2...1001).map { ("cdsc", $0, [1]) })
    },
    HostileImage("HEIC with 12 000 images", needs: .heic) {
      let image = Bomb.HEIFItem(type: "hvc1", data: [], properties: [0x81, 2], isCopy: true)
      return Bomb.heic(side: 64, others: [Bomb.HEIFItem](repeating: image, count: 12_000))
    },
    HostileImage("HEIC with an alpha of 144 megapixels", needs: .heic) {
      let alpha = Bomb.HEIFItem(
        type: "hvc1", data: Bomb.hevc(width: 12_000, height: 12_000).data,
        properties: [0x84, 5, 0x86])
      return Bomb.heic(side: 64, others: [alpha], references: [("auxl", 2, [1])])
    },
    HostileImage("HEIC of 1600 tiles", needs: .heic) { Bomb.heicGrid(tiles: 40, side: 64) },
    HostileImage("HEIC of 10 000 tiles", refused: "may take more than 8 s of processor time") {
      Bomb.heicGrid(tiles: 100, side: 64)
    },
    HostileImage("HEIC of tiles with a large configuration", refused: "decoded more than once") {
      Bomb.heicGrid(tiles: 40, side: 64, configuration: 300_000)
    },
    HostileImage("AVIF of 62 megapixels", needs: .avif) { Bomb.avif(frames: 1) },
    HostileImage("AVIF of four frames", refused: "may take more than 8 s of processor time") {
      Bomb.avif(frames: 4)
    },
    HostileImage("PNG with 100 packed profiles") {
      let text = Array("Raw profile type exif".utf8) + [0, 0] + Bomb.deflatedZeros(1 << 20)
      return Bomb.png(repeating: "zTXt", text, count: 100)
    },
    HostileImage("PNM of comments") {
      Array("P6 ".utf8) + (0..<490_000).flatMap { _ in Array("#\n".utf8) } + "1 1 255 abc".utf8
    },
  ]

  @Test(arguments: hostileImages)
  func hostileImage(_ image: HostileImage) throws {
    let outcome = try classify(image.bytes())
    if let format = image.format, format.missingLibrary != nil {
      #expect(outcome.status == 69, "\(outcome.errors)")
    } else if let reason = image.reason {
      #expect(outcome.status == 65, "\(outcome.errors)")
      #expect(outcome.errors.contains(reason), "\(outcome.errors)")
      #expect(outcome.errors.contains(image.kind), "\(outcome.errors)")
    } else {
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.lines.count == 6)
    }
  }

  /// A weight file contains its preprocessing, and the network's memory grows with the crop's
  /// square.
  @Test func preprocessingOfHugeInputs() throws {
    let source = try WeightFile(path: try TestFiles.weights.get())
    var metadata = source.metadata
    for (key, value) in [
      "resize": "8192", "crop": "8192", "interpolation": "bilinear", "mean": "0,0,0",
      "standard_deviation": "1,1,1",
    ] { metadata["preprocessing.\(key)"] = value }
    var writer = SafetensorsWriter(metadata: metadata)
    for tensor in source.tensors {
      writer.append(name: tensor.name, shape: tensor.shape, values: try tensor.floats())
    }
    let path = "\(folder)/huge.safetensors"
    try writer.write(to: path)
    let outcome = try run(
      [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))),
      #"classify "$1" --model mobilenetv3-small --weights "$1""#)
    #expect(outcome.status == 76)
    #expect(outcome.errors.contains("preprocessing.crop"))
    #expect(outcome.errors.contains("1...2048"))
  }

  @Test func tensorOfManyImages() throws {
    let path = "\(folder)/many.npy"
    try NPYArray(shape: [80_000, 3, 1, 1], values: Array(repeating: 0, count: 240_000))
      .write(to: path)
    let outcome = try run(
      [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))),
      #"infer mobilenetv3-small --weights "$2" --input "$1" --output "$3/out.safetensors""#)
    #expect(outcome.status == 65)
    #expect(outcome.errors.contains("has 80000 images; the limit is 4096"))
  }

  @Test(arguments: [
    #"{"a":"#, #"{"__metadata__":{"a":"#, "[",
  ])
  func deepHeader(piece: String) throws {
    let text = Array(String(repeating: piece, count: 900_000 / piece.utf8.count).utf8)
    let header = (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) } + text
    let outcome = try run(
      header, #"classify "$1" --model mobilenetv3-small --weights "$1""#)
    #expect(outcome.status == 76, "\(outcome.errors)")
  }

  /// Thousands of dictionaries with a tensor each, inside each other and beside each other.
  @Test(arguments: [false, true])
  func checkpointOfManyDictionaries(isDeep: Bool) throws {
    var value = TorchValue.dictionary([])
    let tensor = TorchValue.tensor(shape: [1], values: [0])
    if isDeep {
      for _ in 0..<200 {
        value = .dictionary([("features.0.0.weight", tensor), ("state_dict", value)])
      }
    } else {
      value = .list((0..<2000).map { _ in .dictionary([("features.0.0.weight", tensor)]) })
    }
    let path = "\(folder)/many.pth"
    try TorchCheckpoint(value).write(to: path)
    let outcome = try run(
      [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))),
      #"classify "$1" --model mobilenetv3-small --weights "$1""#)
    #expect(outcome.status == 76, "\(outcome.errors)")
  }

  @Test func headerOfManyTensors() throws {
    let entries = (0..<15_000).map { #""\#($0)":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}"# }
    let text = Array("{\(entries.joined(separator: ","))}".utf8)
    let header = (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) } + text
    let outcome = try run(
      header, #"classify "$1" --model mobilenetv3-small --weights "$1""#)
    #expect(outcome.status == 76, "\(outcome.errors)")
    #expect(outcome.errors.utf8.count < 10_000)
  }
}
