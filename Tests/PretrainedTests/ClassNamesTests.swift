import Pretrained
import Testing

/// Folder names as found in datasets.
struct ClassNamesTests {
  private let imageNet = ClassNames(.imageNet)

  @Test(arguments: [
    ("tench", 0), ("tiger shark", 3), ("Tiger_Shark", 3), ("english_springer", 217),
    ("n01440764", 0), ("n03000684", 491), ("n15075141", 999), ("0", 0), ("999", 999), ("007", 7),
  ])
  func imageNetNames(name: String, index: Int) {
    #expect(imageNet.classes(named: name) == [index])
  }

  @Test(arguments: ["", "unicorn", "1000", "-1", "n00000000", "01440764", "+3", "３"])
  func unknownNames(name: String) {
    #expect(imageNet.classes(named: name).isEmpty)
  }

  /// A dog and a sweater, which differ only in case.
  @Test func caseDecidesBetweenLabels() {
    let dog = imageNet.classes(named: "Cardigan")
    let sweater = imageNet.classes(named: "cardigan")
    #expect(dog == [264] && sweater == [474])
    #expect(imageNet.classes(named: "CARDIGAN") == [264, 474])
    #expect(throws: ClassNameError.ambiguous(name: "CARDIGAN", labels: ["Cardigan", "cardigan"])) {
      try imageNet.classes(ofFolders: ["tench", "CARDIGAN"])
    }
  }

  @Test func aBackgroundClassShiftsTheIds() {
    let names = ClassNames(.imageNetAfterBackground)
    #expect(names.classes(named: "n01440764") == [1])
    #expect(names.classes(named: "tench") == [1])
    #expect(names.classes(named: "0") == [0])
  }

  /// Labels come before indices, and WordNet ids mean nothing to other networks.
  @Test func otherLabels() {
    let names = ClassNames(Labels(["1", "0", "cat"]))
    #expect(names.classes(named: "1") == [0])
    #expect(names.classes(named: "2") == [2])
    #expect(names.classes(named: "n01440764").isEmpty)
  }

  @Test func everyUnknownFolderIsReported() throws {
    #expect(try imageNet.classes(ofFolders: ["n01440764", "3", "gas_pump"]) == [0, 3, 571])
    #expect(throws: ClassNameError.unknown(names: ["foo", "bar"], classCount: 1000)) {
      try imageNet.classes(ofFolders: ["foo", "tench", "bar"])
    }
    #expect(throws: ClassNameError.sameClass(label: "tench", names: ["0", "tench"])) {
      try imageNet.classes(ofFolders: ["0", "tench"])
    }
  }
}
