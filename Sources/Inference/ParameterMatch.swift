import GraphIR
import Weights

/// The comparison of a file's tensors with a network's parameters.
package struct ParameterMatch: Sendable {
  /// The parameters after the last feature map that a file may lack.
  package struct Head: Sendable {
    package var classifier: [Parameter] = []
    package var hidden: [Parameter] = []
  }

  package let set: TensorSet
  /// The tensor of each parameter, by its name in the graph.
  package private(set) var tensors: [String: TensorView] = [:]
  /// What does not fit, apart from a missing head.
  package private(set) var mismatch: ParameterMismatch
  /// What is missing if only the head is: the classifier, alone or with the hidden layer.
  package private(set) var missingHead: Head?
  /// Tensors of other parts of a training checkpoint, such as losses and metrics.
  package private(set) var ignored: [TensorView] = []

  /// Compares a set of tensors with `graph`.
  ///
  /// - Parameter names: the name of each parameter in the file, by the name in the graph.
  package init(_ set: TensorSet, graph: Graph, names: [String: String]) {
    self.set = set
    mismatch = ParameterMismatch(path: set.file.path, model: graph.name)
    var known: Set<String> = []
    var modules: Set<Substring> = []
    var missing = Head()
    for node in graph.nodes {
      for parameter in node.parameters {
        let name = names[parameter.name] ?? parameter.name
        known.insert(name)
        modules.insert(Self.module(of: name))
        if let tensor = set[name] {
          compare(tensor, with: parameter)
        } else if node.role == .classifier {
          missing.classifier.append(parameter)
        } else if node.role == .hidden {
          missing.hidden.append(parameter)
        } else {
          mismatch.missing.append((set.prefix + name, parameter.shape))
        }
      }
    }
    // In a file with nothing but weights, every tensor must have its place.
    let isPart = !set.dictionary.keys.isEmpty
    for tensor in set.tensors {
      let name = set.name(of: tensor)
      guard !known.contains(name), !name.hasSuffix("num_batches_tracked") else { continue }
      if isPart, !modules.contains(Self.module(of: name)) {
        ignored.append(tensor)
      } else {
        mismatch.superfluous.append((tensor.name, tensor.shape))
      }
    }
    accept(missing, of: graph, names)
  }

  /// The number of tensors that differ.
  package var differences: Int { mismatch.count }

  /// The mismatch if the head is required.
  package var completeMismatch: ParameterMismatch {
    guard let missingHead else { return mismatch }
    var mismatch = mismatch
    mismatch.missing += (missingHead.hidden + missingHead.classifier).map {
      (set.prefix + $0.name, $0.shape)
    }
    return mismatch
  }

  private mutating func compare(_ tensor: TensorView, with parameter: Parameter) {
    if !Self.isSame(tensor.shape, parameter.shape) {
      mismatch.reshaped.append((tensor.name, expected: parameter.shape, found: tensor.shape))
    } else if !tensor.elementType.isFloatingPoint {
      mismatch.retyped.append((tensor.name, found: tensor.elementType))
    }
    tensors[parameter.name] = tensor
  }

  /// Accepts a missing head as a whole; a part of one is a mismatch.
  private mutating func accept(_ missing: Head, of graph: Graph, _ names: [String: String]) {
    let layers = Dictionary(grouping: graph.nodes, by: \.role)
    func count(_ role: NodeRole) -> Int {
      layers[role]?.reduce(0) { $0 + $1.parameters.count } ?? 0
    }
    guard !missing.classifier.isEmpty || !missing.hidden.isEmpty else { return }
    if missing.classifier.count == count(.classifier),
      missing.hidden.isEmpty || missing.hidden.count == count(.hidden)
    {
      missingHead = missing
    } else {
      mismatch.missing += (missing.hidden + missing.classifier).map {
        (set.prefix + (names[$0.name] ?? $0.name), $0.shape)
      }
    }
  }

  /// The outermost module in a tensor's name, such as `features`.
  private static func module(of name: String) -> Substring { name.prefix { $0 != "." } }

  /// Whether two shapes are equal except for trailing dimensions of 1.
  ///
  /// They then have the same values in the same order: a linear layer here may be a 1×1 convolution
  /// in the library that wrote the file.
  private static func isSame(_ shape: [Int], _ other: [Int]) -> Bool {
    let (short, long) = shape.count < other.count ? (shape, other) : (other, shape)
    return long.starts(with: short) && long[short.count...].allSatisfy { $0 == 1 }
  }
}

/// All differences between a weight file and a network.
public struct ParameterMismatch: Error {
  /// The file.
  public let path: String
  /// The network.
  public let model: String
  /// Tensors that the network needs but the file lacks.
  public var missing: [(name: String, shape: [Int])] = []
  /// Tensors in the file that the network does not use.
  public var superfluous: [(name: String, shape: [Int])] = []
  /// Tensors with the wrong shape.
  public var reshaped: [(name: String, expected: [Int], found: [Int])] = []
  /// Tensors with elements that weights cannot have.
  public var retyped: [(name: String, found: ElementType)] = []
  /// The likely cause and what to do about it, as a sentence, if known.
  public var cause: String?

  init(path: String, model: String) {
    self.path = path
    self.model = model
  }

  package var count: Int { missing.count + superfluous.count + reshaped.count + retyped.count }
  package var isEmpty: Bool { count == 0 }
}

extension ParameterMismatch: CustomStringConvertible {
  /// A summary line, the likely cause, then a line for each tensor, expected and found.
  ///
  /// Long lists are truncated, each on its own, so that names of both sides are shown.
  public var description: String {
    let lists = [
      reshaped.map { "\($0.name): expected \($0.expected), found \($0.found)" },
      retyped.map { "\($0.name): expected floats, found \($0.found.rawValue)" },
      missing.map { "\($0.name): expected \($0.shape), found nothing" },
      superfluous.map { "\($0.name): expected nothing, found \($0.shape)" },
    ]
    var lines = ["\(path) does not match \(model): \(count) tensors differ"]
    if let cause { lines.append("Likely cause: \(cause)") }
    for list in lists {
      lines += list.prefix(Self.longestList).map { "  \($0)" }
      if list.count > Self.longestList {
        let what = list[0].hasSuffix("found nothing") ? "missing" : "in the file"
        lines.append("  … and \(list.count - Self.longestList) more \(what)")
      }
    }
    return lines.map(\.asOneLine).joined(separator: "\n")
  }

  private static let longestList = 12
}
