import CNNZoo
import Foundation
import TestSupport
import Testing

/// Images in formats whose libraries are loaded when needed, and in formats that are only named.
@Suite struct ImageFormatTests {
  private let folder: String

  init() throws {
    folder = try TestFiles.folder()
  }

  /// A recorded image of the tests of `Images`, by the beginning of its name.
  private func recorded(_ table: String, _ name: String) throws -> [UInt8] {
    let images = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "ImagesTests/Goldens.swift")
    let row = try #require(
      GoldenTable.rows(table, beside: images.path).first {
        $0[0].hasPrefix(name) && Int($0[2]) != nil
      })
    return [UInt8](try #require(Data(base64Encoded: row[1])))
  }

  private func bytes(of format: ImageFormat) throws -> [UInt8] {
    switch format {
    case .gif: try recorded("gif.tsv", "gif")
    case .tiff: try recorded("tiff.tsv", "tiff")
    case .avif: try recorded("heif.tsv", "avif")
    default: try recorded("heif.tsv", "heic")
    }
  }

  @discardableResult
  private func write(_ bytes: [UInt8], _ name: String) throws -> String {
    let path = "\(folder)/\(name)"
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return path
  }

  /// Damaged libraries are found first, so that none is loaded.
  private func withoutLibraries(_ arguments: [String]) throws -> Tool.Outcome {
    let libraries = try TestFiles.folder()
    for name in ["libgif.so.7", "libtiff.so.6", "libtiff.so.5", "libheif.so.1"] {
      try Data().write(to: URL(fileURLWithPath: "\(libraries)/\(name)"))
    }
    var environment = ProcessInfo.processInfo.environment
    environment["LD_LIBRARY_PATH"] = libraries
    return try Tool.run(arguments, environment: environment)
  }

  @Test(arguments: [
    (ImageFormat.gif, "libgif7"), (.tiff, "libtiff6"), (.heic, "libheif1"), (.avif, "libheif1"),
  ])
  func missingLibraryIsNamed(format: ImageFormat, package: String) throws {
    // Any name: the contents count.
    let path = try write(try bytes(of: format), "image.jpg")
    let outcome = try withoutLibraries(["classify", path] + TestFiles.network())
    #expect(outcome.status == 69, "\(outcome.errors)")
    #expect(outcome.errors.contains("cannot decode \(format)"), "\(outcome.errors)")
    if format.missingLibrary?.contains("this build") != true {
      #expect(outcome.errors.contains("Debian: \(package)"), "\(outcome.errors)")
    }
    let record = try withoutLibraries(
      ["classify", path, "--format", "jsonl", "--on-error", "record"] + TestFiles.network())
    let error = try object(record.lines.first ?? "")["error"] as? [String: Any]
    #expect(error?["code"] as? String == "unavailable")
  }

  @Test func everyInstalledLibraryIsUsed() throws {
    for format in [ImageFormat.gif, .tiff, .heic, .avif] where format.missingLibrary == nil {
      let path = try write(try bytes(of: format), "image")
      let outcome = try Tool.run(["classify", path, "--format", "csv"] + TestFiles.network())
      #expect(outcome.status == 0, "\(format): \(outcome.errors)")
      #expect(outcome.errors.isEmpty, "\(outcome.errors)")
    }
  }

  /// In a folder, raw files count as images that fail; other files are skipped.
  @Test func foldersWithRawFiles() throws {
    try TestFiles.image("\(folder)/a.ppm")
    try write(Array("FUJIFILMCCD-RAW 0201 of a camera".utf8), "b")
    try write(
      [0x49, 0x49, 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 0xC6, 1, 0, 4, 0, 0, 0, 1, 4, 0, 0, 0, 0, 0, 0],
      "c.dng")
    try write(Array("BMW is no bitmap".utf8), "d.txt")
    let outcome = try Tool.run(["classify", folder, "--format", "csv"] + TestFiles.network())
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("b: camera raw (Fujifilm RAF) is not supported; export it"))
    #expect(outcome.errors.contains("c.dng: camera raw (DNG) is not supported; export it"))
    #expect(!outcome.errors.contains("d.txt"))
  }

  /// A JPEG whose data ends early is answered, and a warning says so.
  @Test func damagedJPEG() throws {
    var bytes = try recorded("decoding.tsv", "jpeg 4:4:4")
    bytes.replaceSubrange(bytes.count - 60..<bytes.count, with: [0xFF, 0xD9])
    let path = try write(bytes, "damaged.jpg")
    let outcome = try Tool.run(["classify", path, "--format", "csv"] + TestFiles.network())
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains("damaged.jpg: damaged image data, decoded as far as possible"))
  }
}
