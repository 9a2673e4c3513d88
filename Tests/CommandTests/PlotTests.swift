import Command
import Foundation
import FoundationXML
import Testing

/// Axes, density curves and the SVG file.
struct PlotTests {
  @Test func linearAxes() {
    let axis = PlotAxis(covering: 10...20)
    #expect(!axis.isLogarithmic)
    #expect(axis.ticks == [10, 12, 14, 16, 18, 20])
    #expect(axis.ticks.map(axis.label) == ["10", "12", "14", "16", "18", "20"])
    #expect(axis.position(of: axis.domain.lowerBound) == 0)
    #expect(axis.position(of: axis.domain.upperBound) == 1)
    #expect(abs(axis.position(of: 15) - 0.5) < 1e-12)
  }

  @Test func wideRangesAreLogarithmic() {
    let axis = PlotAxis(covering: 1...100)
    #expect(axis.isLogarithmic)
    #expect(axis.ticks.map(axis.label) == ["1", "2", "5", "10", "20", "50", "100"])
    #expect(abs(axis.position(of: 10) - 0.5) < 1e-12)
  }

  /// From a single value to nine orders of magnitude, ticks are in order, distinctly labelled and few.
  @Test(arguments: [
    (1.0, 1.0), (0.644, 0.651), (0.001, 0.0011), (3, 5), (1, 6.5), (2.7, 18), (0.01, 9e5),
    (1e-6, 1e9), (0, 0), (999, 1001), (5000, 30_000),
  ])
  func ticksAreFewAndDistinct(low: Double, high: Double) {
    let axis = PlotAxis(covering: low...high)
    #expect((1...8).contains(axis.ticks.count), "\(axis.ticks)")
    #expect(axis.ticks == axis.ticks.sorted())
    #expect(axis.ticks.allSatisfy(axis.domain.contains))
    #expect(Set(axis.ticks.map(axis.label)).count == axis.ticks.count, "\(axis.ticks)")
    #expect(axis.domain.contains(low) || low == 0)
    #expect(axis.domain.contains(high) || high == 0)
  }

  @Test func densityPeaksAtTheSamples() throws {
    let axis = PlotAxis(covering: 1...3)
    let samples = (0..<300).map { $0 % 3 == 0 ? 2.5 : 1.5 + 0.0001 * Double($0) }
    let points = DensityCurve(SampleStatistics(samples), on: axis).points
    #expect(points.map(\.height).max() == 1)
    #expect(points.map(\.position) == points.map(\.position).sorted())
    let peak = try #require(points.max { $0.height < $1.height })
    // Two thirds of the samples lie close together, a third is one value.
    #expect(abs(peak.position - axis.position(of: 1.515)) < 0.01)
    let second = try #require(points.first { $0.position > axis.position(of: 2.5) })
    #expect(abs(second.height - 0.5) < 0.05)
    let valley = try #require(points.first { $0.position > axis.position(of: 2) })
    #expect(valley.height < 0.01)
  }

  @Test(arguments: [[1.0], [1, 1, 1], [1, 1000]])
  func curvesOfFewSamples(samples: [Double]) {
    let axis = PlotAxis(covering: 1...1000)
    let points = DensityCurve(SampleStatistics(samples), on: axis).points
    #expect(points.allSatisfy { $0.height.isFinite && 0...1 ~= $0.position })
    #expect(points.map(\.height).max() == 1)
  }

  @Test func textIsEscaped() throws {
    var drawing = SVGDrawing()
    drawing.text("a < b & \"c\" \u{1B}[31m\u{0}\u{FFFE}", x: .nan, y: 1, style: "plain")
    drawing.text("d<e>", x: 1.5, y: -0.004, style: "plain")
    drawing.path([(0, 0), (1.234, .infinity)], style: "hill")
    let text = drawing.document(width: 10, height: 20, title: "<t>", styleSheet: ".a { }")
    let reader = SVGReader(text)
    #expect(reader.isWellFormed)
    #expect(reader.texts.prefix(3) == ["<t>", "a < b & \"c\" \\u{1b}[31m\\u{0}?", "d<e>"])
    #expect(text.contains("d=\"M0 0L1.23 0\""))
    #expect(text.contains("x=\"1.5\" y=\"0\""))
  }
}

/// Reads an SVG file as XML.
final class SVGReader: NSObject, XMLParserDelegate {
  private(set) var isWellFormed = false
  /// The contents of text and title elements.
  private(set) var texts: [String] = []
  /// The number of elements of each class.
  private(set) var classes: [String: Int] = [:]
  /// The page.
  private(set) var size = (width: 0.0, height: 0.0)
  private var isInText = false
  /// The attributes of the text elements, and the positions of their contents in `texts`.
  private var places: [(attributes: [String: String], text: Int)] = []

  /// The places of the texts, of the size that the style sheet gives them.
  var boxes: [TextBox] {
    places.map { attributes, index in
      let style = attributes["class"] ?? ""
      let sizes = ["title": 17.0, "quiet": 11, "count": 11, "figure": 22]
      let size = sizes[String(style.prefix { $0 != " " })] ?? 12
      let bold = ["title", "strong", "figure"].contains(style) ? 1.12 : 1
      let width = bold * PlotText.width(of: texts[index], size: size)
      let (x, y) = (Double(attributes["x"] ?? "") ?? .nan, Double(attributes["y"] ?? "") ?? .nan)
      let shares = ["middle": 0.5, "end": 1]
      let share = shares[attributes["text-anchor"] ?? "start"] ?? 0
      return TextBox(
        text: texts[index], left: x - share * width, right: x + (1 - share) * width,
        top: y - 0.75 * size, bottom: y + 0.2 * size)
    }
  }

  init(_ text: String) {
    super.init()
    let parser = XMLParser(data: Data(text.utf8))
    parser.delegate = self
    isWellFormed = parser.parse()
  }

  func parser(
    _ parser: XMLParser, didStartElement element: String, namespaceURI: String?,
    qualifiedName: String?, attributes: [String: String]
  ) {
    if let style = attributes["class"] { classes[style, default: 0] += 1 }
    if element == "svg" {
      size = (Double(attributes["width"] ?? "") ?? 0, Double(attributes["height"] ?? "") ?? 0)
    }
    guard element == "text" || element == "title" else { return }
    isInText = true
    if element == "text" { places.append((attributes, texts.count)) }
    texts.append("")
  }

  func parser(
    _ parser: XMLParser, didEndElement element: String, namespaceURI: String?,
    qualifiedName: String?
  ) {
    if element == "text" || element == "title" { isInText = false }
  }

  func parser(_ parser: XMLParser, foundCharacters characters: String) {
    if isInText { texts[texts.count - 1] += characters }
  }
}
