// Sizes and offsets read from a file are hostile until checked. These three functions are the only
// arithmetic done on them: nil means overflow, a negative operand, or a range that does not fit.

/// `count × size`.
package func checkedProduct(_ count: Int, _ size: Int) -> Int? {
  guard count >= 0, size >= 0 else { return nil }
  let (product, overflow) = count.multipliedReportingOverflow(by: size)
  return overflow ? nil : product
}

/// `offset ..< offset + length`, where that range lies within `0 ..< limit`.
package func checkedRange(at offset: Int, length: Int, within limit: Int) -> Range<Int>? {
  guard offset >= 0, length >= 0 else { return nil }
  let (end, overflow) = offset.addingReportingOverflow(length)
  guard !overflow, end <= limit else { return nil }
  return offset..<end
}

/// The least multiple of `alignment` that is not below `value`.
package func checkedAlignUp(_ value: Int, to alignment: Int) -> Int? {
  precondition(alignment > 0)
  guard value >= 0 else { return nil }
  let (padded, overflow) = value.addingReportingOverflow(alignment - 1)
  return overflow ? nil : padded - padded % alignment
}

/// The number of elements of a shape; 1 for a scalar, whose shape is empty.
package func checkedElementCount(of shape: [Int]) -> Int? {
  var count = 1
  for extent in shape {
    guard let next = checkedProduct(count, extent) else { return nil }
    count = next
  }
  return count
}
