import Host
import Weights

/// Files of class names: text, JSON lists, and the `config.json` of the Hugging Face Hub.
extension Labels {
  /// Bytes accepted in a label file.
  private static let longestFile = 16 << 20

  /// Reads the class names from a file.
  ///
  /// - Text has one name per line; lines end with LF, CR LF or CR, and the last end may be missing. The
  ///   encoding is UTF-8, or UTF-16 with a byte order mark.
  /// - JSON is an array of names, or an object: the `id2label` or `label_names` of a `config.json`, or
  ///   names by class index, like `{"0": "tench", …}` or `{"0": ["n01440764", "tench"], …}`.
  ///
  /// - Throws: `LabelsError` if the file cannot be read, is neither, or lacks a name.
  public init(contentsOf path: String) throws(LabelsError) {
    let bytes = try Self.read(path)
    guard !bytes.isEmpty else { throw .malformed(path: path, reason: "the file is empty") }
    if let json = try Self.json(bytes, path) {
      try self.init(json: json, source: path)
    } else {
      self.init(try Self.lines(bytes, path), source: path)
    }
  }

  /// The class names in a JSON value.
  init(json: JSONValue, source: String) throws(LabelsError) {
    guard let names = try Self.names(in: json, source) else {
      throw .malformed(
        path: source,
        reason: "JSON without class names; expected an array of names, id2label or label_names")
    }
    self.init(names, source: source)
  }

  private static func read(_ path: String) throws(LabelsError) -> [UInt8] {
    do throws(FileError) {
      let bytes = try Files.read(path, limit: longestFile)
      if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { return Array(bytes.dropFirst(3)) }
      let isLittle = bytes.starts(with: [0xFF, 0xFE])
      guard isLittle || bytes.starts(with: [0xFE, 0xFF]), bytes.count.isMultiple(of: 2) else {
        return bytes
      }
      let units = stride(from: 2, to: bytes.count, by: 2).map { index in
        let pair = (UInt16(bytes[index]), UInt16(bytes[index + 1]))
        return isLittle ? pair.1 << 8 | pair.0 : pair.0 << 8 | pair.1
      }
      return Array(String(decoding: units, as: UTF16.self).utf8)
    } catch {
      switch error {
      case .tooLong: throw .malformed(path: path, reason: error.reason)
      default: throw .unreadable(path: path, reason: error.reason)
      }
    }
  }

  // MARK: - Text

  private static func lines(_ bytes: [UInt8], _ path: String) throws(LabelsError) -> [String] {
    // A carriage return alone ends lines only if nothing else does.
    let hasLineFeeds = bytes.contains(UInt8(ascii: "\n"))
    let end = UInt8(ascii: hasLineFeeds ? "\n" : "\r")
    let text = bytes.last == end ? bytes.dropLast() : bytes[...]
    guard !text.isEmpty else { throw .malformed(path: path, reason: "the file is empty") }
    var names: [String] = []
    for line in text.split(separator: end, omittingEmptySubsequences: false) {
      guard let name = String(validating: line.withoutReturns, as: UTF8.self),
        !name.utf8.contains(0)
      else {
        throw .malformed(path: path, reason: "line \(names.count + 1) is not UTF-8 text")
      }
      guard isName(name) else {
        throw .malformed(
          path: path,
          reason: "line \(names.count + 1) is empty; every line must name a class")
      }
      names.append(name)
    }
    return names
  }

  private static func isName(_ text: String) -> Bool { text.contains { !$0.isWhitespace } }

  // MARK: - JSON

  /// The file's JSON value; `nil` for text, whose first name may start with a bracket too.
  private static func json(_ bytes: [UInt8], _ path: String) throws(LabelsError) -> JSONValue? {
    let first = bytes.first { !" \t\r\n".utf8.contains($0) }
    guard first == UInt8(ascii: "[") || first == UInt8(ascii: "{") else { return nil }
    do throws(WeightsError) {
      return try JSONValue(bytes, path: path)
    } catch {
      guard path.lowercased().hasSuffix(".json") else { return nil }
      guard case .malformed(_, let reason) = error else { return nil }
      throw .malformed(path: path, reason: reason)
    }
  }

  /// The names in a JSON value; `nil` if it describes something else.
  private static func names(
    in json: JSONValue, _ path: String
  ) throws(LabelsError) -> [String]? {
    if let elements = json.elements { return try checked(elements.map(\.text), path) }
    if let map = json["id2label"] { return try names(byIndex: map, path) }
    if let names = json["label_names"]?.elements {
      let descriptions = json["label_descriptions"]
      return try checked(
        names.map { name in name.text.map { descriptions?[$0]?.text ?? $0 } }, path)
    }
    return try names(byIndex: json, path)
  }

  /// The names of `{"0": "tench", …}` or `{"0": ["n01440764", "tench"], …}`.
  private static func names(
    byIndex json: JSONValue, _ path: String
  ) throws(LabelsError) -> [String]? {
    guard let members = json.members, members.keys.allSatisfy({ Int($0) != nil }) else {
      return nil
    }
    var names = [String?](repeating: nil, count: members.count)
    for (key, value) in members {
      guard let index = Int(key), names.indices.contains(index), "\(index)" == key else {
        throw .malformed(
          path: path,
          reason: "class \"\(key)\": the \(members.count) classes must be numbered from 0")
      }
      names[index] = value.text ?? value.elements?.last?.text
    }
    return try checked(names, path)
  }

  private static func checked(_ names: [String?], _ path: String) throws(LabelsError) -> [String] {
    guard !names.isEmpty else { throw .malformed(path: path, reason: "there are no names") }
    return try names.enumerated().map { (index, name) throws(LabelsError) in
      guard let name, isName(name), !name.utf8.contains(0) else {
        throw .malformed(path: path, reason: "class \(index) has no name")
      }
      // Metadata stores one label per line.
      return String(name.map { $0.isNewline ? " " : $0 })
    }
  }
}
