import CNNZoo
import Host
import TestSupport
import Testing

struct EpochOrderTests {
  private let images: TrainingImages

  init() throws {
    let pets = try PetFolder()
    try pets.classes([20, 7, 3])
    images = try pets.scanned(TrainingImageReader())
  }

  private func classCounts(_ entries: [EpochOrder.Entry]) -> [Int] {
    entries.reduce(into: [0, 0, 0]) { $0[images.images[$1.image].classIndex] += 1 }
  }

  @Test func eachImageOnce() {
    let order = EpochOrder(images, balance: .none)
    let entries = order(RandomKey(seed: 1)[0])
    #expect(entries.map(\.image).sorted() == images.training)
    #expect(entries.allSatisfy { $0.repetition == 0 })
    #expect(entries.map(\.image) != images.training)
    #expect(entries != order(RandomKey(seed: 1)[1]) && entries == order(RandomKey(seed: 1)[0]))
  }

  @Test func samplingBalancesEachEpoch() {
    let order = EpochOrder(images, balance: .sampling)
    var used = Set<Int>()
    for epoch in 0..<20 {
      let entries = order(RandomKey(seed: 1)[epoch])
      #expect(entries.count == 30 && classCounts(entries) == [10, 10, 10])
      // A repeated image is augmented differently.
      #expect(Set(entries).count == 30)
      #expect(entries.map(\.repetition).max() == 3)
      used.formUnion(entries.map(\.image))
    }
    #expect(used.count == 30)
  }

  @Test func repetitionsHaveTheirOwnNumbers() {
    let key = RandomKey(seed: 3)
    let numbers = (0..<4).map { key[EpochOrder.Entry(image: 5, repetition: $0)].bits() }
    #expect(Set(numbers).count == 4 && numbers[0] == key[5].bits())
  }

  /// The mean weight of an image is 1, and classes have the same total weight.
  @Test func weightsBalanceClasses() {
    #expect(images.classWeights(.none).isEmpty && images.classWeights(.sampling).isEmpty)
    let weights = images.classWeights(.weights)
    let totals = zip(weights, images.trainingCounts).map { $0 * Double($1) }
    #expect(totals.allSatisfy { abs($0 - 10) < 1e-12 })
  }
}
