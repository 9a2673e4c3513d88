import CNNZoo
import Host
import Images
import TestSupport
import Testing

/// What a preview shows.
struct TrainingPreviewTests {
  private let pets: PetFolder
  private let start: TrainingStart

  init() throws {
    pets = try PetFolder()
    try pets.classes([4, 3, 2])
    let model = try ModelCatalog.model(named: "mobilenetv3-small")
    start = .random(model, configuration: model.defaultConfiguration)
  }

  private static func configuration(mixup: Double = 0) -> TrainingConfiguration {
    var configuration = TrainingConfiguration.fromScratch
    configuration.imageSize = 32
    configuration.randAugmentMagnitude = 9
    configuration.erasingProbability = 0.5
    configuration.mixupAlpha = mixup
    return configuration
  }

  private func preview(
    _ configuration: TrainingConfiguration = configuration(), images: Int = 6, epochs: Int = 3
  ) throws -> TrainingPreview {
    var options = Trainer.Options()
    options.configuration = configuration
    return try TrainingPreview(
      start, folder: pets.path, options, images: images, epochs: epochs)
  }

  /// As many images of each class as there are, in the order of the classes.
  @Test(arguments: [
    (1, 1), (2, 2), (3, 3), (6, 3), (8, 3), (50, 3),
  ])
  func imagesOfManyClasses(images: Int, classes: Int) throws {
    let preview = try preview(images: images)
    let rows = try #require(preview.sections.first).rows
    #expect(rows.count == min(images, 9))
    #expect(Set(rows.map(\.label)).count == classes)
    #expect(rows.map(\.label) == rows.map(\.label).sorted())
    #expect(Set(rows.map(\.name)).count == rows.count)
    #expect(rows.allSatisfy { $0.name.hasPrefix($0.label + "/") && $0.versions.count == 3 })
    #expect(preview.failures.isEmpty)
  }

  /// Without mixing, the images are those of the run's epochs.
  @Test func versionsAreThoseOfTheRun() throws {
    let configuration = Self.configuration()
    var augmentation = Augmentation.cropAndFlip()
    augmentation.randAugment = RandAugment(magnitude: 9)
    augmentation.erasingProbability = 0.5
    let preprocessing = TrainingPreprocessing(
      try WeightInfo(path: "", metadata: [:], model: start.model).preprocessing, size: 32,
      augmentation: augmentation)
    let images = try TrainingImages(folder: pets.path)
    let rows = try #require(try preview(configuration).sections.first).rows
    var changes: Set<String> = []
    for row in rows {
      let index = try #require(images.images.firstIndex { $0.name == row.name })
      let image = try Image(contentsOf: "\(pets.path)/\(row.name)")
      #expect(row.original == preprocessing.inference.cropped(image))
      for (epoch, version) in row.versions.enumerated() {
        let key = RandomKey(seed: 0)[epoch][2][index]
        var values = [Float](repeating: .nan, count: preprocessing.valueCount)
        values.withUnsafeMutableBufferPointer { preprocessing.apply(to: image, key: key, into: $0) }
        values.withUnsafeBufferPointer { #expect(version.image == preprocessing.image($0)) }
        #expect(version.target.map(\.label) == [row.label] && version.target[0].share == 1)
        #expect(version.changes.contains("mirrored") == preprocessing.isFlipped(key))
        let operations = preprocessing.operations(key: key).map(\.description)
        #expect(Set(operations).isSubset(of: version.changes))
        let isErased = preprocessing.erasedBox(key: key) != nil
        #expect(version.changes.contains { $0.hasPrefix("erased ") } == isErased)
        changes.formUnion(version.changes)
      }
    }
    #expect(changes.count > 12 && changes.contains("mirrored"))
  }

  @Test func mixedImagesHaveTwoLabels() throws {
    let rows = try #require(try preview(Self.configuration(mixup: 1)).sections.first).rows
    let versions = rows.flatMap(\.versions)
    #expect(versions.allSatisfy { $0.changes.last == "mixup" && (1...2).contains($0.target.count) })
    #expect(versions.contains { $0.target.count == 2 })
    #expect(versions.allSatisfy { abs($0.target.reduce(0) { $0 + $1.share } - 1) < 1e-6 })
    #expect(rows.allSatisfy { row in row.versions.allSatisfy { $0.target[0].label == row.label } })
  }

  /// Progressive learning is shown by its first and last stage, with the same images.
  @Test func sectionsShowTheSameImages() throws {
    var configuration = Self.configuration(mixup: 0.2)
    configuration.epochs = 9
    configuration.progressive = ProgressiveLearning(
      stages: 3, imageSize: 24, dropout: 0.1, randAugmentMagnitude: 5)
    let preview = try preview(configuration)
    #expect(preview.sections.map(\.stage) == [configuration.stages[0], configuration.stages[2]])
    #expect(preview.sections[0].rows.map(\.name) == preview.sections[1].rows.map(\.name))
    #expect(preview.sections[0].rows.allSatisfy { $0.versions.allSatisfy { $0.image.width == 24 } })
    #expect(preview.sections[1].rows.allSatisfy { $0.original.width == 32 })
    let mixed = preview.sections.map { section in
      section.rows.flatMap(\.versions).contains { $0.changes.last == "mixup" }
    }
    #expect(mixed == [false, true])
  }

  @Test func damagedImagesAreReplaced() throws {
    let names = try preview(images: 3).sections[0].rows.map(\.name)
    try pets.folder.file(names[0], Array("P6 9 9 255\n".utf8))
    let preview = try preview(images: 3)
    #expect(preview.failures.count == 1)
    #expect(
      preview.sections[0].rows.count == 3
        && !preview.sections[0].rows.map(\.name).contains(names[0]))
    for letter in ["a", "b", "c"] {
      for image in 0..<4 { try? pets.remove("\(letter)/\(image).ppm") }
      try pets.folder.file("\(letter)/0.ppm", Array("P6 9 9 255\n".utf8))
    }
    #expect(throws: TrainerError.self) { try self.preview() }
  }
}
