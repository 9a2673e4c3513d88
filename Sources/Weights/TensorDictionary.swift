/// Named tensors that were saved together: a whole file, or a part of a training checkpoint.
public struct TensorDictionary: Sendable {
  /// The keys that lead to it inside the file, such as `["state_dict"]`; empty for the whole file.
  public let keys: [String]

  /// The tensors, in the file's order.
  public let tensors: [TensorView]

  private let positions: [String: Int]

  init(keys: [String], tensors: [TensorView]) {
    self.keys = keys
    self.tensors = tensors
    positions = Dictionary(
      zip(tensors.map(\.name), tensors.indices), uniquingKeysWith: { first, _ in first })
  }

  /// The keys, joined by dots.
  public var path: String { keys.joined(separator: ".") }

  /// The tensor with exactly this name.
  public subscript(name: String) -> TensorView? { positions[name].map { tensors[$0] } }
}

/// Tensors of a file whose names share a prefix, which is left out: the parameters of one network.
///
/// Wrappers of networks (`DataParallel`, `AveragedModel`, Lightning's modules, …) put prefixes before
/// the names of parameters, and other tensors beside them.
public struct TensorSet: Sendable {
  /// The file.
  public let file: WeightFile

  /// The tensors that were saved together.
  public let dictionary: TensorDictionary

  /// What precedes every name, such as `module.`.
  public let prefix: String

  init(_ file: WeightFile, _ dictionary: TensorDictionary, prefix: String) {
    (self.file, self.dictionary, self.prefix) = (file, dictionary, prefix)
  }

  /// The tensors whose names have the prefix.
  public var tensors: [TensorView] {
    prefix.isEmpty
      ? dictionary.tensors
      : dictionary.tensors.filter { $0.name.utf8.starts(with: prefix.utf8) }
  }

  /// The names of the tensors, without the prefix.
  public var names: [String] { tensors.map { name(of: $0) } }

  /// The tensor's name without the prefix, which it must have.
  public func name(of tensor: TensorView) -> String {
    String(Substring(tensor.name.utf8.dropFirst(prefix.utf8.count)))
  }

  /// The tensor with this name, to which the prefix is added.
  public subscript(name: String) -> TensorView? { dictionary[prefix + name] }

  /// Whether these are averages of the weights over training steps: EMA or SWA.
  ///
  /// By the keys and the prefix, and by the counter of PyTorch's `AveragedModel`.
  public var isAverage: Bool {
    if Self.meansAverage("\(dictionary.path).\(prefix)") { return true }
    // Lightning's WeightAveraging exchanges the two.
    if dictionary.keys == ["state_dict"],
      file.dictionaries.contains(where: { $0.keys == ["current_model_state"] })
    {
      return true
    }
    let wrapper = "module."
    return prefix.hasSuffix(wrapper)
      && dictionary[prefix.dropLast(wrapper.count) + "n_averaged"] != nil
  }

  /// Where the tensors are in the file, such as `state_dict_ema: module.`; empty for all of it.
  public var place: String {
    [dictionary.path, prefix].filter { !$0.isEmpty }.joined(separator: ": ")
  }

  /// The words that training frameworks use for averages.
  private static let averages: Set<String> = ["ema", "swa", "averaged", "average", "avg"]

  private static func meansAverage(_ path: String) -> Bool {
    let characters = Array(path)
    var word = ""
    for (index, character) in characters.enumerated() {
      // `modelEMA` and `EMAModel` are two words each, `emanet` is one.
      let followsSmall = index > 0 && characters[index - 1].isLowercase
      let precedesSmall = index + 1 < characters.count && characters[index + 1].isLowercase
      if !character.isLetter || character.isUppercase && (followsSmall || precedesSmall) {
        if averages.contains(word.lowercased()) { return true }
        word = ""
      }
      if character.isLetter { word.append(character) }
    }
    return averages.contains(word.lowercased())
  }
}

extension WeightFile {
  /// The sets of tensors that could be a network, in the file's order.
  ///
  /// Each contains a tensor whose name ends in one of `anchors`; the rest of that name is its prefix.
  ///
  /// - Parameter anchors: Names that a network of interest has exactly one of.
  public func sets(containing anchors: [String]) -> [TensorSet] {
    var sets: [TensorSet] = []
    for dictionary in dictionaries {
      var prefixes: Set<String> = []
      for tensor in dictionary.tensors {
        // The longest, because one anchor may end in another.
        let anchor = anchors.filter { tensor.name.utf8.hasSuffix($0.utf8) }
          .max { $0.utf8.count < $1.utf8.count }
        guard let anchor else { continue }
        let prefix = String(Substring(tensor.name.utf8.dropLast(anchor.utf8.count)))
        guard prefixes.insert(prefix).inserted, sets.count < Self.mostSets else { continue }
        sets.append(TensorSet(self, dictionary, prefix: prefix))
      }
    }
    return sets
  }

  /// All tensors of the largest dictionary, without a prefix.
  public var wholeSet: TensorSet { TensorSet(self, main, prefix: "") }

  /// Checkpoints contain few networks: a student, a teacher, and their averages.
  private static let mostSets = 16
}

extension BidirectionalCollection<UInt8> {
  fileprivate func hasSuffix(_ suffix: some BidirectionalCollection<UInt8>) -> Bool {
    reversed().starts(with: suffix.reversed())
  }
}
