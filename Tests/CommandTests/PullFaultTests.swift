import Foundation
import Glibc
import Testing

/// Pulls that are killed, concurrent pulls, and full disks.
struct PullFaultTests {
  private let bench: PullBench

  init() throws {
    bench = try PullBench()
  }

  @Test func eightConcurrentPullsGiveOneGoodFile() throws {
    let server = try WebServer.ofFile(bench.data, wait: 2_000)
    let processes = try (0..<8).map { _ in try bench.start(arguments(server)) }
    for process in processes { process.waitUntilExit() }
    #expect(processes.allSatisfy { $0.terminationStatus == 0 })
    #expect(bench.pulled == bench.data)
    #expect(bench.names() == ["file.bin", "file.bin.sha256"])
    #expect(server.requests.filter { $0.method == "GET" }.count == 1)
  }

  @Test func killedAtAnyMoment() throws {
    let server = try WebServer.ofFile(bench.data, wait: 1_000)
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<50 {
      let process = try bench.start(arguments(server) + ["--force"])
      usleep(.random(in: 0..<90_000, using: &generator))
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      if let pulled = bench.pulled { #expect(pulled == bench.data) }
      #expect(bench.names().count < 20, "\(bench.names())")
    }
    let outcome = try bench.pull(server, ["--force"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(bench.pulled == bench.data)
    // A file left by a killed process might be in use by another, so it is removed after an hour.
    #expect(bench.names().filter { !$0.hasPrefix(".cnnzoo-") } == ["file.bin", "file.bin.sha256"])
  }

  /// An interrupted pull exits cleanly and keeps the received bytes, which the next pull resumes.
  @Test(arguments: [SIGINT, SIGTERM])
  func interrupted(signal: Int32) throws {
    let server = try WebServer.ofFile(bench.data, wait: 20_000)
    let process = try bench.start(arguments(server))
    while !bench.names().contains(where: { $0.hasSuffix(".part") }) && process.isRunning {
      usleep(10_000)
    }
    usleep(100_000)
    kill(process.processIdentifier, signal)
    process.waitUntilExit()
    #expect(process.terminationReason == .exit)
    #expect(process.terminationStatus == 128 + signal)
    #expect(bench.pulled == nil)
    bench.expectWhole(try bench.pull(server))
    #expect(server.requests.contains { $0.rangeStart != nil })
  }

  private static let canMount: Bool = {
    guard let folder = try? TestFiles.folder() else { return false }
    defer { umount(folder) }
    return mount("tmpfs", folder, "tmpfs", 0, "size=64k") == 0
  }()

  @Test(.enabled(if: canMount, "this process may not mount a small file system"))
  func fullDisk() throws {
    mkdir(bench.cache, 0o777)
    #expect(mount("tmpfs", bench.cache, "tmpfs", 0, "size=1m") == 0)
    defer { umount(bench.cache) }
    let server = try WebServer.ofFile(bench.data)
    bench.expectFailure(try bench.pull(server), 74, "No space left on device")
    #expect(bench.names().isEmpty, "\(bench.names())")
  }

  @Test(.enabled(if: canMount, "this process may not mount a file system"))
  func readOnlyCacheIsUsable() throws {
    mkdir(bench.cache, 0o777)
    #expect(mount("tmpfs", bench.cache, "tmpfs", 0, "size=64m") == 0)
    defer { umount(bench.cache) }
    try FileManager.default.copyItem(
      atPath: TestFiles.weights.get(), toPath: "\(bench.cache)/mobilenetv3-small.safetensors")
    #expect(
      mount("tmpfs", bench.cache, "tmpfs", UInt(MS_REMOUNT | MS_RDONLY), nil) == 0
    )
    let image = try TestFiles.image("\(bench.folder)/image")
    #expect(try bench.run(["classify", image, "--model", "mobilenetv3-small"]).status == 0)
    #expect(try bench.run(["list"]).output.contains("mobilenetv3-small.safetensors"))
    #expect(try bench.run(["verify"]).output.contains("unrecorded"))
    let server = try WebServer.ofFile(bench.data)
    bench.expectFailure(try bench.pull(server), 73, "Read-only file system")
    let removal = try bench.run(["rm", "mobilenetv3-small"])
    #expect(removal.status == 74, "\(removal.errors)")
    #expect(bench.names() == ["mobilenetv3-small.safetensors"])
  }

  private func arguments(_ server: WebServer) -> [String] {
    ["pull", "--url", server.address, "--sha256", bench.sha256]
  }
}
