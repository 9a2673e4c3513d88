import Host
import Training

extension TrainingImages {
  /// Chooses the images for validation, in each class the same share.
  ///
  /// Copies of an image are on the same side, so that validation measures what the network makes of
  /// new images. Copies with conflicting labels are for training where possible. A class with two
  /// or more different images has at least one on each side, unless conflicting labels prevent it.
  ///
  /// - Parameters:
  ///   - validationShare: From 0 to below 1; 0 leaves all images for training.
  ///   - seed: Determines the choice.
  ///   - groups: Images that are copies of each other, as indices of ``images``; an image is in at
  ///     most one group. See `DuplicateFinder`.
  /// - Precondition: The folder is not divided.
  public mutating func divide(
    validationShare: Double = 0.15, seed: UInt64, duplicates groups: [[Int]] = []
  ) {
    precondition(!isDivided, "the folder itself is divided")
    let validation = StratifiedDivision(
      classes: images.map(\.classIndex), classCount: labels.count, groups: groups
    ).validation(share: validationShare, key: RandomKey(seed: seed)[-1][.division])
    for index in images.indices { images[index].isValidation = validation[index] }
  }
}

/// Images with classes, of which a share is chosen in each class.
struct StratifiedDivision {
  /// Images that stay together.
  private struct Unit {
    /// Their number in each of their classes.
    var counts: [Int: Int] = [:]
    var isValidation = false
  }

  /// Ordered by their first images.
  private var units: [Unit] = []
  /// The unit of each image.
  private let unitOfImage: [Int]
  /// The units with images of each class.
  private let unitsOfClass: [[Int]]

  /// - Parameter groups: Images that stay together, each in at most one group.
  init(classes: [Int], classCount: Int, groups: [[Int]]) {
    var group = [Int?](repeating: nil, count: classes.count)
    for (number, images) in groups.enumerated() {
      for image in images {
        precondition(group[image] == nil, "an image is in two groups")
        group[image] = number
      }
    }
    var unitOfGroup: [Int: Int] = [:]
    var unitOfImage: [Int] = []
    var unitsOfClass = [[Int]](repeating: [], count: classCount)
    for (image, index) in classes.enumerated() {
      let unit = group[image].flatMap { unitOfGroup[$0] } ?? units.count
      if unit == units.count { units.append(Unit()) }
      if let group = group[image] { unitOfGroup[group] = unit }
      if units[unit].counts.updateValue(1 + (units[unit].counts[index] ?? 0), forKey: index) == nil
      {
        unitsOfClass[index].append(unit)
      }
      unitOfImage.append(unit)
    }
    self.unitOfImage = unitOfImage
    self.unitsOfClass = unitsOfClass
  }

  /// Whether each image is for validation.
  consuming func validation(share: Double, key: RandomKey) -> [Bool] {
    precondition(share >= 0 && share < 1)
    if share > 0 {
      for index in unitsOfClass.indices { choose(inClass: index, share: share, key: key[index]) }
    }
    return unitOfImage.map { units[$0].isValidation }
  }

  /// Chooses units of a class until they have its share of the images.
  private mutating func choose(inClass index: Int, share: Double, key: RandomKey) {
    let members = unitsOfClass[index]
    let shuffled = key.permutation(members.count).map { members[$0] }
    func count(_ unit: Int) -> Int { units[unit].counts[index] ?? 0 }
    let images = members.reduce(0) { $0 + count($1) }
    let target = max(1, Int((share * Double(images)).rounded()))
    var chosen = members.reduce(0) { $0 + (units[$1].isValidation ? count($1) : 0) }
    for unit in shuffled where units[unit].counts.count == 1 {
      if chosen + count(unit) <= target, canMove(unit) {
        units[unit].isValidation = true
        chosen += count(unit)
      }
    }
    guard chosen == 0 else { return }
    // Every unit is larger than the target, or has images of other classes, too.
    let candidates = shuffled.filter(canMove)
    let best = candidates.min { first, second in
      (units[first].counts.count, count(first)) < (units[second].counts.count, count(second))
    }
    if let best { units[best].isValidation = true }
  }

  /// Whether each of the unit's classes keeps another unit for training.
  private func canMove(_ unit: Int) -> Bool {
    units[unit].counts.keys.allSatisfy { index in
      unitsOfClass[index].contains { $0 != unit && !units[$0].isValidation }
    }
  }
}
