import CNNZoo
import Foundation
import TestSupport
import Testing

/// The examples of the documentation, compiled.
struct DocumentedExampleTests {
  /// The README's example.
  private func example() throws {
    // begin
    let classifier = try Classifier(model: "effnet-lite0")
    for prediction in try classifier.classify(Image(contentsOf: "photo.jpg"), topK: 3) {
      print(prediction.label, prediction.probability)
    }
    // end
  }

  @Test(arguments: ["README.md", "Sources/CNNZoo/CNNZoo.docc/CNNZoo.md"])
  func documentedExampleIsCompiled(file: String) throws {
    let source = try String(contentsOfFile: #filePath, encoding: .utf8)
    let lines = source.components(separatedBy: "    // begin\n")[1]
      .components(separatedBy: "    // end\n")[0]
      .split(separator: "\n").map { $0.dropFirst(4) }
    #expect(lines.count == 4)
    let text = try String(
      contentsOfFile: "\(RealData.package)/\(file)", encoding: .utf8)
    #expect(text.contains(lines.joined(separator: "\n") + "\n```"))
  }

  /// The photo is the reader's, so that the example fails for want of it, and before that for want of
  /// weights if there are none.
  @Test func exampleFindsWeightsOrSaysHowToGetThem() throws {
    let model = try ModelCatalog.model(named: "effnet-lite0")
    if (try? WeightSearch.standard().weights(of: model)) != nil {
      #expect(throws: ImageError.self) { try example() }
    } else {
      let error = #expect(throws: PretrainedError.self) { try example() }
      #expect(error?.description.contains("cnnzoo pull effnet-lite0") == true)
    }
  }
}
