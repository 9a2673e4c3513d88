/// The names of a network's classes, in the order of their indices.
public struct Labels: Sendable {
  /// The names; `names[i]` belongs to class `i`.
  public let names: [String]
  /// What messages call these labels, such as the path of their file.
  public let source: String

  /// Labels of the given names.
  public init(_ names: [String], source: String = "labels") {
    self.names = names
    self.source = source
  }

  /// Labels from a text of one name a line, as `text` gives it.
  package init(lines text: String, source: String) {
    // By bytes: as a Character, a line feed is one with a carriage return before it.
    let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    self.init(lines.map { String(Substring($0.withoutReturns)) }, source: source)
  }

  /// Throws unless every one of a network's classes has a name.
  func check(classes: Int) throws(LabelsError) {
    guard count == classes else {
      throw .wrongCount(source: source, expected: classes, found: count)
    }
  }

  /// `class 0`, `class 1` and so on: what unnamed classes are called.
  public static func numbered(_ count: Int) -> Labels {
    Labels((0..<count).map { "class \($0)" })
  }

  /// ImageNet's names one place later: TensorFlow's older networks have a background class first.
  public static var imageNetAfterBackground: Labels {
    Labels(["background"] + imageNet.names, source: imageNet.source)
  }

  /// The names one a line, as a weight file's `__metadata__` holds them.
  public var text: String { names.joined(separator: "\n") }

  /// The number of classes.
  public var count: Int { names.count }

  /// The name of a class.
  ///
  /// - Precondition: `0 <= index && index < count`.
  public subscript(index: Int) -> String { names[index] }
}

extension Labels: Equatable {
  /// Whether the names are the same, wherever they came from.
  public static func == (first: Labels, second: Labels) -> Bool { first.names == second.names }
}

extension BidirectionalCollection<UInt8> where SubSequence == Self {
  /// A line without the carriage returns at its end.
  var withoutReturns: Self {
    var line = self
    while line.last == UInt8(ascii: "\r") { line.removeLast() }
    return line
  }
}
