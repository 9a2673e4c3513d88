import Foundation
import Pretrained
import Testing
import TestSupport

struct LabelsTests {
  @Test func imageNetHasAThousandDistinctNames() {
    #expect(Labels.imageNet.count == 1000)
    #expect(Set(Labels.imageNet.names).count == 1000)
  }

  @Test(arguments: [
    (0, "tench"), (134, "crane bird"), (281, "tabby"), (517, "crane"), (638, "maillot"),
    (639, "maillot tank suit"), (999, "toilet tissue"),
  ])
  func imageNetNames(index: Int, name: String) {
    #expect(Labels.imageNet[index] == name)
  }

  @Test func unnamedClassesAreNumbered() {
    #expect(Labels.numbered(18)[17] == "class 17")
  }

  @Test(arguments: [
    ("a\nb", ["a", "b"]), ("a\nb\n", ["a", "b"]), ("a\r\nb\r\n", ["a", "b"]),
    ("a\r\r\nb\rc", ["a", "b\rc"]), ("\u{FEFF}a", ["a"]),
    ("great white shark", ["great white shark"]), ("a\rb\r", ["a", "b"]),
    ("\u{FEFF}a\r\nb\r\n", ["a", "b"]), ("[x]\nb", ["[x]", "b"]), ("{a}\nb", ["{a}", "b"]),
  ])
  func files(text: String, names: [String]) throws {
    let folder = try TemporaryFolder()
    #expect(try Labels(contentsOf: folder.file("labels", text.utf8)).names == names)
  }

  @Test(arguments: [
    (#"["a", "b c", "d\ne"]"#, ["a", "b c", "d e"]),
    (#" {"0": "a", "1": "b"}"#, ["a", "b"]),
    (#"{"1": ["n01443537", "goldfish"], "0": ["n01440764", "tench"]}"#, ["tench", "goldfish"]),
    (
      #"{"architectures": ["X"], "id2label": {"1": "dog", "0": "cat"}, "label2id": {"cat": 0}}"#,
      ["cat", "dog"]
    ),
    (
      #"{"label_names": ["n1", "n2"], "label_descriptions": {"n1": "one"}}"#, ["one", "n2"]
    ),
    ("\u{FEFF}[\"a\"]", ["a"]),
  ])
  func json(text: String, names: [String]) throws {
    let folder = try TemporaryFolder()
    #expect(try Labels(contentsOf: folder.file("config.json", text.utf8)).names == names)
    #expect(try Labels(contentsOf: folder.file("labels", text.utf8)).names == names)
  }

  @Test(arguments: [
    ("[1, 2]", "class 0 has no name"), (#"["a", " "]"#, "class 1 has no name"),
    (#"{"id2label": {"0": "a", "2": "b"}}"#, "numbered from 0"),
    (#"{"id2label": {"0": "a", "00": "b"}}"#, "numbered from 0"),
    (#"{"architecture": "x"}"#, "without class names"), ("[]", "no names"), ("[", "byte 1"),
  ])
  func damagedJSON(text: String, reason: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.file("labels.json", text.utf8)
    let error = #expect(throws: LabelsError.self) { try Labels(contentsOf: path) }
    #expect("\(try #require(error))".contains(reason))
  }

  /// As PowerShell writes text by default.
  @Test func utf16() throws {
    let folder = try TemporaryFolder()
    let little: [UInt8] = [0xFF, 0xFE, 0xE9, 0, 0x0D, 0, 0x0A, 0, 0x62, 0, 0x0D, 0, 0x0A, 0]
    let big: [UInt8] = [0xFE, 0xFF, 0, 0xE9, 0, 0x0A, 0, 0x62]
    for bytes in [little, big] {
      #expect(try Labels(contentsOf: folder.file("labels", bytes)).names == ["é", "b"])
    }
  }

  /// The format of labels in a weight file's metadata.
  @Test(arguments: [
    ("a\nb", ["a", "b"]), ("a\r\nb", ["a", "b"]), ("a\rb\n", ["a\rb", ""]), ("", [""]),
  ])
  func lines(text: String, names: [String]) {
    let labels = Labels(lines: text, source: "text")
    #expect(labels.names == names)
    #expect(Labels(lines: labels.text, source: "text") == labels)
  }

  @Test(
    arguments: [
      ([], "the file is empty"), (Array("a\n\nb".utf8), "line 2 is empty"),
      (Array("a\nb\n\n".utf8), "line 3 is empty"), ([0x61, 0x0A, 0xFF], "line 2 is not UTF-8"),
    ] as [([UInt8], String)])
  func damagedFiles(bytes: [UInt8], reason: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.file("labels", bytes)
    let error = #expect(throws: LabelsError.self) { try Labels(contentsOf: path) }
    #expect("\(try #require(error))".contains(reason))
  }

  @Test func missingFile() {
    #expect(throws: LabelsError.unreadable(path: "/no/labels", reason: "No such file or directory"))
    { try Labels(contentsOf: "/no/labels") }
  }

  @Test(.enabled(if: RealData.haveShared, "\(RealData.needsShared)"))
  func labelsMatchPhotoNames() throws {
    let table = try String(
      contentsOfFile: RealData.shared + "/images/labels.tsv", encoding: .utf8)
    var compared = 0
    for line in table.split(separator: "\n") {
      let fields = line.split(separator: "\t")
      guard fields.count >= 4, let index = Int(fields[1]) else { continue }
      let name = fields[3].replacing("_", with: " ")
      #expect(Labels.imageNet[index].lowercased() == name.lowercased(), "class \(index)")
      compared += 1
    }
    #expect(compared == 103)
  }
}
