import Kernels

/// The integers that weights are quantized to.
enum WeightFormat {
  case int8, int16

  /// The bits of an integer in a word.
  fileprivate var bits: Int { self == .int8 ? 8 : 16 }

  /// The largest integer.
  fileprivate var largest: Float { self == .int8 ? 127 : 32767 }

  /// The largest sum of a column's magnitudes: products with it do not overflow.
  ///
  /// Each magnitude is rounded by at most a half, and their sum and the step by less than a thousandth.
  fileprivate func largestSum(rows: Int) -> Float {
    self == .int8
      ? .infinity : (0x1p31 / QuantizeRowTo16.largest(depth: rows) - Float(rows)) * 0.999
  }
}

/// Quantizes `rows` × `width` weights, each column by its largest magnitude, or the sum of its
/// magnitudes if that asks for larger steps; two or four rows share the words of a row.
///
/// - Parameters:
///   - width: a multiple of 8.
///   - steps: receives the value of 1 in each column.
///   - sums: receives step · Σ of each column.
func packIntegers(
  _ weights: UnsafePointer<Float>, _ format: WeightFormat, rows: Int, width: Int,
  into words: UnsafeMutablePointer<Float>, steps: UnsafeMutablePointer<Float>,
  sums: UnsafeMutablePointer<Float>
) {
  for column in stride(from: 0, to: width, by: 8) {
    packColumns(
      weights + column, format, rows: rows, width: width, into: words + column,
      step: steps + column, sum: sums + column)
  }
}

/// Eight columns.
private func packColumns(
  _ weights: UnsafePointer<Float>, _ format: WeightFormat, rows: Int, width: Int,
  into words: UnsafeMutablePointer<Float>, step: UnsafeMutablePointer<Float>,
  sum: UnsafeMutablePointer<Float>
) {
  func row(_ index: Int) -> SIMD8<Float> {
    UnsafeRawPointer(weights + index * width).loadUnaligned(as: SIMD8<Float>.self)
  }
  var largest = SIMD8<Float>.zero
  var magnitudes = SIMD8<Float>.zero
  for index in 0..<rows {
    let weight = row(index)
    let magnitude = weight.replacing(with: -weight, where: weight .< 0)
    largest.replace(with: magnitude, where: magnitude .> largest)
    magnitudes += magnitude
  }
  var unit = largest / format.largest
  let smallest = magnitudes / format.largestSum(rows: rows)
  unit.replace(with: smallest, where: smallest .> unit)
  // A NaN among the weights makes the whole column NaN.
  unit.replace(with: magnitudes, where: magnitudes .!= magnitudes)
  // A column with a step that small becomes zeros.
  let inverse = SIMD8<Float>.zero.replacing(with: 1 / unit, where: unit .>= .leastNormalMagnitude)
  var total = SIMD8<Float>.zero
  // Adding this rounds a small number to an integer, which the low bits then hold.
  let magic: Float = 12_582_912
  let parts = 32 / format.bits
  let mask = UInt32.max >> UInt32(32 - format.bits)
  for group in 0..<rows / parts {
    var word = SIMD8<UInt32>.zero
    for part in 0..<parts {
      let shifted = row(parts * group + part) * inverse + magic
      total += shifted - magic
      word |=
        (unsafeBitCast(shifted, to: SIMD8<UInt32>.self) & mask) &<< UInt32(format.bits * part)
    }
    UnsafeMutableRawPointer(words + group * width).storeBytes(of: word, as: SIMD8<UInt32>.self)
  }
  UnsafeMutableRawPointer(step).storeBytes(of: unit, as: SIMD8<Float>.self)
  UnsafeMutableRawPointer(sum).storeBytes(of: total * unit, as: SIMD8<Float>.self)
}
