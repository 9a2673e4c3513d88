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
