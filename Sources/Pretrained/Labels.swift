/// The names of a network's classes, by index.
public struct Labels: Sendable {
  /// The names; `names[i]` belongs to class `i`.
  public let names: [String]
  /// Where the labels come from, for messages; usually a path.
  public let source: String

  /// Labels with the given names.
  public init(_ names: [String], source: String = "labels") {
    self.names = names
    self.source = source
  }

  /// Labels from text with one name per line, as `text` returns it.
  package init(lines text: String, source: String) {
    // Splits bytes, because CR LF is a single Character.
    let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    self.init(lines.map { String(Substring($0.withoutReturns)) }, source: source)
  }

  /// Throws unless there is one name per class.
  package func check(classes: Int) throws(LabelsError) {
    guard count == classes else {
      throw .wrongCount(source: source, expected: classes, found: count)
    }
  }

  /// `class 0`, `class 1` and so on, for classes without names.
  public static func numbered(_ count: Int) -> Labels {
    Labels((0..<count).map { "class \($0)" })
  }

  /// ImageNet's names shifted by one: TensorFlow's older networks start with a background class.
  public static var imageNetAfterBackground: Labels {
    Labels(["background"] + imageNet.names, source: imageNet.source)
  }

  /// The names, one per line, as in a weight file's `__metadata__`.
  public var text: String { names.joined(separator: "\n") }

  /// The number of classes.
  public var count: Int { names.count }

  /// The name of a class.
  ///
  /// - Precondition: `0 <= index && index < count`.
  public subscript(index: Int) -> String { names[index] }
}

extension Labels: Equatable {
  /// Whether the names are the same, whatever their source.
  public static func == (first: Labels, second: Labels) -> Bool { first.names == second.names }
}

extension BidirectionalCollection<UInt8> where SubSequence == Self {
  /// The line without trailing carriage returns.
  var withoutReturns: Self {
    var line = self
    while line.last == UInt8(ascii: "\r") { line.removeLast() }
    return line
  }
}

/// Why labels cannot be used.
public enum LabelsError: Error, Equatable, Sendable {
  /// The file is missing, a folder, or cannot be read.
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
      "\(source): \(found) \(found == 1 ? "label" : "labels"), but the network has \(expected) classes;"
        + " provide one name per line for every class"
    }
  }
}
