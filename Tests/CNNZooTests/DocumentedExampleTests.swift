import CNNZoo
import Foundation
import Testing

/// The examples of the documentation, compiled.
struct DocumentedExampleTests {
  /// The README's example as a function, so that the compiler sees it.
  private func example() throws {
    // begin
    let classifier = try Classifier(model: "effnet-lite0")
    for prediction in try classifier.classify(Image(contentsOf: "photo.jpg"), topK: 3) {
      print(prediction.label, prediction.probability)
    }
    // end
  }

  private static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  @Test(arguments: ["README.md", "Sources/CNNZoo/CNNZoo.docc/CNNZoo.md"])
  func theExampleIsTheOneThatIsCompiled(file: String) throws {
    let source = try String(contentsOfFile: #filePath, encoding: .utf8)
    let lines = source.components(separatedBy: "    // begin\n")[1]
      .components(separatedBy: "    // end\n")[0]
      .split(separator: "\n").map { $0.dropFirst(4) }
    #expect(lines.count == 4)
    let text = try String(
      contentsOf: Self.root.appendingPathComponent(file), encoding: .utf8)
    #expect(text.contains(lines.joined(separator: "\n") + "\n```"))
  }

  /// Without weights in reach, the example says what to do.
  @Test func theExampleRuns() throws {
    do {
      try example()
    } catch PretrainedError.weightsNotFound, is ImageError {
      // The weights, or the photo, are the reader's.
    }
  }
}
