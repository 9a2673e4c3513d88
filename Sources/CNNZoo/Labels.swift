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

  /// Labels from a text of one name a line.
  init(lines text: String, source: String) {
    self.init(
      text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init),
      source: source)
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
