/// The multiple of `divisor` nearest to `value`, at least `divisor`, and never under 90 % of
/// `value` (MobileNetV3's reference code; torchvision's `_make_divisible`).
package func makeDivisible(_ value: Double, by divisor: Int = 8) -> Int {
  let rounded = max(divisor, Int(value + Double(divisor) / 2) / divisor * divisor)
  return Double(rounded) < 0.9 * value ? rounded + divisor : rounded
}
