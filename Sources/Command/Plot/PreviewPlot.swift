import CNNZoo

/// Training images as the network sees them: a row for each image, a column for each epoch.
struct PreviewPlot {
  private let preview: TrainingPreview

  private static let title = "What the network sees in training"
  private static let margin = 28.0
  /// The side of an image, and the distance between images.
  private static let side = 152.0
  private static let gap = 14.0
  private static let line = 14.0
  /// Characters that fit under an image.
  private static let characters = 25
  /// Larger images are stored at this size.
  private static let largest = 256

  init(_ preview: TrainingPreview) { self.preview = preview }

  /// The whole SVG file.
  ///
  /// - Throws: `ImageEncodingError`.
  func document() throws -> String {
    var drawing = SVGDrawing()
    let columns = 1 + (preview.sections.first?.rows.first?.versions.count ?? 0)
    let width = 2 * Self.margin + Double(columns) * (Self.side + Self.gap) - Self.gap
    var y = Self.margin + 14
    drawing.text(Self.title, x: Self.margin, y: y, style: "title")
    y += 20
    drawing.text(
      "Below each image: what the network is taught, and how the image was changed after the crop.",
      x: Self.margin, y: y, style: "quiet")
    for section in preview.sections {
      y += 26
      let epochs = section.stage.epochs
      if preview.sections.count > 1 {
        drawing.text(
          "Epochs \(epochs.lowerBound + 1) to \(epochs.upperBound)", x: Self.margin, y: y,
          style: "section")
        y += 18
      }
      for line in Self.wrapped(Self.facts(section.stage, preview.configuration), Int(width / 6.2)) {
        drawing.text(line, x: Self.margin, y: y, style: "quiet")
        y += 16
      }
      y += 10
      for column in 0..<columns {
        drawing.text(
          column == 0 ? "at inference" : "epoch \(epochs.lowerBound + column)",
          x: Self.x(column), y: y, style: "head")
      }
      y += 10
      for row in section.rows { y = try draw(row, y: y, &drawing) }
    }
    return drawing.document(
      width: width, height: y + Self.margin - 20, title: Self.title, styleSheet: Self.styleSheet)
  }

  private static func x(_ column: Int) -> Double { margin + Double(column) * (side + gap) }

  /// Draws a row; returns where the next one begins.
  private func draw(_ row: TrainingPreview.Row, y: Double, _ drawing: inout SVGDrawing) throws
    -> Double
  {
    let name = row.name.split(separator: "/").last.map(String.init) ?? row.name
    var captions = [(labels: [row.label], lines: Self.wrapped([name]))]
    captions += row.versions.map { (Self.labels($0.target), Self.wrapped($0.changes)) }
    var bottom = y
    for (column, caption) in captions.enumerated() {
      let x = Self.x(column)
      let image = column == 0 ? row.original : row.versions[column - 1].image
      let stored =
        image.width <= Self.largest
        ? image
        : image.resized(width: Self.largest, height: Self.largest, interpolation: .bicubic)
      drawing.image(
        try stored.encodedPNG(), x: x, y: y, width: Self.side, height: Self.side)
      drawing.rectangle(x: x, y: y, width: Self.side, height: Self.side, style: "frame")
      var text = y + Self.side + 16
      for label in caption.labels {
        drawing.text(label, x: x, y: text, style: "label")
        text += Self.line
      }
      for line in caption.lines {
        drawing.text(line, x: x, y: text, style: "quiet")
        text += Self.line
      }
      bottom = max(bottom, text)
    }
    return bottom + 12
  }

  /// Class names, with their shares if there are several.
  private static func labels(_ target: [(label: String, share: Double)]) -> [String] {
    let visible = target.filter { $0.share >= 0.005 }
    if visible.count == 1 { return [shortened(visible[0].label, 21)] }
    return visible.map { "\(shortened($0.label, 16)) \(NumberText.fixed($0.share, 2))" }
  }

  /// What happens to images in a stage.
  private static func facts(
    _ stage: TrainingStage, _ configuration: TrainingConfiguration
  ) -> [String] {
    var facts = ["\(stage.imageSize) × \(stage.imageSize) pixels"]
    if let area = configuration.minimumCropArea {
      facts.append("random crops of at least \(NumberText.fixed(100 * area, 0)) % of the area")
    }
    if configuration.flips { facts.append("mirrored at random") }
    if let magnitude = stage.randAugmentMagnitude {
      facts.append(
        "\(NumberText.count(configuration.randAugmentOperations, "operation")) of RandAugment at"
          + " magnitude \(number(magnitude))")
    }
    if configuration.erasingProbability > 0 {
      facts.append("erasing with probability \(number(configuration.erasingProbability))")
    }
    if stage.mixupAlpha > 0 { facts.append("mixup α \(number(stage.mixupAlpha))") }
    if configuration.cutMixAlpha > 0 {
      facts.append("CutMix α \(number(configuration.cutMixAlpha))")
    }
    return facts
  }

  private static func number(_ value: Double) -> String {
    value == value.rounded() ? NumberText.fixed(value, 0) : NumberText.fixed(value, 2)
  }

  /// Lines of items separated by commas.
  private static func wrapped(_ items: [String], _ characters: Int = characters) -> [String] {
    var lines: [String] = []
    for (index, item) in items.enumerated() {
      let text = shortened(item, characters - 1) + (index == items.count - 1 ? "" : ",")
      if let last = lines.last, last.count + 1 + text.count <= characters {
        lines[lines.count - 1] += " " + text
      } else {
        lines.append(text)
      }
    }
    return lines
  }

  /// The text without what is in the middle, if it is too long.
  private static func shortened(_ text: String, _ characters: Int) -> String {
    guard text.count > characters else { return text }
    let half = (characters - 1) / 2
    return text.prefix(characters - 1 - half) + "…" + text.suffix(half)
  }

  private static let styleSheet = """
    text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
    .paper { fill: #ffffff; }
    .title { font-size: 17px; font-weight: 600; fill: #1b1f24; }
    .section { font-size: 14px; font-weight: 600; fill: #1b1f24; }
    .head { fill: #656d76; }
    .label { fill: #1b1f24; font-weight: 600; }
    .quiet { fill: #656d76; font-size: 11px; }
    .frame { fill: none; stroke: #80868e; stroke-opacity: 0.4; }
    @media (prefers-color-scheme: dark) {
      .paper { fill: #14171c; }
      .title, .section, .label { fill: #e6e9ed; }
      .head, .quiet { fill: #9aa3ad; }
    }
    """
}
