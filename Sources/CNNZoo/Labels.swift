/// The names of a network's classes, in the order of their indices.
public struct Labels: Sendable, Equatable {
  /// The names; `names[i]` belongs to class `i`.
  public let names: [String]

  /// Labels of the given names.
  public init(_ names: [String]) {
    self.names = names
  }

  /// Labels from a text of one name a line.
  init(lines text: String) {
    names = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  /// `class 0`, `class 1` and so on: what unnamed classes are called.
  public static func numbered(_ count: Int) -> Labels {
    Labels((0..<count).map { "class \($0)" })
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
