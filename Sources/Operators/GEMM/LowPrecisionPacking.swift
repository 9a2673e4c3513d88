import Kernels

/// Calls `body` with `count` floats of zero.
func withZeroedFloats(_ count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) {
  withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { buffer in
    buffer.initialize(repeating: 0)
    guard let base = buffer.baseAddress else { return }
    body(base)
  }
}

/// Rounds `rows` × `width` weights to bf16, the pair of rows 2i and 2i + 1 in the words of row i.
func packBF16(
  _ weights: UnsafePointer<Float>, rows: Int, width: Int, into words: UnsafeMutablePointer<Float>
) {
  for pair in 0..<rows / 2 {
    let even = weights + 2 * pair * width
    let target = words + pair * width
    for column in 0..<width {
      let (low, high) = (bf16Bits(even[column]), bf16Bits(even[width + column]))
      target[column] = Float(bitPattern: low | high << 16)
    }
  }
}

/// Splits `rows` × `width` weights into bf16 and what is left of them, also as bf16.
///
/// The parts follow one another. The weights are lost.
func packBF16x3(
  _ weights: UnsafeMutablePointer<Float>, rows: Int, width: Int,
  into words: UnsafeMutablePointer<Float>
) {
  packBF16(weights, rows: rows, width: width, into: words)
  for index in 0..<rows * width {
    weights[index] -= Float(bitPattern: bf16Bits(weights[index]) << 16)
  }
  packBF16(weights, rows: rows, width: width, into: words + rows / 2 * width)
}

/// The upper half of the nearest bf16, ties to even.
///
/// Weights are finite: their largest is half of what a float holds.
@inline(__always)
func bf16Bits(_ value: Float) -> UInt32 {
  let bits = value.bitPattern
  return (bits &+ 0x7fff &+ (bits >> 16 & 1)) >> 16
}

/// Quantizes `rows` × `width` weights to 8 bits, each column by its largest magnitude; four rows share
/// the words of a row.
///
/// - Parameters:
///   - width: a multiple of 8.
///   - steps: receives the value of 1 in each column.
///   - sums: receives step · Σ of each column.
func packInt8(
  _ weights: UnsafePointer<Float>, rows: Int, width: Int, into words: UnsafeMutablePointer<Float>,
  steps: UnsafeMutablePointer<Float>, sums: UnsafeMutablePointer<Float>
) {
  for column in stride(from: 0, to: width, by: 8) {
    packInt8(
      weights + column, rows: rows, width: width, into: words + column, step: steps + column,
      sum: sums + column)
  }
}

/// Eight columns.
private func packInt8(
  _ weights: UnsafePointer<Float>, rows: Int, width: Int, into words: UnsafeMutablePointer<Float>,
  step: UnsafeMutablePointer<Float>, sum: UnsafeMutablePointer<Float>
) {
  func row(_ index: Int) -> SIMD8<Float> {
    UnsafeRawPointer(weights + index * width).loadUnaligned(as: SIMD8<Float>.self)
  }
  var largest = SIMD8<Float>.zero
  for index in 0..<rows {
    let weight = row(index)
    largest.replace(with: weight, where: weight .> largest)
    largest.replace(with: -weight, where: -weight .> largest)
  }
  let unit = largest / 127
  let inverse = SIMD8<Float>.zero.replacing(with: 127 / largest, where: largest .> 0)
  var total = SIMD8<Float>.zero
  // Adding this rounds a small number to an integer, which the low bits then hold.
  let magic: Float = 12_582_912
  for quad in 0..<rows / 4 {
    var word = SIMD8<UInt32>.zero
    for part in 0..<4 {
      let shifted = row(4 * quad + part) * inverse + magic
      total += shifted - magic
      word |= (unsafeBitCast(shifted, to: SIMD8<UInt32>.self) & 0xff) &<< (8 * UInt32(part))
    }
    UnsafeMutableRawPointer(words + quad * width).storeBytes(of: word, as: SIMD8<UInt32>.self)
  }
  UnsafeMutableRawPointer(step).storeBytes(of: unit, as: SIMD8<Float>.self)
  UnsafeMutableRawPointer(sum).storeBytes(of: total * unit, as: SIMD8<Float>.self)
}
