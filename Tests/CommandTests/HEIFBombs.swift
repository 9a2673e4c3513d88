import Foundation

/// Small HEIC and AVIF files that require a lot of memory or work.
extension Bomb {
  private static func big(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * (count - 1 - $0))) }
  }

  // MARK: Boxes

  /// One item of a HEIF file.
  struct HEIFItem {
    var type: String
    var data: [UInt8]
    /// The numbers of its properties, from 1.
    var properties: [UInt8]
    /// Whether its bytes are those of the item before it.
    var isCopy = false
  }

  static func box(_ type: String, _ content: [UInt8]) -> [UInt8] {
    big(content.count + 8, 4) + type.utf8 + content
  }

  static func imageSize(_ width: Int, _ height: Int) -> [UInt8] {
    box("ispe", [0, 0, 0, 0] + big(width, 4) + big(height, 4))
  }

  /// A HEIF file whose first item is the primary image.
  ///
  /// - Parameter references: The type of each, and the numbers of the items from which and to which it
  ///   leads.
  static func heif(
    _ brand: String, _ items: [HEIFItem], properties: [[UInt8]],
    references: [(type: String, from: Int, to: [Int])] = []
  ) -> [UInt8] {
    let count = big(items.count, 2)
    let entries = items.enumerated().flatMap { index, item in
      box("infe", [2, 0, 0, 0] + big(index + 1, 2) + [0, 0] + item.type.utf8 + [0])
    }
    let uses = items.enumerated().flatMap { index, item in
      big(index + 1, 2) + [UInt8(item.properties.count)] + item.properties
    }
    let links: [UInt8] = references.flatMap { reference in
      box(
        reference.type,
        big(reference.from, 2) + big(reference.to.count, 2) + reference.to.flatMap { big($0, 2) })
    }
    func meta(_ start: Int) -> [UInt8] {
      var (end, length) = (start, 0)
      let places = items.enumerated().flatMap { index, item in
        if !item.isCopy { (end, length) = (end + item.data.count, item.data.count) }
        return big(index + 1, 2) + [0, 0, 0, 1] + big(end - length, 4) + big(length, 4)
      }
      var content: [UInt8] = [0, 0, 0, 0]
      content += box("hdlr", big(0, 8) + "pict".utf8 + big(0, 13))
      content += box("pitm", [0, 0, 0, 0, 0, 1])
      content += box("iinf", [0, 0, 0, 0] + count + entries)
      content += box("iloc", [0, 0, 0, 0, 0x44, 0] + count + places)
      content += box(
        "iprp",
        box("ipco", properties.flatMap { $0 })
          + box("ipma", [0, 0, 0, 0] + big(items.count, 4) + uses))
      if !links.isEmpty { content += box("iref", [0, 0, 0, 0] + links) }
      return box("meta", content)
    }
    let type = box("ftyp", brand.utf8 + [0, 0, 0, 0] + "mif1".utf8 + brand.utf8)
    let start = type.count + meta(0).count + 8
    let data = items.flatMap { $0.isCopy ? [] : $0.data }
    return type + meta(start) + box("mdat", data)
  }

  // MARK: HEVC

  /// An HEVC image as an item's data and its configuration, of little more than headers.
  ///
  /// The arithmetic code goes on with zeros after its end, which stand for the smallest blocks with
  /// the most coefficients.
  static func hevc(
    width: Int, height: Int, slices: Int = 1, pictureSets: Int = 1, configuration extra: Int = 0
  ) -> (data: [UInt8], configuration: [UInt8]) {
    var profile = BitWriter(leastFirst: false)
    profile.put(1, 8)
    for value in [0x60000000, 0x9000_0000, 0] { profile.put(value, 32) }
    let level = Array(profile.bytes[..<11]) + [186]

    var video = BitWriter(leastFirst: false)
    video.put(0b0000_11_000000_000_1, 16)
    video.put(0xFFFF, 16)
    for byte in level { video.put(Int(byte), 8) }
    video.put(0b1_1_1_1_000000_1_0_0, 13)

    var sequence = BitWriter(leastFirst: false)
    sequence.put(0b0000_000_1, 8)
    for byte in level { sequence.put(Int(byte), 8) }
    for value in [0, 1, width, height] { sequence.putGolomb(value) }
    sequence.put(0, 1)
    for _ in 0..<3 { sequence.putGolomb(0) }
    sequence.put(1, 1)
    // No reordering; blocks of 8 to 64 and transforms of 4 to 32 pixels.
    for value in [0, 0, 0, 0, 3, 0, 3, 0, 0] { sequence.putGolomb(value) }
    sequence.put(0b0_0_1_0, 4)
    sequence.putGolomb(0)
    sequence.put(0b0_0_1_0_0, 5)

    var parameters = BitWriter(leastFirst: false)
    parameters.putGolomb(0)
    parameters.putGolomb(0)
    parameters.put(0b0_0_000_0_0, 7)
    for value in [0, 0, 52] { parameters.putGolomb(value) }  // 52: a quantiser of 0
    parameters.put(0b0_0_0, 3)
    parameters.putGolomb(0)
    parameters.putGolomb(0)
    parameters.put(0b0_0_0_0_0_0_1_0_0_0, 10)
    parameters.putGolomb(0)
    parameters.put(0, 2)

    let sets = [(32, video), (33, sequence), (34, parameters)].map { unit($0.0, $0.1.ended) }
    let blocks = ((width + 63) / 64) * ((height + 63) / 64)
    var addressBits = 0
    while 1 << addressBits < blocks { addressBits += 1 }
    var data: [UInt8] = []
    for _ in 1..<pictureSets { data += big(sets[2].count, 4) + sets[2] }
    for slice in 0..<slices {
      var header = BitWriter(leastFirst: false)
      header.put(slice == 0 ? 1 : 0, 1)
      header.put(0, 1)
      header.putGolomb(0)
      if slice > 0 { header.put(1, addressBits) }
      header.putGolomb(2)
      header.put(0b1_1_1_1, 4)
      let coded = unit(19, header.ended + big(0, 9))
      data += big(coded.count, 4) + coded
    }
    var units = sets
    // Units that decoders pass over.
    for start in stride(from: 0, to: extra, by: 60_000) {
      units.append(unit(39, [UInt8](repeating: 1, count: min(60_000, extra - start))))
    }
    let configuration =
      [1] + level + [0xF0, 0, 0xFC, 0xFD, 0xF8, 0xF8, 0, 0, 0x0F, UInt8(units.count)]
      + units.flatMap { [0x80 | $0[0] >> 1, 0, 1] + big($0.count, 2) + $0 }
    return (data, box("hvcC", configuration))
  }

  /// A unit of an HEVC stream: a 3 separates two zeros from a small byte.
  private static func unit(_ type: Int, _ content: [UInt8]) -> [UInt8] {
    var bytes = [UInt8(type << 1), 1]
    var zeros = 0
    for byte in content {
      if zeros >= 2, byte <= 3 {
        bytes.append(3)
        zeros = 0
      }
      bytes.append(byte)
      zeros = byte == 0 ? zeros + 1 : 0
    }
    return bytes
  }

  /// A HEIC file of one image, with other items beside it.
  static func heic(
    side: Int, slices: Int = 1, pictureSets: Int = 1, turns: Int = 0, others: [HEIFItem] = [],
    references: [(type: String, from: Int, to: [Int])] = []
  ) -> [UInt8] {
    let coded = hevc(width: side, height: side, slices: slices, pictureSets: pictureSets)
    let large = hevc(width: 12_000, height: 12_000)
    let own: [UInt8] = [0x81, 2] + [UInt8](repeating: 0x83, count: turns)
    return heif(
      "heic", [HEIFItem(type: "hvc1", data: coded.data, properties: own)] + others,
      properties: [
        coded.configuration, imageSize(side, side), box("irot", [1]), large.configuration,
        imageSize(12_000, 12_000), box("auxC", big(0, 4) + "urn:mpeg:hevc:2015:auxid:1\0".utf8),
      ],
      references: references)
  }

  /// A HEIC file that is a square of square tiles.
  static func heicGrid(tiles: Int, side: Int, configuration: Int = 0) -> [UInt8] {
    let coded = hevc(width: side, height: side, configuration: configuration)
    let grid =
      [0, 1, UInt8(tiles - 1), UInt8(tiles - 1)] + big(tiles * side, 4) + big(tiles * side, 4)
    let tile = HEIFItem(type: "hvc1", data: coded.data, properties: [0x81, 2])
    let count = tiles * tiles
    return heif(
      "heic",
      [HEIFItem(type: "grid", data: grid, properties: [0x83])]
        + [HEIFItem](repeating: tile, count: count),
      properties: [
        coded.configuration, imageSize(side, side), imageSize(tiles * side, tiles * side),
      ],
      references: [("dimg", 1, Array(2..<count + 2))])
  }

  /// An AVIF file of 62 megapixels of one colour, whose frame is given several times.
  static func avif(frames: Int) -> [UInt8] {
    let stream = [UInt8](
      Data(base64Encoded: recordedAV1, options: .ignoreUnknownCharacters) ?? Data())
    // A delimiter of 2 bytes, a sequence header of 13, and the frame.
    let data = Array(stream[2..<15]) + (0..<frames).flatMap { _ in stream[15...] }
    return heif(
      "avif", [HEIFItem(type: "av01", data: data, properties: [0x81, 2])],
      properties: [box("av1C", [0x81, 0x1F, 0x0C, 0]), imageSize(7900, 7900)])
  }

  /// Recorded with Pillow 13.0: `Image.new("RGB", (7900, 7900), (200, 30, 90))`, speed 10, quality 30.
  private static let recordedAV1 = """
    EgAKCx/zPbfttogIaDQgMokGGExHh4Xd0000wsbAAABcz8opx5TCf5Z99s0kfAuTgaXeK17I41R/y7Ab9BNGApwLka
    whHXlABmP0/uIhYqezaS2UnrKHITHyOhw+0pP4hGfagV0gAhNsQ3vjRW4+uh1yBToKnsgnyICmbMxIXs/KRFtAf9L3
    hZFWRyaEvOyXG2bBIxPDxLOClQN108jd6xaLKD8zxzAanbq8cB13XkeBplcWhebIY7AkIfO/2AqatBScL4wY1BJBzY
    lFeTLBNYXPN9j2+Mzh/DZNbWMwXs/KRFtAf9L3hZFWRyaEvOyXG2bBIxPDxLOClQN108jd6xaLKD8zxzAanbq8cB13
    XkeBplcWhebIY7AkIfO/2AqatBScL4wY1BJBzYlFeTLBNYXPN9j2+Mzh/DZNbWMwXc/KRFtAf9L3hZFWRyaEvOyXG2
    bBIxPDxLOClQN108jd6xaLKD8zxzAanxaMaLOmYhbKnRGbAn2/Q9PJ43efKVXX8LtUK7e1iSKWoyZ3rpAHI5YZIPB+
    OpCBkzPYg0lez8pEW0B/0veFkVZHJoS87JcbZsEjE8PEs4KVA3XTyN3rFosoPzPHMBqdurxwHXdeR4GmVxaF5shjsC
    Qh87/YCpq0FJwvjBjUEkHNiUV5MsE1hc832Pb4zOH8Nk1tY0Bez8pEW0B/0veFkVZHJoS87JcbZsEjE8PEs4KVA3XT
    yN3rFosoPzPHMBqdurxwHXdeR4GmVxaF5shjsCQh87/YCpq0FJwvjBjUEkHNiUV5MsE1hc832Pb4zOH8Nk1tY0Bez8
    pEW0B/0veFkVZHJoS87JcbZsEjE8PEs4KVA3XTyN3rFosoPzPHMBqdurxwHXdeR4GmVxaF5shjsCQh87/YCpq0FJwv
    jBjUEkHNiUV5MsE1hc832Pb4zOH8Nk1tY0DPykRbQH/S94WRVkcmhLzslxtmwSMTw8SzgpUDddPI3esWiyg/M8cwGp
    8WjGizpmIWyp0RmwJ9v0PTyeN3nylV1/C7VCu3tYkilqMmd66QByOWGSDwfjqQgZMz2INM
    """
}

extension BitWriter {
  /// An Exp-Golomb code.
  fileprivate mutating func putGolomb(_ value: Int) {
    let count = Int.bitWidth - (value + 1).leadingZeroBitCount
    put(0, count - 1)
    put(value + 1, count)
  }

  /// The bytes with the bit that ends a unit; the rest of the last byte is 0.
  fileprivate var ended: [UInt8] {
    var bits = self
    bits.put(1, 1)
    return bits.bytes
  }
}
