import Glibc

extension Labels {
  /// The most that is read of a file of labels.
  private static let longestFile = 16 << 20

  /// Reads a text file of one name a line; the last line may end without a line feed.
  ///
  /// - Throws: `LabelsError` where the file cannot be read, is not UTF-8, or has an empty line.
  public init(contentsOf path: String) throws(LabelsError) {
    var bytes = try Self.read(path)
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
    if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
    guard !bytes.isEmpty else { throw .malformed(path: path, reason: "the file is empty") }
    var names: [String] = []
    for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      let text = line.withoutReturns
      guard let name = String(validating: text, as: UTF8.self), !name.utf8.contains(0) else {
        throw .malformed(path: path, reason: "line \(names.count + 1) is not UTF-8 text")
      }
      guard name.contains(where: { !$0.isWhitespace }) else {
        throw .malformed(
          path: path,
          reason: "line \(names.count + 1) is empty; every line names the class of its number")
      }
      names.append(name)
    }
    self.init(names, source: path)
  }

  private static func read(_ path: String) throws(LabelsError) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .unreadable(path: path, reason: systemMessage(errno)) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = Glibc.read(descriptor, &block, block.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .unreadable(path: path, reason: systemMessage(errno)) }
      if count == 0 { return bytes }
      bytes += block[..<count]
      guard bytes.count <= longestFile else {
        throw .malformed(path: path, reason: "the file is longer than \(longestFile) bytes")
      }
    }
  }
}

/// Why labels could not be had.
public enum LabelsError: Error, Equatable, Sendable {
  /// The file is missing, is a folder, or cannot be read.
  case unreadable(path: String, reason: String)
  /// The file is not a list of names.
  case malformed(path: String, reason: String)
  /// There are more or fewer names than the network has classes.
  case wrongCount(source: String, expected: Int, found: Int)
}

extension LabelsError: CustomStringConvertible {
  /// One line: the file, what is wrong and what to do.
  public var description: String {
    switch self {
    case .unreadable(let path, let reason): "\(path): cannot be read: \(reason)"
    case .malformed(let path, let reason): "\(path): not a list of labels: \(reason)"
    case .wrongCount(let source, let expected, let found):
      "\(source): \(found) labels where the network has \(expected) classes;"
        + " give one name a line for every class"
    }
  }
}
