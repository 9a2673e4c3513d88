import Foundation
import Testing

/// `bench --images`, and what `--decode` changes in reports.
struct StreamBenchTests {
  private let folder: String

  init() throws {
    folder = try TestFiles.folder()
    for name in ["a", "b", "c"] { try TestFiles.image("\(folder)/\(name).ppm") }
  }

  private var quick: [String] {
    get throws {
      [
        "bench", "mobilenetv3-small", "--weights", try TestFiles.weights.get(), "--images", folder,
        "-t", "1", "-b", "2", "--min-time", "0", "--rounds", "5",
      ]
    }
  }

  @Test func aRunIsAPassOverAllImages() throws {
    let outcome = try Tool.run(quick + ["--format", "json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let document = try object(outcome.output)
    #expect(document["input"] as? String == "images from files")
    let results = try #require(document["results"] as? [[String: Any]])
    let result = try #require(results.first)
    #expect(result["mode"] as? String == "stream")
    #expect(result["images"] as? Int == 3)
    #expect(result["image_bytes"] as? Int == 3 * (13 + 3 * 20 * 16))
    #expect(result["decode"] as? String == "exact")
    let median = try #require(result["p50_ms"] as? Double)
    let rate = try #require(result["images_per_second"] as? Double)
    #expect(abs(rate - 3 / (median / 1000)) < 1e-6 * rate)
    for part in ["reading_ms", "decoding_ms", "resizing_ms", "network_ms"] {
      #expect(try #require(result[part] as? Double) >= 0)
    }
  }

  @Test func theTableShowsWhereTheTimeGoes() throws {
    let outcome = try Tool.run(quick)
    #expect(outcome.status == 0, "\(outcome.errors)")
    for heading in ["reading", "decoding", "resizing", "network", "images/s", "of bound %"] {
      #expect(outcome.output.contains(heading), "\(heading)")
    }
  }

  @Test func damagedFilesAreLeftOut() throws {
    try Data("P6 20 16 255\n".utf8).write(to: URL(fileURLWithPath: "\(folder)/d.ppm"))
    let outcome = try Tool.run(quick + ["--format", "json"])
    #expect(outcome.status == 0)
    #expect(outcome.errors.contains("1 file cannot be decoded"))
    let results = try #require(try object(outcome.output)["results"] as? [[String: Any]])
    #expect(results.first?["images"] as? Int == 3)
    let limited = try Tool.run(quick + ["--format", "json", "--image-limit", "2"])
    let two = try #require(try object(limited.output)["results"] as? [[String: Any]])
    #expect(two.first?["images"] as? Int == 2)
  }

  @Test func nothingToMeasure() throws {
    let empty = try TestFiles.folder()
    let outcome = try Tool.run([
      "bench", "mobilenetv3-small", "--images", empty, "--min-time", "0",
    ])
    #expect(outcome.status != 0)
    #expect(outcome.errors.contains("no image can be decoded: "))
  }

  /// A stream is compared with the same stream only.
  @Test func comparison() throws {
    let report = "\(try TestFiles.folder())/report.json"
    let outcome = try Tool.run(quick + ["--format", "json"])
    try Data(outcome.output.utf8).write(to: URL(fileURLWithPath: report))
    let same = try Tool.run(quick + ["--compare", report])
    #expect(same.status == 0, "\(same.errors)")
    #expect(same.output.contains("verdict"))
    let other = try Tool.run(quick + ["--compare", report, "--decode", "fast"])
    #expect(other.status != 0)
    #expect(other.errors.contains("stream (3 images, exact)"), "\(other.errors)")
  }

  @Test(arguments: [
    (["--images", ".", "--train"], "--train and --images"),
    (["--images", ".", "--layers"], "--layers measures the network alone"),
    (["--decode", "fast"], "--decode is for a stream"),
    (["--image-limit", "3"], "--image-limit is for a stream"),
    (["--images", ".", "--input-size", "64x32"], "drop --input-size"),
  ])
  func optionsWithoutEffectAreRefused(options: [String], message: String) throws {
    let outcome = try Tool.run(["bench", "mobilenetv3-small", "--min-time", "0"] + options)
    #expect(outcome.status == 64, "\(outcome.errors)")
    #expect(outcome.errors.contains(message), "\(outcome.errors)")
  }

  @Test func reportsSayThatDecodingWasFast() throws {
    let arguments = try ["classify", "\(folder)/a.ppm", "--format", "json"] + TestFiles.network()
    #expect(try object(Tool.run(arguments).output)["decode"] == nil)
    let fast = try Tool.run(arguments + ["--decode", "fast"])
    #expect(try object(fast.output)["decode"] as? String == "fast")
  }
}
