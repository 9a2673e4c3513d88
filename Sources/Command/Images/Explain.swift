import ArgumentParser
import CNNZoo

struct Explain: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show which image regions support a class.",
    discussion: """
      The overlay is the upright image, at most 1024 pixels wide or high. Colours from violet to \
      yellow show how strongly each region supports the class; gray margins are outside the \
      network's input. The map, [height, width], has one value per position of the last feature \
      map: its contribution to the class's logit. In EfficientNets, the logit is the mean of these \
      values plus the class's bias; in MobileNetV3, which has a hidden layer, the features are \
      weighted by the logit's gradient.
      """)

  @Argument(help: "Image; - is standard input.")
  var input: String

  @OptionGroup var network: NetworkOptions

  @Option(
    name: .customLong("class"),
    help: "Class to explain, by name or index (default: the most probable).")
  var wantedClass: String?

  @Option(help: "Class names: a file with one per line, or JSON.")
  var labels: String?

  @Option(name: .shortAndLong, help: "Output PNG file.")
  var output: String?

  @Option(help: "Also write the map to this .npy file.")
  var map: String?

  @OptionGroup var format: FormatOption

  func validate() throws { try rejectURL(input) }

  func run() throws {
    try checkOutputs([input])
    let loaded = try network.network(inputIsTaken: input == "-")
    try checkOutputs([loaded.file.path])
    let options = try network.classifierOptions(batch: 1, labels: labels)
    let explainer = try Explainer(loaded, options: options)
    Diagnostics.warn(explainer.classifier.warnings)
    try Diagnostics.warnIfEmulated(explainer.classifier.precision)
    let index = try wantedClass.map { try explainer.classifier.labels.index(called: $0) }
    let image = try network.image(input)
    let cam = try explainer.explain(image, class: index)
    if let map {
      let array = NPYArray(
        shape: [cam.map.height, cam.map.width], values: cam.map.values)
      try OutputFile.write(array.encoded, to: map)
    }
    if let output {
      let overlay = cam.map.overlaid(on: image, region: cam.region)
      try OutputFile.write(overlay.encodedPNG(), to: output)
    }
    try report(cam, on: image, by: explainer.classifier).write(as: format.format)
  }

  private func checkOutputs(_ inputs: [String]) throws {
    if let output { try OutputFile.check(output, is: [.png], replacesNone: inputs) }
    if let map { try OutputFile.check(map, is: [.npy], replacesNone: inputs) }
  }

  private func report(_ cam: ClassActivationMap, on image: Image, by classifier: Classifier)
    -> Report
  {
    let prediction = cam.prediction
    let peak = cam.peak
    let facts: JSON.Object =
      [
        "input": .string(input), "model": .string(classifier.network.model.name),
        "precision": .string(classifier.precision.rawValue),
        "index": .integer(prediction.index),
        "label": .string(prediction.label), "probability": .number(prediction.probability),
        "rank": .integer(cam.rank), "logit": .float(cam.logit),
        "bias": .float(cam.bias), "map_mean": .number(cam.map.mean),
        "map_height": .integer(cam.map.height), "map_width": .integer(cam.map.width),
        "is_exact": .bool(cam.isExact),
        "peak": peak.isPositive
          ? .object(["x": .number(peak.x), "y": .number(peak.y)]) : .null,
        "image": .object(["width": .integer(image.width), "height": .integer(image.height)]),
        "seen": .object([
          "x": .number(cam.region.x), "y": .number(cam.region.y),
          "width": .number(cam.region.width), "height": .number(cam.region.height),
        ]),
        "output": .optional(output), "map": .optional(map),
      ] + classifier.network.facts + image.warnings.json
    let place: [Table.Cell] =
      peak.isPositive
      ? [.number(peak.x, decimals: 0), .number(peak.y, decimals: 0)] : [.empty, .empty]
    var report = Report(
      document: facts, records: [facts],
      table: Table(
        [
          .text("input"), .number("rank"), .number("index"), .text("label"), .number("probability"),
          .number("logit"), .number("peak_x"), .number("peak_y"),
        ],
        rows: [
          [
            .text(input), .integer(cam.rank), .integer(prediction.index),
            .text(prediction.label), .number(prediction.probability, decimals: 4),
            .number(Double(cam.logit), decimals: 4),
          ] + place
        ]))
    report.notes = [
      peak.isPositive
        ? "The strongest support for \(prediction.label) is around"
          + " (\(NumberText.fixed(peak.x, 0)), \(NumberText.fixed(peak.y, 0)))"
          + " of \(image.width) × \(image.height) pixels."
        : "No region of the image supports \(prediction.label)."
    ]
    return report
  }
}

extension Labels {
  /// The index of the class given by name, in upper or lower case, or by index.
  fileprivate func index(called text: String) throws(UsageError) -> Int {
    let folded = text.lowercased()
    let exact = names.indices.filter { names[$0] == text }
    let matches = exact.isEmpty ? names.indices.filter { names[$0].lowercased() == folded } : exact
    if matches.count == 1 { return matches[0] }
    if !matches.isEmpty {
      let indices = matches.map { "\($0)" }.joined(separator: ", ")
      throw UsageError(
        "several classes are called \"\(text)\"; specify an index: \(indices)")
    }
    if let index = Int(text) {
      guard names.indices.contains(index) else {
        throw UsageError("there is no class \(index); the network has classes 0 to \(count - 1)")
      }
      return index
    }
    let near = names.filter { $0.lowercased().contains(folded) }.prefix(5)
    throw UsageError(
      "there is no class called \"\(text)\""
        + (near.isEmpty
          ? "; use the name that classify prints, or the index"
          : ". Did you mean \(near.joined(separator: ", "))?"))
  }
}
