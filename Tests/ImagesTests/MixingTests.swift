import Host
import Images
import Testing

/// Mixup and CutMix.
@Suite struct MixingTests {
  private static func augmentation(mixup: Double = 0, cutMix: Double = 0) -> Augmentation {
    var augmentation = Augmentation.none
    augmentation.mixupAlpha = mixup
    augmentation.cutMixAlpha = cutMix
    return augmentation
  }

  private static func keys(_ count: Int, seed: UInt64 = 3) -> [RandomKey] {
    (0..<count).map { RandomKey(seed: seed)[$0] }
  }

  /// Different values everywhere.
  private static func values(_ images: Int, size: Int) -> [Float] {
    (0..<images * size * size * 3).map { Float($0) / 7 }
  }

  private static func mixed(_ values: [Float], size: Int, _ mixtures: [Mixture?]) -> [Float] {
    var values = values
    values.withUnsafeMutableBufferPointer { mix($0, size: size, mixtures) }
    return values
  }

  @Test func nothingByDefault() {
    #expect(Self.augmentation().mixtures(size: 8, keys: Self.keys(5)) == [nil, nil, nil, nil, nil])
    for (mixup, cutMix) in [(0.5, 0.0), (0, 1), (0.5, 1)] {
      let augmentation = Self.augmentation(mixup: mixup, cutMix: cutMix)
      #expect(augmentation.mixtures(size: 8, keys: Self.keys(1)) == [nil])
    }
  }

  /// Each image is blended with that at its place in the reversed batch, and has the larger share.
  @Test(arguments: 2...7)
  func mixupBlends(images: Int) {
    let size = 4
    let mixtures = Self.augmentation(mixup: 0.4).mixtures(size: size, keys: Self.keys(images))
    let values = Self.values(images, size: size)
    let found = Self.mixed(values, size: size, mixtures)
    let count = 3 * size * size
    for (place, mixture) in mixtures.enumerated() {
      let other = images - 1 - place
      #expect((mixture == nil) == (place == other))
      #expect(mixture.map { $0.partner == other && $0.box == nil && 0.5...1 ~= $0.share } ?? true)
      let share = mixture?.share ?? 1
      for i in 0..<count {
        let (own, others) = (values[place * count + i], values[other * count + i])
        #expect(abs(found[place * count + i] - (share * own + (1 - share) * others)) <= 1e-4)
      }
    }
  }

  @Test func sharesDiffer() {
    let mixtures = Self.augmentation(mixup: 0.4).mixtures(size: 4, keys: Self.keys(64))
    #expect(Set(mixtures.compactMap { $0?.share }).count > 60)
    let same = Self.augmentation(mixup: 0.4).mixtures(size: 4, keys: Self.keys(64))
    #expect(mixtures == same)
    let others = Self.augmentation(mixup: 0.4).mixtures(size: 4, keys: Self.keys(64, seed: 4))
    #expect(mixtures != others)
  }

  /// Each pixel comes from one of two images, and the share is the area that remains.
  @Test(arguments: [1, 2, 5, 16, 33])
  func cutMixPastes(size: Int) throws {
    let images = 9
    for seed in 0..<20 as Range<UInt64> {
      let mixtures = Self.augmentation(cutMix: 1).mixtures(
        size: size, keys: Self.keys(images, seed: seed))
      let values = Self.values(images, size: size)
      let found = Self.mixed(values, size: size, mixtures)
      let count = 3 * size * size
      for (place, mixture) in mixtures.enumerated() {
        let other = images - 1 - place
        var own = 0
        for i in 0..<count {
          let (value, mine) = (found[place * count + i], values[place * count + i])
          #expect(value == mine || value == values[other * count + i])
          if value == mine { own += 1 }
        }
        guard let mixture else {
          #expect(own == count && place == other)
          continue
        }
        #expect(abs(mixture.share - Float(own) / Float(count)) < 1e-6)
        let box = try #require(mixture.box)
        #expect(box.columns.lowerBound >= 0 && box.columns.upperBound <= size)
        #expect(box.rows.lowerBound >= 0 && box.rows.upperBound <= size)
      }
    }
  }

  /// With a centre inside, the box is a square of 1 − λ of the area; at the edges it is smaller.
  @Test func cutMixAreas() {
    let mixtures = Self.augmentation(cutMix: 1).mixtures(size: 200, keys: Self.keys(4000))
    let boxes = mixtures.compactMap { $0?.box }
    #expect(boxes.count == 4000)
    let inside = boxes.filter {
      $0.columns.lowerBound > 0 && $0.columns.upperBound < 200 && $0.rows.lowerBound > 0
        && $0.rows.upperBound < 200
    }
    #expect(inside.count > 500 && inside.allSatisfy { $0.columns.count == $0.rows.count })
    let area = mixtures.reduce(0) { $0 + Double(1 - ($1?.share ?? 1)) } / 4000
    #expect(abs(area - Self.meanArea) < 0.01)
  }

  /// A box of side s keeps s − s²/4 of it on average, in both directions; s² is uniform, so the mean
  /// area is ∫ (s − s²/4)² · 2s ds from 0 to 1.
  private static let meanArea = 2 * (1.0 / 4 - 1.0 / 10 + 1.0 / 96)

  /// With both, the first half is mixed and the second half cut.
  @Test(arguments: 2...9)
  func halves(images: Int) {
    let mixtures = Self.augmentation(mixup: 0.4, cutMix: 1).mixtures(
      size: 8, keys: Self.keys(images))
    let half = images / 2
    for (place, mixture) in mixtures.enumerated() {
      let partner = place < half ? half - 1 - place : half + images - 1 - place
      #expect((mixture == nil) == (partner == place))
      guard let mixture else { continue }
      #expect(mixture.partner == partner && (mixture.box == nil) == (place < half))
      #expect(mixtures[partner]?.partner == place)
    }
  }
}
