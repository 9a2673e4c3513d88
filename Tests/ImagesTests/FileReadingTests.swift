import Foundation
import Images
import Testing

@Suite struct FileReadingTests {
  private let ppm = Array("P6 1 1 255\nabc".utf8)

  /// Runs `body` with a new folder that is removed afterwards.
  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.path())
  }

  private func expectUnreadable(_ path: String) {
    let error = #expect(throws: ImageError.self) { try Image(contentsOf: path) }
    guard case .unreadable(let source, _) = error else {
      Issue.record("\(path) gave \(String(describing: error))")
      return
    }
    #expect(source == path)
  }

  @Test func regularFile() throws {
    try withFolder { folder in
      let path = folder + "/-odd\nname.txt"
      try Data(ppm).write(to: URL(filePath: path))
      #expect(try Image(contentsOf: path).pixels == Array("abc".utf8))
    }
  }

  @Test func nameThatIsNotUTF8() throws {
    try withFolder { folder in
      let name: [CChar] = Array(folder.utf8CString.dropLast()) + [0x2F, -1, -2, 0]
      let descriptor = open(name, O_CREAT | O_WRONLY, 0o600)
      try #require(descriptor >= 0)
      #expect(write(descriptor, ppm, ppm.count) == ppm.count)
      close(descriptor)
      #expect(try EncodedImage(contentsOfCPath: name).decode().pixels == Array("abc".utf8))
    }
  }

  @Test func unreadableFiles() throws {
    try withFolder { folder in
      expectUnreadable(folder)
      expectUnreadable(folder + "/missing.png")
      expectUnreadable(folder + "/missing\0.png")
      expectUnreadable("")
    }
  }

  @Test func closedDescriptor() {
    let error = #expect(throws: ImageError.self) { try EncodedImage(readingFrom: -1, named: "-") }
    guard case .unreadable("-", _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func emptyFileIsNotAnImage() throws {
    try withFolder { folder in
      let path = folder + "/empty"
      try Data().write(to: URL(filePath: path))
      #expect(throws: ImageError.unknownFormat(source: path)) { try Image(contentsOf: path) }
    }
  }

  @Test func endlessDeviceIsClosedEarly() {
    #expect(throws: ImageError.unknownFormat(source: "/dev/zero")) {
      try Image(contentsOf: "/dev/zero")
    }
  }

  @Test func hugeSparseFile() throws {
    try withFolder { folder in
      let path = folder + "/sparse.ppm"
      try Data(ppm).write(to: URL(filePath: path))
      #expect(truncate(path, 4 << 30) == 0)
      let error = #expect(throws: ImageError.self) { try Image(contentsOf: path) }
      guard case .overLimit(path, nil, _) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
    }
  }

  /// A pipe provides few bytes at a time, and its length is unknown.
  @Test(arguments: [1, 7, 4096])
  func pipeInPieces(size: Int) throws {
    var ends: [CInt] = [0, 0]
    try #require(pipe(&ends) == 0)
    let whole = Array("P6 200 100 255\n".utf8) + Goldens.noise(width: 200, height: 100).pixels
    let writer = ends[1]
    let thread = Thread {
      var rest = whole[...]
      while !rest.isEmpty {
        let piece = Array(rest.prefix(size))
        guard write(writer, piece, piece.count) == piece.count else { break }
        rest = rest.dropFirst(size)
      }
      close(writer)
    }
    thread.start()
    defer { close(ends[0]) }
    let image = try EncodedImage(readingFrom: ends[0], named: "-").decode()
    #expect(image == Goldens.noise(width: 200, height: 100))
  }

  @Test func endlessPipeStopsAtTheLimit() throws {
    var ends: [CInt] = [0, 0]
    try #require(pipe(&ends) == 0)
    let bytes = ppm + [UInt8](repeating: 0, count: 100)
    #expect(write(ends[1], bytes, bytes.count) == bytes.count)
    defer { ends.forEach { close($0) } }
    // The writer stays open: a read beyond the limit would wait forever.
    let error = #expect(throws: ImageError.self) {
      try EncodedImage(readingFrom: ends[0], named: "-", limits: DecodingLimits(fileBytes: 50))
    }
    guard case .overLimit("-", nil, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func fifo() throws {
    try withFolder { folder in
      let path = folder + "/fifo"
      try #require(mkfifo(path, 0o600) == 0)
      let bytes = ppm
      let thread = Thread {
        let descriptor = open(path, O_WRONLY)
        _ = write(descriptor, bytes, bytes.count)
        close(descriptor)
      }
      thread.start()
      #expect(try Image(contentsOf: path).pixels == Array("abc".utf8))
    }
  }
}
