import Foundation
import Glibc
import Testing

/// The commands that manage the cache, and unusable caches.
struct CacheTests {
  private let bench: PullBench
  private var file: String { "\(bench.cache)/file.bin" }

  init() throws {
    bench = try PullBench(bytes: 100_000)
  }

  private func pull() throws {
    bench.expectWhole(try bench.pull(try WebServer.ofFile(bench.data)))
  }

  @Test func listAndPath() throws {
    #expect(try bench.run(["list"]).status == 0, "a cache that is not there is empty")
    try pull()
    let list = try object(try bench.run(["list", "--format", "json"]).output)
    let weights = try #require(list["weights"] as? [[String: Any]])
    #expect(weights.map { $0["name"] as? String } == ["file.bin"])
    #expect(weights.first?["bytes"] as? Int == bench.data.count)
    #expect(try bench.run(["path"]).output == bench.cache + "\n")
    #expect(try bench.run(["path", "file.bin"]).output == file + "\n")
    let absent = try bench.run(["path", "other.bin"])
    #expect(absent.status == 66)
    #expect(absent.errors.contains("no weights of that name"))
  }

  @Test func verify() throws {
    try pull()
    let good = try bench.run(["verify", "--format", "csv"])
    #expect(good.status == 0)
    #expect(good.output.contains("file.bin,good,\(bench.sha256)"), "\(good.output)")
    var data = bench.data
    data[70_000] ^= 1
    try data.write(to: URL(fileURLWithPath: file))
    let changed = try bench.run(["verify"])
    #expect(changed.status == 76)
    #expect(changed.errors.contains("expected \(bench.sha256); pull it again"), "\(changed.errors)")
    try pull()
    #expect(try bench.run(["verify", "file.bin"]).status == 0, "a damaged file is fetched again")
  }

  @Test func remove() throws {
    try pull()
    #expect(try bench.run(["rm", "file.bin"]).status == 0)
    #expect(bench.names().isEmpty)
    #expect(try bench.run(["rm", "file.bin"]).status == 66)
    for name in ["../original", "/etc/passwd", "", ".", "-x"] {
      expectUsageError(try bench.run(["rm", "--", name]), "\"\(name)\"")
    }
    #expect(FileManager.default.fileExists(atPath: "\(bench.folder)/original"))
  }

  /// A link in the cache cannot lead readers or writers out of it.
  @Test func linksNeverLeadOut() throws {
    mkdir(bench.cache, 0o777)
    let outside = "\(bench.folder)/outside.safetensors"
    try FileManager.default.copyItem(atPath: TestFiles.weights.get(), toPath: outside)
    let link = "\(bench.cache)/mobilenetv3-small.safetensors"
    #expect(symlink(outside, link) == 0)
    #expect(symlink("\(bench.folder)/original", file) == 0)
    #expect(try bench.run(["list", "--format", "csv"]).lines.count == 1)
    let image = try TestFiles.image("\(bench.folder)/image")
    #expect(try bench.run(["classify", image, "--model", "mobilenetv3-small"]).status == 69)
    #expect(try bench.run(["verify", "file.bin"]).errors.contains("leads out of the cache"))
    let before = try Data(contentsOf: URL(fileURLWithPath: "\(bench.folder)/original"))
    try pull2()
    var status = stat()
    #expect(lstat(file, &status) == 0 && status.st_mode & S_IFMT == S_IFREG)
    #expect(try Data(contentsOf: URL(fileURLWithPath: "\(bench.folder)/original")) == before)
    #expect(try bench.run(["rm", "mobilenetv3-small.safetensors"]).status == 0)
    #expect(FileManager.default.fileExists(atPath: outside))
  }

  private func pull2() throws {
    let outcome = try bench.pull(try WebServer.ofFile(bench.data))
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(bench.pulled == bench.data)
  }

  @Test(arguments: ["a file", "a loop of links", "below a file"])
  func unusableCache(kind: String) throws {
    switch kind {
    case "a file": try Data().write(to: URL(fileURLWithPath: bench.cache))
    case "a loop of links": symlink("cache", bench.cache)
    default:
      try Data().write(to: URL(fileURLWithPath: "\(bench.folder)/plain"))
      symlink("\(bench.folder)/plain/below", bench.cache)
    }
    let server = try WebServer.ofFile(bench.data)
    let pulled = try bench.pull(server)
    #expect(pulled.status == 73, "\(pulled.errors)")
    #expect(pulled.errors.contains(bench.cache))
    #expect(server.requests.isEmpty)
    let image = try TestFiles.image("\(bench.folder)/image")
    let outcome = try bench.run(["classify", image, "--model", "mobilenetv3-small"])
    #expect(outcome.status == 69, "\(outcome.errors)")
  }

  /// Without an environment, the home directory comes from the password database.
  @Test func emptyEnvironment() throws {
    let home = try #require(getpwuid(getuid())).pointee.pw_dir
    let expected = String(cString: try #require(home)) + "/.cache/cnnzoo\n"
    #expect(try Tool.shell("env -i $cnnzoo path").output == expected)
    #expect(try Tool.shell("env -i HOME= XDG_CACHE_HOME=relative $cnnzoo path").output == expected)
    #expect(try Tool.shell("env -i XDG_CACHE_HOME=/x $cnnzoo path").output == "/x/cnnzoo\n")
    #expect(try Tool.shell("env -i HOME=/y $cnnzoo path").output == "/y/.cache/cnnzoo\n")
    #expect(try Tool.shell("env -i HOME=/y CNNZOO_CACHE=/z $cnnzoo path").output == "/z\n")
  }

  /// Without a terminal there is no prompt; the message names the command to run.
  @Test func missingWeightsWithoutATerminal() throws {
    let image = try TestFiles.image("\(bench.folder)/image")
    let outcome = try bench.run(["classify", image, "--model", "effnetv2-m"])
    #expect(outcome.status == 69)
    #expect(outcome.output.isEmpty)
    #expect(outcome.errors.contains("cnnzoo pull effnetv2-m"), "\(outcome.errors)")
  }

  private static let haveScript =
    (try? Tool.shell("command -v script >/dev/null").status == 0) ?? false

  /// On a terminal there is a prompt, and "no" is respected.
  @Test(.enabled(if: haveScript, "the program `script` is not there to make a terminal"))
  func missingWeightsOnATerminal() throws {
    let image = try TestFiles.image("\(bench.folder)/image")
    let outcome = try Tool.shell(
      """
      export CNNZOO_CACHE="$1"; unset CNNZOO_OFFLINE
      (sleep 0.5; echo n) | script -qec "$cnnzoo classify $2 --model effnetv2-m" /dev/null
      """, [bench.cache, image])
    #expect(outcome.output.contains("[y/N]"), "\(outcome.output)")
    #expect(outcome.output.contains("cnnzoo pull effnetv2-m"), "\(outcome.output)")
    #expect(outcome.status == 69)
  }
}
