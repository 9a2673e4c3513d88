import Foundation
import Testing

/// Downloads from well-behaved and misbehaving servers.
struct PullTests {
  private let bench: PullBench

  init() throws {
    bench = try PullBench()
  }

  @Test func wholeFile() throws {
    let server = try WebServer.ofFile(bench.data)
    bench.expectWhole(try bench.pull(server))
    let record = try Tool.shell("cd \"$1\" && sha256sum -c file.bin.sha256", [bench.cache])
    #expect(record.output == "file.bin: OK\n")

    let count = server.requests.count
    let again = try bench.pull(server, ["--format", "json"])
    let pulled = try #require(try object(again.output)["pulled"] as? [[String: Any]])
    #expect(pulled.first?["fetched"] as? Bool == false)
    #expect(server.requests.count == count, "what is there is not fetched again")

    bench.expectWhole(try bench.pull(server, ["--force"]))
    #expect(server.requests.count > count)
  }

  @Test(.enabled(if: Tool.haveTerminal, "needs script of the package bsdutils"))
  func progressOnATerminal() throws {
    let data = bench.data
    let server = try WebServer { _, connection in
      connection.head("200 OK", ["Content-Length: \(data.count)"])
      for start in stride(from: 0, to: data.count, by: data.count / 15) {
        connection.send(data.dropFirst(start).prefix(data.count / 15))
        usleep(100_000)
      }
    }
    func pull(_ more: [String]) throws -> String {
      try Tool.terminal(
        ["pull", "--force", "--url", server.address, "--sha256", bench.sha256] + more,
        environment: ["CNNZOO_CACHE": bench.cache, "no_proxy": "*"]
      ).output
    }
    let shown = try pull([])
    #expect(
      shown.contains(/#*\.*  [\d.]+ MiB of 2.9 MiB, [\d.]+ [KM]iB\/s, 0:0\d left/), "\(shown)")
    #expect(shown.contains("\r\u{1B}[K"))
    #expect(try !pull(["--quiet"]).contains("left"))
  }

  /// `classify` then uses the weights pulled for a network.
  @Test func weightsOfANetwork() throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: TestFiles.weights.get()))
    let server = try WebServer.ofFile(data)
    let pull = try bench.run([
      "pull", "mobilenetv3-small", "--url", server.address, "--sha256",
      try PullBench.sha256(of: TestFiles.weights.get()),
    ])
    #expect(pull.status == 0, "\(pull.errors)")
    #expect(
      bench.names() == ["mobilenetv3-small.safetensors", "mobilenetv3-small.safetensors.sha256"])
    let image = try TestFiles.image("\(bench.folder)/image")
    let found = try bench.run(["classify", image, "--model", "mobilenetv3-small"])
    let given = try bench.run(["classify", image] + TestFiles.network())
    #expect(found.status == 0, "\(found.errors)")
    #expect(found.output == given.output)
    let path = try bench.run(["path", "mobilenetv3-small"])
    #expect(path.output == "\(bench.cache)/mobilenetv3-small.safetensors\n")
  }

  /// A mirror replaces the publisher's host, not the published hash.
  @Test func mirror() throws {
    let server = try WebServer.ofFile(
      Data(contentsOf: URL(fileURLWithPath: TestFiles.weights.get())))
    let mirror = ["CNNZOO_MIRROR": server.base + "/"]
    let pull = ["pull", "mobilenetv3-small"]
    let hash = try PullBench.sha256(of: TestFiles.weights.get())
    #expect(try bench.run(pull, more: mirror).status == 76)
    #expect(bench.names().isEmpty)
    let outcome = try bench.run(pull + ["--sha256", hash], more: mirror)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(
      Set(server.requests.map(\.path))
        == ["/download.pytorch.org/models/mobilenet_v3_small-047dcff4.pth"])
    let open = try bench.run(
      pull + ["--force"], more: ["CNNZOO_MIRROR": "http://mirror.example.org"])
    #expect(open.status == 64 && open.errors.contains("use https"), "\(open.errors)")
  }

  /// A truncated body is kept, and the next pull requests only the rest.
  @Test func shortBodyIsResumed() throws {
    let data = bench.data
    let isBroken = Flag(true)
    let server = try WebServer { request, connection in
      guard request.method == "GET", isBroken.value, request.rangeStart == nil else {
        return WebServer.answer(request, connection, data)
      }
      isBroken.value = false
      connection.head("200 OK", ["ETag: \"one\"", "Content-Length: \(data.count)"])
      connection.send(data.prefix(1_000_000))
    }
    bench.expectFailure(try bench.pull(server), 69, server.address)
    #expect(bench.names().count == 1, "\(bench.names())")
    bench.expectWhole(try bench.pull(server))
    let ranges = server.requests.compactMap(\.rangeStart)
    #expect(ranges == [1_000_000])
  }

  /// A partial download of another version of the file is not resumed.
  @Test(arguments: ["\"two\"", "W/\"one\""])
  func changedFileRestarts(tag: String) throws {
    let data = bench.data
    let isFirst = Flag(true)
    let server = try WebServer { request, connection in
      guard isFirst.value else {
        return WebServer.answer(request, connection, data, tag: tag)
      }
      connection.head("200 OK", ["ETag: \"one\"", "Content-Length: \(data.count)"])
      if request.method == "GET" {
        isFirst.value = false
        connection.send(Data(repeating: 7, count: 500_000))
      }
    }
    bench.expectFailure(try bench.pull(server), 69, server.address)
    bench.expectWhole(try bench.pull(server))
    #expect(server.requests.allSatisfy { $0.rangeStart == nil })
  }

  /// If a server answers 416, or sends another range, the whole file is requested.
  @Test(arguments: ["416 Range Not Satisfiable", "206 Partial Content"])
  func rejectedRangeRestarts(status: String) throws {
    let data = bench.data
    let isFirst = Flag(true)
    let server = try WebServer { request, connection in
      if request.rangeStart != nil {
        return connection.head(
          status, ["Content-Range: bytes 5-9/\(data.count)", "Content-Length: 0"])
      }
      guard request.method == "GET", isFirst.value else {
        return WebServer.answer(request, connection, data)
      }
      isFirst.value = false
      connection.head("200 OK", ["ETag: \"one\"", "Content-Length: \(data.count)"])
      connection.send(data.prefix(1_000_000))
    }
    bench.expectFailure(try bench.pull(server), 69, server.address)
    bench.expectWhole(try bench.pull(server))
    #expect(server.requests.contains { $0.rangeStart == 1_000_000 })
  }

  /// The partial download had other bytes although the server confirmed it: the hash detects that.
  @Test func wrongPartialDownloadRestarts() throws {
    let data = bench.data
    let isFirst = Flag(true)
    let server = try WebServer { request, connection in
      guard request.method == "GET", isFirst.value else {
        return WebServer.answer(request, connection, data)
      }
      isFirst.value = false
      connection.head("200 OK", ["ETag: \"one\"", "Content-Length: \(data.count)"])
      connection.send(Data(repeating: 9, count: 1_000_000))
    }
    bench.expectFailure(try bench.pull(server), 69, server.address)
    bench.expectWhole(try bench.pull(server))
  }

  @Test func wrongHashKeepsNothing() throws {
    let server = try WebServer.ofFile(bench.data)
    let other = String(repeating: "0", count: 64)
    bench.expectFailure(try bench.pull(server, sha256: other), 76, "SHA-256 is \(bench.sha256)")
    #expect(bench.names().isEmpty)
  }

  /// Wrong lengths.
  @Test(arguments: [1_000, 2_999_999])
  func shorterLength(length: Int) throws {
    let data = bench.data
    let server = try WebServer { _, connection in
      connection.head("200 OK", ["Content-Length: \(length)"])
      connection.send(data)
    }
    bench.expectFailure(try bench.pull(server), 76, server.address)
    #expect(bench.names().isEmpty)
  }

  @Test func lengthBeyondEveryFile() throws {
    let server = try WebServer { _, connection in
      connection.head("200 OK", ["Content-Length: 9000000000000000000"])
      connection.send("x")
    }
    bench.expectFailure(try bench.pull(server), 76, "bytes; expected")
    #expect(bench.names().isEmpty)
  }

  @Test func loginPage() throws {
    let server = try WebServer { _, connection in
      connection.head("200 OK", ["Content-Type: text/html; charset=utf-8"])
      connection.send("<html>Please log in</html>")
    }
    bench.expectFailure(try bench.pull(server), 76, "is there a login page?")
    #expect(bench.names().isEmpty)
  }

  @Test(arguments: [
    "404 Not Found", "403 Forbidden", "500 Internal Server Error", "204 No Content",
  ])
  func failureStatus(status: String) throws {
    let server = try WebServer { _, connection in connection.head(status, ["Content-Length: 0"]) }
    bench.expectFailure(try bench.pull(server), 69, "status \(status.prefix(3))")
  }

  @Test func redirectionsAreFollowed() throws {
    let data = bench.data
    let server = try WebServer { request, connection in
      let step = Int(request.path.split(separator: "/").last ?? "") ?? 0
      guard step < 5 else { return WebServer.answer(request, connection, data) }
      connection.head("302 Found", ["Location: /\(step + 1)", "Content-Length: 0"])
    }
    bench.expectWhole(try bench.pull(server))
  }

  @Test func redirectionsInALoop() throws {
    let server = try WebServer { _, connection in
      connection.head("301 Moved Permanently", ["Location: /file.bin", "Content-Length: 0"])
    }
    bench.expectFailure(try bench.pull(server), 69, "more than 10 redirections")
    #expect(server.requests.count < 30)
  }

  @Test(arguments: [
    "file:///etc/passwd", "ftp://127.0.0.1/x", "http://user:secret@127.0.0.1/x", "::",
  ])
  func redirectionElsewhere(target: String) throws {
    let server = try WebServer { _, connection in
      connection.head("302 Found", ["Location: \(target)", "Content-Length: 0"])
    }
    let outcome = try bench.pull(server)
    #expect(outcome.status == 69, "\(outcome.errors)")
    #expect(!outcome.errors.contains("secret") || target != "http://user:secret@127.0.0.1/x")
    #expect(bench.pulled == nil)
  }

  @Test func stallingServer() throws {
    let data = bench.data
    let server = try WebServer { request, connection in
      connection.head("200 OK", ["Content-Length: \(data.count)"])
      if request.method == "GET" { connection.send(data.prefix(70_000)) }
      sleep(30)
    }
    bench.expectFailure(try bench.pull(server, timeout: 1), 69, "for 1 seconds; try again")
  }

  @Test func connectionRefused() throws {
    let server = try WebServer.ofFile(bench.data)
    let address = server.address.replacing(/:\d+\//, with: ":1/")
    let outcome = try bench.run(["pull", "--url", address, "--sha256", bench.sha256])
    bench.expectFailure(outcome, 69, address)
  }

  @Test(arguments: [["--offline"], []])
  func offline(flags: [String]) throws {
    let server = try WebServer.ofFile(bench.data)
    let outcome = try bench.run(
      ["pull", "--url", server.address, "--sha256", bench.sha256] + flags,
      more: flags.isEmpty ? ["CNNZOO_OFFLINE": "1"] : [:])
    bench.expectFailure(outcome, 69, "because of --offline")
    #expect(server.requests.isEmpty)
    bench.expectWhole(try bench.pull(server))
    #expect(try bench.pull(server, ["--offline"]).status == 0, "what is there serves")
  }

  @Test(arguments: [
    ("file:///etc/passwd", "file:///etc/passwd: "), ("ftp://h/x", "ftp://h/x: "),
    ("no address", "no address: "), ("https://user:secret@example.org/x", "example.org: "),
  ])
  func badAddress(address: String, message: String) throws {
    let outcome = try bench.run(["pull", "--url", address, "--sha256", bench.sha256])
    expectUsageError(outcome, message)
    #expect(!outcome.errors.contains("secret"))
  }

  @Test(arguments: [
    ("", "--url"), ("--url http://127.0.0.1/x", "--sha256"), ("nonsense", "\"nonsense\""),
    ("--url http://127.0.0.1/x --sha256 12", "64 hexadecimal digits"),
    (
      "--url http://127.0.0.1/x --sha256 \(String(repeating: "g", count: 64))",
      "64 hexadecimal digits"
    ),
    ("effnetv2-s --sha256 12", "64 hexadecimal digits"),
  ])
  func wrongUsage(arguments: String, message: String) throws {
    expectUsageError(
      try bench.run(["pull"] + arguments.split(separator: " ").map(String.init)), message)
    #expect(!FileManager.default.fileExists(atPath: bench.cache))
  }
}

/// A Boolean shared by threads.
final class Flag: @unchecked Sendable {
  private let lock = NSLock()
  private var truth: Bool

  init(_ truth: Bool) { self.truth = truth }

  var value: Bool {
    get { lock.withLock { truth } }
    set { lock.withLock { truth = newValue } }
  }
}
