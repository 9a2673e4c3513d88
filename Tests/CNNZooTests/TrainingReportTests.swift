import CNNZoo
import Foundation
import TestSupport
import Testing

/// What a run finds out about its images, and its report.
struct TrainingReportTests {
  private let pets: PetFolder
  private let run: TemporaryFolder

  init() throws { (pets, run) = (try PetFolder(), try TemporaryFolder()) }

  private var file: String { "\(run.path)/findings.jsonl" }

  /// Two classes of six images; the last of `b` is damaged.
  private func images() throws -> TrainingImages {
    try pets.classes([6, 6])
    try pets.folder.file("b/9.ppm", Array("P6 9 9 255\n".utf8))
    var images = try pets.scanned()
    images.divide(validationShare: 0.34, seed: 1)
    return images
  }

  /// The head mistakes the first training image of each class, the second with more confidence.
  private func findings(_ images: TrainingImages) -> TrainingFindings {
    var findings = TrainingFindings(copies: [])
    findings.head = images.images.map { _ in nil }
    var seen = Set<Int>()
    for index in images.training {
      let truth = images.images[index].classIndex
      let isWrong = seen.insert(truth).inserted
      let confidence = truth == 0 ? 0.72 : 0.9
      let answer = isWrong ? 1 - truth : truth
      var evaluation = Evaluation(classCount: 2)
      evaluation.add(truth: truth, ranking: [(answer, confidence), (1 - answer, 1 - confidence)])
      findings.head[index] = evaluation.samples[0]
    }
    return findings
  }

  @Test func findingsComeBack() throws {
    let images = try images()
    var findings = findings(images)
    findings.copies = [
      .init(images: [0, 7], isExact: true), .init(images: [1, 2, 3], isExact: false),
    ]
    try findings.write(images, to: file)
    let read = try TrainingFindings(path: file, images)
    #expect(read == findings)
    let head = try #require(read.headEvaluation(classCount: 2))
    #expect(head.count == images.training.count && head.mistakes.count == 2)
    let none = TrainingFindings(copies: [])
    try none.write(images, to: file)
    #expect(try TrainingFindings(path: file, images) == none)
    #expect(none.headEvaluation(classCount: 2) == nil)
  }

  @Test(arguments: [
    (#""file":"a/0.ppm""#, #""file":"a/x.ppm""#), (#""answer":"b""#, #""answer":"c""#),
    (#""probability":0.72"#, #""probability":1.5"#), (#""class_rank":2"#, #""class_rank":1"#),
    (#""class_rank":2"#, #""class_rank":3"#), ("}\n", "}{"), ("\n", "\n{}\n"),
  ])
  func damagedFindingsAreRefused(old: String, new: String) throws {
    let images = try images()
    try findings(images).write(images, to: file)
    let text = try String(contentsOfFile: file, encoding: .utf8)
    let damaged = text.replacing(old, with: new)
    #expect(damaged != text)
    try Data(damaged.utf8).write(to: URL(filePath: file))
    let error = try #require(throws: TrainingDataError.self) {
      try TrainingFindings(path: file, images)
    }
    #expect("\(error)".hasPrefix(file), "\(error)")
  }

  private func report(
    _ images: TrainingImages, _ findings: TrainingFindings, _ validation: Evaluation?
  ) throws -> TrainingReport {
    let store = try ParameterStore(SmallNetwork.graph(), states: 0)
    let header = RunHeader(
      identity: RunIdentity(
        model: "tiny", configuration: TrainingConfiguration(), data: "d4", initialWeights: "1f",
        program: "1.0", instructionSet: "avx2", store: store),
      processor: "x", threads: 1, time: 0, folder: pets.path, output: "out.safetensors")
    let log = "\(run.path)/log.jsonl"
    try TrainingLog(path: log, header: header).append(.event(.warning("slow disk")))
    return TrainingReport(
      header: header, history: try TrainingHistory(path: log), stepsPerEpoch: 2, images: images,
      findings: findings, validation: validation, bestEpoch: 0)
  }

  /// Suspects of both kinds are in one list, the most confident answers first.
  @Test func suspectsAreRanked() throws {
    let images = try images()
    var validation = Evaluation(classCount: 2)
    for (position, index) in images.validation.enumerated() {
      let truth = images.images[index].classIndex
      let isWrong = position == 1
      let confidence = isWrong ? 0.8 : 0.75
      let order = isWrong ? [1 - truth, truth] : [truth, 1 - truth]
      validation.add(truth: truth, ranking: [(order[0], confidence), (order[1], 1 - confidence)])
    }
    let report = try report(images, findings(images), validation)
    #expect(report.suspects.map(\.probability) == [0.9, 0.8, 0.72])
    #expect(report.suspects.map(\.isValidation) == [false, true, false])
    let wrong = images.images[images.validation[1]]
    #expect(report.suspects[1].name == wrong.name)
    #expect(report.suspects[1].label == images.labels[wrong.classIndex])
    #expect(report.suspects[1].answer == images.labels[1 - wrong.classIndex])
    let first = try #require(images.training.first { images.images[$0].classIndex == 1 })
    #expect(report.suspects[0].name == images.images[first].name)
    #expect(report.trainingImages + report.validationImages == 12)
    #expect(report.failures.map(\.name) == ["b/9.ppm"] && report.warnings == ["slow disk"])
    #expect(report.head?.count == images.training.count)
  }

  @Test func copiesAreDescribed() throws {
    let images = try images()
    let (training, validation) = (images.training, images.validation)
    let b = try #require(training.first { images.images[$0].classIndex == 1 })
    var findings = TrainingFindings(copies: [])
    findings.copies = [
      .init(images: [training[0], b], isExact: true),
      .init(images: [training[1], validation[0]].sorted(), isExact: false),
    ]
    let report = try report(images, findings, nil)
    #expect(report.copies.map(\.isConflict) == [true, false])
    #expect(report.copies.map(\.isOnBothSides) == [false, true])
    #expect(report.copies.map(\.isExact) == [true, false])
    #expect(report.copies[0].images.map(\.label) == ["a", "b"])
    #expect(report.suspects.isEmpty && report.head == nil && report.validation == nil)
  }
}
