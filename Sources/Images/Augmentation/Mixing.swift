import Host

/// How an image of a batch is combined with another one.
package struct Mixture: Hashable, Sendable {
  /// The place of the other image in the batch.
  package let partner: Int
  /// The image's own share of the result: mixup's weight, or the area that CutMix leaves it.
  package let share: Float
  /// The rectangle that CutMix takes from the other image; `nil` for mixup.
  package let box: PixelBox?
}

extension Augmentation {
  /// How the images of a batch are combined; `nil` for those that stay as they are.
  ///
  /// The partner is the image at the same place in the reversed batch. With both mixup and CutMix,
  /// the first half of the batch is mixed and the second half cut, each with its own reverse.
  ///
  /// - Parameters:
  ///   - size: The side of the images in pixels.
  ///   - keys: Determine the shares and rectangles, one for each image.
  package func mixtures(size: Int, keys: [RandomKey]) -> [Mixture?] {
    let half: Int
    switch (mixupAlpha > 0, cutMixAlpha > 0) {
    case (false, false): return keys.map { _ in nil }
    case (true, false): half = keys.count
    case (false, true): half = 0
    case (true, true): half = keys.count / 2
    }
    return keys.enumerated().map { place, key in
      let mixes = place < half
      let partner = mixes ? half - 1 - place : half + keys.count - 1 - place
      if partner == place { return nil }
      if mixes {
        let share = key.beta(mixupAlpha)
        return Mixture(partner: partner, share: Float(max(share, 1 - share)), box: nil)
      }
      let box = Self.cutMixBox(share: key[0].beta(cutMixAlpha), size: size, key: key[1])
      let area = box.columns.count * box.rows.count
      return Mixture(
        partner: partner, share: Float(1 - Double(area) / Double(size * size)), box: box)
    }
  }

  /// A rectangle of 1 − `share` of the area around a random centre, without what is outside.
  private static func cutMixBox(share: Double, size: Int, key: RandomKey) -> PixelBox {
    let half = Int(Double(size) * (1 - share).squareRoot()) / 2
    func range(_ number: Int) -> Range<Int> {
      let center = Int(key.uniform(number) * Double(size))
      return max(center - half, 0)..<min(center + half, size)
    }
    return PixelBox(columns: range(0), rows: range(1))
  }
}

/// Combines the images of a batch in place.
///
/// - Parameters:
///   - values: The images, [images, size, size, 3].
///   - size: The side of the images in pixels.
///   - mixtures: One for each image; partners are mutual.
package func mix(
  _ values: UnsafeMutableBufferPointer<Float>, size: Int, _ mixtures: [Mixture?]
) {
  let count = 3 * size * size
  precondition(values.count == count * mixtures.count)
  for (place, mixture) in mixtures.enumerated() {
    guard let mixture, place < mixture.partner, let other = mixtures[mixture.partner] else {
      continue
    }
    let a = UnsafeMutableBufferPointer(rebasing: values[place * count..<(place + 1) * count])
    let b = UnsafeMutableBufferPointer(
      rebasing: values[mixture.partner * count..<(mixture.partner + 1) * count])
    if let box = mixture.box, let otherBox = other.box {
      exchange(a, b, size: size, box, otherBox)
    } else {
      let (x, y) = (mixture.share, other.share)
      for i in 0..<count {
        (a[i], b[i]) = (x * a[i] + (1 - x) * b[i], y * b[i] + (1 - y) * a[i])
      }
    }
  }
}

/// Copies `box` from `b` to `a`, and `otherBox` from what was `a` to `b`.
private func exchange(
  _ a: UnsafeMutableBufferPointer<Float>, _ b: UnsafeMutableBufferPointer<Float>, size: Int,
  _ box: PixelBox, _ otherBox: PixelBox
) {
  for row in 0..<size {
    for column in 0..<size {
      let isTaken = box.contains(column, row)
      let isGiven = otherBox.contains(column, row)
      guard isTaken || isGiven else { continue }
      for i in 3 * (row * size + column)..<3 * (row * size + column) + 3 {
        (a[i], b[i]) = (isTaken ? b[i] : a[i], isGiven ? a[i] : b[i])
      }
    }
  }
}

extension PixelBox {
  fileprivate func contains(_ column: Int, _ row: Int) -> Bool {
    columns.contains(column) && rows.contains(row)
  }
}
