import CNNZoo
import Command
import Foundation
import TestSupport
import Testing

/// `report.svg` and `report.md` of runs that are large, small or hostile.
struct ReportFileTests {
  private let folder: String

  init() throws { folder = try TestFiles.folder() }

  /// A report of made-up figures.
  private func report(
    _ names: [String], epochs: Int = 3, steps: Int = 4, validationPerClass: Int = 4,
    end: LogRecord? = .event(.finished), rate: Double = 3e-4, sizes: [Int] = [],
    command: [String] = []
  ) throws -> TrainingReport {
    let store = try ParameterStore(SmallNetwork.graph(), states: 0)
    var configuration = TrainingConfiguration()
    configuration.epochs = max(1, epochs)
    let header = RunHeader(
      identity: RunIdentity(
        model: "tiny", configuration: configuration, data: "d4", initialWeights: "1f",
        program: "1.0 (abc)", instructionSet: "avx2", store: store),
      processor: "<Intel & \"AMD\">", threads: 2, time: 1_700_000_000, folder: "photos|x",
      output: "out.safetensors", command: command)
    let path = "\(folder)/log-\(UUID().uuidString).jsonl"
    let log = try TrainingLog(path: path, header: header)
    for epoch in 0..<epochs {
      for step in 0..<steps {
        try log.append(
          .step(
            .init(
              epoch: epoch, step: step, loss: 1 / Double(1 + epoch * steps + step),
              learningRate: rate / Double(1 + epoch), imagesPerSecond: 10)))
      }
      try log.append(
        .epoch(
          .init(
            epoch: epoch, trainLoss: 1 / Double(1 + epoch), trainAccuracy: 0.5,
            validation: validationPerClass == 0
              ? [] : [("top1", 0.6), ("log_loss", 0.9), ("images", 40)],
            isBest: true, seconds: 75, imageSize: epoch < sizes.count ? sizes[epoch] : 224)))
    }
    if let end { try log.append(end) }
    var evaluation = Evaluation(classCount: names.count)
    for truth in names.indices {
      for image in 0..<validationPerClass {
        let answer = image == 0 ? (truth + 1) % names.count : truth
        evaluation.add(truth: truth, ranking: [(answer, 0.9), (truth, 0.1)])
      }
    }
    let validation = validationPerClass == 0 || epochs == 0 ? nil : evaluation
    return TrainingReport(
      header: header, labels: Labels(names, source: "a test"), trainingImages: 100,
      validationImages: names.count * validationPerClass, stepsPerEpoch: max(1, steps),
      history: try TrainingHistory(path: path), validation: validation,
      bestEpoch: epochs == 0 ? nil : epochs - 1, head: validation,
      suspects: validation.map { validation in
        validation.likelyLabelErrors.map { position in
          let sample = validation.samples[position]
          return TrainingReport.Suspect(
            name: "\(names[sample.truth])/\(position).jpg", label: names[sample.truth],
            answer: names[sample.answer], probability: sample.confidence,
            isValidation: position % 2 == 0)
        }
      } ?? [],
      copies: [
        TrainingReport.Copies(
          images: names.prefix(2).map {
            .init(name: "\($0)/1.jpg", label: $0, isValidation: false)
          },
          isExact: true)
      ],
      failures: [TrainingReport.Failure(name: "\(names[0])/bad.jpg", reason: "damaged JPEG data")])
  }

  /// Names that XML, Markdown, terminals or a narrow column could stumble over.
  private static let hostile = [
    "</text><script>alert(1)</script>", "a|b`c*d_e[f](g)\\", "Größe & Gewicht", "猫科动物的照片集合",
    "\u{202E}drawkcab\u{1B}[31m", String(repeating: "W", count: 300), "👩‍👩‍👧‍👦 families",
    "www.example.com http://x <a@b.c>", "  spaces  inside ", "e\u{301}\u{323}", "1. # - +", "$x^2$",
  ]

  private static func numbered(_ count: Int) -> [String] {
    (0..<count).map { "class \($0) with a name" }
  }

  private static let shapes: [(names: [String], epochs: Int, validation: Int)] = [
    (numbered(2), 1, 4), (numbered(2), 3, 0), (hostile, 3, 4), (numbered(12), 10, 120),
    (numbered(13), 3, 5), (numbered(25), 200, 2), (numbered(26), 3, 2), (numbered(100), 31, 3),
    (numbered(1000), 2, 1), (numbered(3), 0, 4),
  ]

  /// The file is well-formed, and its texts neither overlap nor leave the page.
  @Test(arguments: shapes.indices)
  func textsHaveRoom(index: Int) throws {
    let (names, epochs, validation) = Self.shapes[index]
    let report = try report(names, epochs: epochs, validationPerClass: validation)
    let svg = SVGReader(TrainingPlot(report).document)
    #expect(svg.isWellFormed)
    let boxes = svg.boxes
    #expect(boxes.count > 20)
    for (position, box) in boxes.enumerated() {
      #expect(
        box.left >= 0 && box.right <= svg.size.width && box.bottom <= svg.size.height,
        "\(box.text) leaves the page")
      for other in boxes[..<position] where other.overlaps(box) {
        Issue.record("\"\(box.text)\" overlaps \"\(other.text)\"")
      }
    }
  }

  @Test func theCheckOfOverlapsFindsThem() {
    var drawing = SVGDrawing()
    drawing.text("a longer text", x: 10, y: 20, style: "name")
    drawing.text("over it", x: 60, y: 24, style: "name")
    drawing.text("below", x: 10, y: 40, style: "name")
    let boxes = SVGReader(
      drawing.document(width: 200, height: 60, title: "", styleSheet: "")
    ).boxes
    #expect(boxes.count == 3 && boxes[0].overlaps(boxes[1]))
    #expect(!boxes[0].overlaps(boxes[2]) && !boxes[1].overlaps(boxes[2]))
  }

  /// A matrix with every class where it fits, and the extremes where it does not.
  @Test func classesOfEveryNumber() throws {
    let few = SVGReader(TrainingPlot(try report(Self.numbered(3))).document)
    #expect(few.texts.contains("Validation by class") && few.texts.contains("75.0 % of 4"))
    #expect(few.classes.filter { $0.key.hasPrefix("right level") }.values.reduce(0, +) == 3)
    #expect(few.classes.filter { $0.key.hasPrefix("wrong level") }.values.reduce(0, +) == 3)
    let many = SVGReader(TrainingPlot(try report(Self.numbered(100))).document)
    #expect(many.texts.contains("Lowest recall of 100 classes, 95 % interval"))
    #expect(many.texts.contains("Most confused: true class → answer"))
    #expect(many.classes.keys.allSatisfy { !$0.contains("level") })
  }

  @Test func runsWithoutValidationOrEpochs() throws {
    let without = try report(Self.numbered(2), validationPerClass: 0)
    let svg = SVGReader(TrainingPlot(without).document)
    #expect(svg.isWellFormed && !svg.texts.contains("Validation by class"))
    #expect(svg.texts.contains { $0.hasPrefix("No images for validation") })
    #expect(!TrainingSummary(without).document.contains("## Validation by class"))
    let end = LogRecord.event(.stopped(reason: "interrupted"))
    let early = try report(Self.numbered(2), epochs: 0, end: end)
    let empty = SVGReader(TrainingPlot(early).document)
    #expect(empty.isWellFormed && empty.texts.contains("no data"))
    #expect(empty.texts.contains("Stopped after 0 of 1 epoch: interrupted"))
    var failed = try report(Self.numbered(2), epochs: 0, end: nil)
    failed.interruption = "a/1.jpg: <lost>"
    #expect(
      TrainingSummary(failed).document.contains("Ended after 0 of 1 epoch: a/1.jpg: \\<lost\\>"))
  }

  @Test(arguments: [0, 1e-12, 0.5, 30]) func learningRatesOfEverySize(rate: Double) throws {
    let svg = SVGReader(TrainingPlot(try report(Self.numbered(2), rate: rate)).document)
    #expect(svg.isWellFormed && svg.texts.contains { $0.hasPrefix("Learning rate") })
  }

  /// The axis has the sizes, unless they are too many.
  @Test func imageSizes() throws {
    let three = try report(Self.numbered(2), sizes: [128, 160, 192])
    #expect(three.history.epochs.map(\.imageSize) == [128, 160, 192])
    let svg = SVGReader(TrainingPlot(three).document)
    #expect(["128", "160", "192"].allSatisfy(svg.texts.contains))
    #expect(TrainingSummary(three).document.contains("| 0.9000 | 160 | 75.0 |"))
    let many = SVGReader(
      TrainingPlot(try report(Self.numbered(2), epochs: 80, sizes: Array(128..<208))).document)
    #expect(!many.texts.contains("131") && many.texts.contains("140"))
  }

  @Test func divergenceIsToldWithTheImages() throws {
    let end = LogRecord.event(
      .nonFinite(epoch: 1, step: 2, layer: "features.3", images: ["a/b|c.jpg"]))
    let report = try report(Self.numbered(2), end: end)
    let text = "Diverged in epoch 2, step 3: features.3 is no longer finite for a/b|c.jpg"
    #expect(SVGReader(TrainingPlot(report).document).texts.contains(text))
    #expect(TrainingSummary(report).document.contains("finite for a/b\\|c.jpg"))
  }

  @Test func theSummaryHasEverything() throws {
    let report = try report(
      Self.numbered(3), command: ["cnnzoo", "train", "my photos", "-o", "it's.safetensors"])
    let text = TrainingSummary(report).document
    for part in [
      "tiny: 3 classes, 100 images for training, 12 for validation",
      "| validation | 75.0 % | 46.8 to 91.1 % | 9 of 12 |", "## Validation by class",
      "| class 0 with a name | 4 | 3 | 75.0 % | 30.1 to 95.4 % | class 1 with a name 1 |",
      "## Likely label errors",
      "| `class 0 with a name/0.jpg` | class 0 with a name | class 1 with a name | 90.0 % | validation |",
      "## Copies", "- **different labels:** `class 0 with a name/1.jpg`", "; same pixels",
      "## Files left out", "- `class 0 with a name/bad.jpg`: damaged JPEG data", "## Epochs",
      "| 3 | 0.3333 | 50.0 % | 60.0 % | 0.9000 | 224 | 75.0 | best so far |",
      "| `optimizer.name` | rmsprop |", "| `dropout` | 0.2 |",
      "cnnzoo train 'my photos' -o 'it'\\''s.safetensors'",
      "| started | 2023-11-14 22:13 UTC |", "Finished: 3 of 3 epochs in 3 min 45 s",
    ] { #expect(text.contains(part), "\(part)") }
  }

  /// No line of a table has more cells than its heading, whatever the names are.
  @Test func hostileNamesKeepTables() throws {
    let text = TrainingSummary(try report(Self.hostile)).document
    #expect(!text.contains("<script>") && !text.unicodeScalars.contains("\u{202E}"))
    var columns: Int?
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      guard line.hasPrefix("|") else {
        columns = nil
        continue
      }
      let cells = line.replacing("\\\\", with: "").replacing("\\|", with: "").count { $0 == "|" }
      #expect(cells == columns ?? cells, "\(line)")
      columns = cells
    }
  }

  @Test(arguments: [
    ("plain-name.jpg", "plain-name.jpg"), ("a|b", "a\\|b"), ("<b>&amp;", "\\<b\\>\\&amp;"),
    ("1. one", "1\\. one"), ("- one", "\\- one"), ("1.5 % - 2", "1.5 % - 2"), ("---", "\\---"),
    ("-x", "-x"), ("2)", "2\\)"),
    ("x: 1. y", "x: 1. y"),
    ("*x*_y_`z`", "\\*x\\*\\_y\\_\\`z\\`"), ("a\\|b", "a\\\\\\|b"),
    (" x  y ", "\u{A0}x \u{A0}y\u{A0}"),
    ("www.x.org", "www\\.x.org"), ("https://x", "https\\://x"), ("a\nb", "a\\\\u{a}b"),
  ])
  func markdownIsEscaped(text: String, escaped: String) {
    #expect(Markdown.text(text) == escaped)
  }

  @Test func codeIsNotBrokenByItsText() {
    #expect(Markdown.code("a/b_c.jpg") == "`a/b_c.jpg`")
    #expect(Markdown.code("a`b") == "a\\`b" && Markdown.code("a|b") == "a\\|b")
    #expect(Markdown.code(" a") == "\u{A0}a" && Markdown.code("") == "")
    #expect(Markdown.block("a ``` b") == "````sh\na ``` b\n````\n")
  }

  /// A shell reads back the words.
  @Test func commandsAreQuoted() throws {
    let words = [
      "plain", "", "two words", "it's", "$HOME", "a\nb", "\u{1B}[31m'\\", "ü", "*", "~", "a;b", "#",
      "-x=1",
    ]
    let outcome = try Tool.shell("printf '%s\\0' \(words.shellCommand)")
    #expect(outcome.output == words.map { "\($0)\0" }.joined())
  }

  @Test(arguments: ["a", "a very long name of a file.jpg", "猫猫猫猫猫猫猫猫", "👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦", ""])
  func fittedTextsFit(text: String) {
    for width in [20.0, 50, 90, 1000] {
      let fitted = PlotText.fitted(text, to: width, size: 12)
      #expect(PlotText.width(of: fitted, size: 12) <= width, "\(fitted)")
    }
    #expect(PlotText.fitted("photos/cat-123.jpg", to: 70, size: 12).hasSuffix("jpg"))
  }
}

/// The place of a text in a plot, as wide as the font may be.
struct TextBox {
  let text: String
  let left, right, top, bottom: Double

  func overlaps(_ other: TextBox) -> Bool {
    left < other.right && other.left < right && top < other.bottom && other.top < bottom
  }
}
