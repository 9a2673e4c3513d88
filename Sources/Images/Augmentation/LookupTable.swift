/// A new value for each value of each channel.
struct LookupTable {
  /// 256 values for each of R, G and B.
  private var values: [UInt8]

  /// The same function for each channel, clamped to 0…255.
  init(_ function: (Int) -> Int) {
    let channel = (0..<256).map { Self.clamped(function($0)) }
    values = channel + channel + channel
  }

  private init(channels: [[UInt8]]) { values = Array(channels.joined()) }

  /// A table that stretches each channel to 0…255.
  static func autoContrast(of image: Image) -> LookupTable {
    LookupTable(
      channels: image.histograms.map { histogram in
        guard let least = histogram.firstIndex(where: { $0 > 0 }),
          let greatest = histogram.lastIndex(where: { $0 > 0 }), least < greatest
        else { return Self.identity }
        let scale = 255 / Double(greatest - least)
        let offset = -Double(least) * scale
        return (0..<256).map { clamped(Int(Double($0) * scale + offset)) }
      })
  }

  /// A table that makes the values of each channel equally frequent.
  ///
  /// Values that occur once or never, or too few pixels, leave a channel as it is.
  static func equalization(of image: Image) -> LookupTable {
    LookupTable(
      channels: image.histograms.map { histogram in
        guard let greatest = histogram.lastIndex(where: { $0 > 0 }) else { return Self.identity }
        let step = (histogram.reduce(0, +) - histogram[greatest]) / 255
        guard step > 0 else { return Self.identity }
        var sum = step / 2
        return histogram.map { count in
          defer { sum += count }
          return clamped(sum / step)
        }
      })
  }

  private static let identity = (0..<256).map { UInt8($0) }

  private static func clamped(_ value: Int) -> UInt8 { UInt8(min(max(value, 0), 255)) }

  /// Replaces samples of whole pixels.
  func replace(_ samples: UnsafeMutableBufferPointer<UInt8>) {
    values.withUnsafeBufferPointer { values in
      for i in stride(from: 0, to: samples.count, by: 3) {
        samples[i] = values[Int(samples[i])]
        samples[i + 1] = values[256 + Int(samples[i + 1])]
        samples[i + 2] = values[512 + Int(samples[i + 2])]
      }
    }
  }
}

extension Image {
  /// Replaces each sample by its value in a table.
  mutating func apply(_ table: LookupTable) {
    pixels.withUnsafeMutableBufferPointer { table.replace($0) }
  }

  /// How often each value occurs in R, G and B.
  fileprivate var histograms: [[Int]] {
    var counts = [Int](repeating: 0, count: 768)
    counts.withUnsafeMutableBufferPointer { counts in
      pixels.withUnsafeBufferPointer { pixels in
        for i in stride(from: 0, to: pixels.count, by: 3) {
          counts[Int(pixels[i])] += 1
          counts[256 + Int(pixels[i + 1])] += 1
          counts[512 + Int(pixels[i + 2])] += 1
        }
      }
    }
    return (0..<3).map { Array(counts[256 * $0..<256 * ($0 + 1)]) }
  }
}
