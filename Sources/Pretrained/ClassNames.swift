/// Finds a network's classes by the folder names of datasets.
///
/// A name can be a label (`tiger shark`), a label in another case or with underscores
/// (`Tiger_Shark`), for ImageNet's classes a WordNet id (`n01491361`), or a class index (`3`). The
/// rules are tried in this order.
public struct ClassNames: Sendable {
  private let labels: Labels
  private let exact: [String: [Int]]
  private let folded: [String: [Int]]
  private let wordNet: [String: Int]

  /// The names of a network's classes.
  public init(_ labels: Labels) {
    self.labels = labels
    exact = Dictionary(grouping: labels.names.indices) { labels[$0] }
    folded = Dictionary(grouping: labels.names.indices) { Self.folded(labels[$0]) }
    let first: Int? =
      switch labels {
      case .imageNet: 0
      case .imageNetAfterBackground: 1
      default: nil
      }
    wordNet =
      first.map { first in
        let numbers = imageNetWordNetNumbers.split(whereSeparator: \.isWhitespace)
        return Dictionary(
          uniqueKeysWithValues: numbers.enumerated().map { ("n" + $1, first + $0) })
      } ?? [:]
  }

  /// The classes matching `name`: none if it is unknown, several if it is ambiguous.
  public func classes(named name: String) -> [Int] {
    if let found = exact[name] ?? folded[Self.folded(name)] { return found }
    if let index = wordNet[name] { return [index] }
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    guard name.utf8.allSatisfy(digits.contains), let index = Int(name), index < labels.count else {
      return []
    }
    return [index]
  }

  /// The class of each folder of a dataset.
  ///
  /// - Throws: ``ClassNameError`` if a name is unknown or ambiguous, or if two name the same class.
  public func classes(ofFolders names: [String]) throws(ClassNameError) -> [Int] {
    let found = names.map(classes)
    let unknown = zip(names, found).filter { $1.isEmpty }.map(\.0)
    guard unknown.isEmpty else { throw .unknown(names: unknown, classCount: labels.count) }
    var folders: [Int: String] = [:]
    return try zip(names, found).map { name, classes throws(ClassNameError) in
      guard classes.count == 1 else {
        throw .ambiguous(name: name, labels: classes.map { labels[$0] })
      }
      if let other = folders.updateValue(name, forKey: classes[0]) {
        throw .sameClass(label: labels[classes[0]], names: [other, name])
      }
      return classes[0]
    }
  }

  private static func folded(_ name: String) -> String {
    name.lowercased().replacing("_", with: " ")
  }
}

/// Why the folders of a dataset do not match the classes of a network.
public enum ClassNameError: Error, Equatable, Sendable {
  /// These names match none of the network's classes.
  case unknown(names: [String], classCount: Int)
  /// The name matches several classes.
  case ambiguous(name: String, labels: [String])
  /// Two names match the same class.
  case sameClass(label: String, names: [String])
}

extension ClassNameError: CustomStringConvertible {
  /// One line: the folders, what is wrong and what to do.
  public var description: String {
    switch self {
    case .unknown(let names, let classCount):
      let shown = names.prefix(5).map { "\"\($0)\"" }.joined(separator: ", ")
      let more = names.count > 5 ? " and \(names.count - 5) more" : ""
      return "\(shown)\(more): not among the network's \(classCount) classes;"
        + " name each folder after a label, a WordNet id (n01440764) or a class index"
    case .ambiguous(let name, let labels):
      return "\"\(name)\" could be any of \(labels.joined(separator: ", "));"
        + " write the label exactly, or use its class index"
    case .sameClass(let label, let names):
      return names.map { "\"\($0)\"" }.joined(separator: " and ") + " are both the class \(label)"
    }
  }
}
