import CNNZoo
import Command
import Foundation
import FoundationXML
import TestSupport
import Testing

/// `train --preview`.
struct PreviewTests {
  private let folder: String
  private var images: String { folder + "/images" }
  private var file: String { folder + "/preview.svg" }

  init() throws {
    folder = try TestFiles.folder()
    for (index, name) in ["blue", "green & <red>"].enumerated() {
      try FileManager.default.createDirectory(
        atPath: "\(images)/\(name)", withIntermediateDirectories: true)
      for seed in 0..<4 {
        let pixels = (0..<3 * 40 * 36).map { position in
          UInt8(truncatingIfNeeded: position &* (5 * index + seed + 1) >> 2)
        }
        try Data(Array("P6 40 36 255\n".utf8) + pixels).write(
          to: URL(filePath: "\(images)/\(name)/\(seed).ppm"))
      }
    }
  }

  private func preview(_ arguments: [String] = [], to path: String? = nil) throws -> Tool.Outcome {
    try Tool.run(
      [
        "train", images, "--preview", path ?? file, "--from-scratch", "--model",
        "mobilenetv3-small", "--image-size", "32",
      ] + arguments)
  }

  private func elements(_ name: String) throws -> [XMLElement] {
    let document = try XMLDocument(contentsOf: URL(filePath: file))
    return try document.nodes(forXPath: "//*[local-name()='\(name)']").compactMap {
      $0 as? XMLElement
    }
  }

  private func texts() throws -> [String] { try elements("text").compactMap(\.stringValue) }

  /// Six images, at inference and in five epochs, as PNG at the training size; nothing is trained.
  @Test func sheetShowsImages() throws {
    let outcome = try preview(["--rand-augment", "9"])
    #expect(outcome.status == 0 && outcome.output.isEmpty, "\(outcome.errors)")
    let found = try elements("image")
    #expect(found.count == 36)
    for element in found {
      let link = try #require(element.attribute(forName: "xlink:href")?.stringValue)
      let prefix = "data:image/png;base64,"
      #expect(link.hasPrefix(prefix))
      let bytes = try #require(Data(base64Encoded: String(link.dropFirst(prefix.count))))
      let image = try Image(decoding: Array(bytes))
      #expect((image.width, image.height) == (32, 32))
    }
    let texts = try texts()
    #expect(texts.count { $0 == "blue" } == 18 && texts.count { $0 == "green & <red>" } == 18)
    #expect(texts.contains("at inference") && texts.contains("epoch 5"))
    #expect(texts.contains { $0.contains("2 operations of RandAugment at magnitude 9") })
    #expect(texts.contains { $0.contains("mirrored") })
    #expect(
      try String(contentsOfFile: file, encoding: .utf8).contains("prefers-color-scheme: dark"))
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == [
        "images", "preview.svg",
      ])
  }

  @Test func bytesDependOnTheSeedAlone() throws {
    let arguments = ["--rand-augment", "9", "--mixup", "0.2", "--cutmix", "1", "--erasing", "0.5"]
    #expect(try preview(arguments + ["-t", "1"]).status == 0)
    let expected = try Data(contentsOf: URL(filePath: file))
    #expect(try preview(arguments + ["-t", "3"]).status == 0)
    #expect(try Data(contentsOf: URL(filePath: file)) == expected)
    #expect(try preview(arguments + ["--seed", "1"]).status == 0)
    #expect(try Data(contentsOf: URL(filePath: file)) != expected)
  }

  @Test func mixedLabelsHaveShares() throws {
    #expect(try preview(["--mixup", "1", "--cutmix", "1"]).status == 0)
    let texts = try texts()
    #expect(texts.contains { $0.hasPrefix("blue 0.") } && texts.contains("mixup"))
    #expect(texts.contains("CutMix") && texts.contains { $0.contains("mixup α 1, CutMix α 1") })
  }

  /// A damaged image is named, and another one shown.
  @Test func damagedImages() throws {
    for seed in 0..<3 {
      try Data("P6 36 36 255\nshort".utf8).write(to: URL(filePath: "\(images)/blue/\(seed).ppm"))
    }
    let outcome = try preview()
    #expect(outcome.status == 0)
    #expect(outcome.errors.components(separatedBy: "warning: ").count == 4, "\(outcome.errors)")
    #expect(outcome.errors.contains("blue/1.ppm"))
    #expect(try elements("image").count == 5 * 6)
  }

  @Test func impossibleFiles() throws {
    let outcome = try preview(to: "\(folder)/missing/preview.svg")
    #expect(outcome.status == 73, "\(outcome.errors)")
    let missing = try Tool.run([
      "train", "\(folder)/none", "--preview", file, "--from-scratch", "--model",
      "mobilenetv3-small",
    ])
    #expect(missing.status == 66, "\(missing.errors)")
  }

  /// RFC 4648, section 10.
  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
    ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
  ])
  func base64(text: String, expected: String) {
    #expect(SVGDrawing.base64(Array(text.utf8)) == expected)
  }
}
