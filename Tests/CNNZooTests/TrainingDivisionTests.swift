import CNNZoo
import Testing

/// The choice of validation images.
struct TrainingDivisionTests {
  private static func share(_ images: TrainingImages, class index: Int) -> (Int, Int) {
    let members = images.images.filter { $0.classIndex == index }
    return (members.count { $0.isValidation }, members.count)
  }

  @Test func eachClassGivesItsShare() throws {
    let pets = try PetFolder()
    try pets.classes([1, 2, 3, 20, 41])
    var images = try TrainingImages(folder: pets.path)
    images.divide(seed: 5)
    #expect((0..<5).map { Self.share(images, class: $0).0 } == [0, 1, 1, 3, 6])
    #expect(Set(images.training + images.validation) == Set(images.images.indices))
    let first = images.validation
    images.divide(seed: 5)
    #expect(images.validation == first)
    images.divide(seed: 6)
    #expect(images.validation != first)
    images.divide(validationShare: 0, seed: 6)
    #expect(images.validation.isEmpty)
    images.divide(validationShare: 0.9, seed: 6)
    #expect((0..<5).map { Self.share(images, class: $0).0 } == [0, 1, 2, 18, 37])
  }

  /// Many random groups, some with several classes.
  @Test(arguments: 0..<20)
  func copiesStayTogether(seed: UInt64) throws {
    let pets = try PetFolder()
    let counts = [2, 3, 4, 9, 20]
    try pets.classes(counts)
    var images = try TrainingImages(folder: pets.path)
    var random = SeededGenerator(seed: seed)
    var rest = Array(images.images.indices).shuffled(using: &random)
    var groups: [[Int]] = []
    while rest.count > 12 {
      groups.append(Array(rest.prefix(Int.random(in: 2...3, using: &random))))
      rest.removeFirst(groups.last?.count ?? 0)
    }
    images.divide(seed: seed, duplicates: groups)
    for group in groups {
      #expect(Set(group.map { images.images[$0].isValidation }).count == 1)
    }
    // A class has an image for training if anything; with a group of its own or a single image
    // beside others, also one for validation.
    var unit = Array(images.images.indices)
    for group in groups { for image in group { unit[image] = group[0] } }
    for index in counts.indices {
      let members = images.images.indices.filter { images.images[$0].classIndex == index }
      #expect(members.contains { !images.images[$0].isValidation })
      let own = Set(members.map { unit[$0] }).filter { first in
        images.images.indices.allSatisfy {
          unit[$0] != first || images.images[$0].classIndex == index
        }
      }
      if !own.isEmpty, Set(members.map { unit[$0] }).count > 1 {
        #expect(members.contains { images.images[$0].isValidation })
      }
    }
  }

  /// Copies alone cannot be on both sides; one large group can.
  @Test func groupsLargerThanTheShare() throws {
    let pets = try PetFolder()
    try pets.classes([4, 6])
    var images = try TrainingImages(folder: pets.path)
    images.divide(seed: 1, duplicates: [[0, 1, 2, 3], [4, 5, 6], [7, 8, 9]])
    #expect(Self.share(images, class: 0) == (0, 4))
    #expect(Self.share(images, class: 1) == (3, 6))
  }

  /// Copies in two classes are for training while these have other images.
  @Test(arguments: 0..<10)
  func conflictingCopiesAreForTraining(seed: UInt64) throws {
    let pets = try PetFolder()
    try pets.classes([2, 2])
    var images = try TrainingImages(folder: pets.path)
    images.divide(seed: seed, duplicates: [[1, 2]])
    #expect(images.validation == [0, 3])
  }

  private struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state ^ (state >> 29)
    }
  }
}
