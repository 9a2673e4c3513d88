/// The multiple of `divisor` nearest to `value`, at least `divisor`, and never under `least` of
/// `value` (MobileNetV3's reference code; torchvision's `_make_divisible`).
package func makeDivisible(_ value: Double, by divisor: Int = 8, least: Double = 0.9) -> Int {
  let rounded = max(divisor, Int(value + Double(divisor) / 2) / divisor * divisor)
  return Double(rounded) < least * value ? rounded + divisor : rounded
}
