/// Finds the dictionaries of tensors inside a pickled value.
///
/// Frameworks save the weights under different keys (`state_dict`, `model`, `model_ema`, …), beside the
/// state of the training. All dictionaries, lists and attributes of placeholders are searched, each
/// once, so that neither cycles nor shared values cost anything.
struct CheckpointSearch {
  /// A dictionary with tensors among its values.
  struct Found {
    let keys: [String]
    let tensors: [(name: String, tensor: Int)]
    /// Values that describe quantised tensors.
    let quantized: Int
  }

  /// A whole network that was pickled as an object.
  struct Module {
    let keys: [String]
    let type: String
  }

  /// In breadth-first order.
  private(set) var dictionaries: [Found] = []
  private(set) var modules: [Module] = []

  private let heap: PickleHeap
  private let file: MappedFile
  /// The values to visit, with their keys as a chain to the root.
  private var visits: [(value: PickleValue, key: String, parent: Int)] = []
  private var seen: Set<Int> = []
  private var seenObjects: Set<Int> = []

  /// Deeper values are state of the training.
  private static let deepest = 16

  /// - Throws: `WeightsError.malformed` for two tensors with one name.
  init(_ value: PickleValue, _ heap: PickleHeap, _ file: MappedFile) throws(WeightsError) {
    (self.heap, self.file) = (heap, file)
    visits.append((value, "", -1))
    var next = 0
    while next < visits.count {
      try visit(next)
      next += 1
    }
    visits = []
    (seen, seenObjects) = ([], [])
  }

  private mutating func visit(_ index: Int) throws(WeightsError) {
    switch visits[index].value {
    case .dictionary(let place): try visitMembers(of: place, index)
    case .list(let place), .tuple(let place):
      guard seen.insert(place).inserted, depth(index) < Self.deepest else { return }
      for (number, element) in heap.collections[place].enumerated() where element.isCollection {
        visits.append((element, "\(number)", index))
      }
    case .object(let place):
      guard seenObjects.insert(place).inserted else { return }
      let object = heap.objects[place]
      if let attributes = object.attributes {
        if isModule(attributes) {
          modules.append(Module(keys: keys(index), type: heap.names[object.name]))
        } else {
          try visitMembers(of: attributes, index)
        }
      }
      if let items = object.items { try visitMembers(of: items, index) }
    default: break
    }
  }

  private mutating func visitMembers(of place: Int, _ index: Int) throws(WeightsError) {
    guard seen.insert(place).inserted else { return }
    let descends = depth(index) < Self.deepest
    var tensors: [(name: String, tensor: Int)] = []
    var names: Set<String> = []
    var quantized = 0
    for (key, value) in heap.members(of: place) {
      guard let name = key.text else { continue }
      if let tensor = value.tensor {
        guard names.insert(name).inserted else {
          throw .malformed(
            path: file.path, reason: "the name of tensor \"\(name)\" is a duplicate")
        }
        tensors.append((name, tensor))
      } else if isQuantized(value) {
        quantized += 1
      } else if descends, value.isCollection {
        visits.append((value, name, index))
      }
    }
    if !tensors.isEmpty || quantized > 0 {
      dictionaries.append(Found(keys: keys(index), tensors: tensors, quantized: quantized))
    }
  }

  private func depth(_ index: Int) -> Int {
    var depth = 0
    var parent = visits[index].parent
    while parent >= 0 {
      depth += 1
      parent = visits[parent].parent
    }
    return depth
  }

  private func keys(_ index: Int) -> [String] {
    var keys: [String] = []
    var place = index
    while visits[place].parent >= 0 {
      keys.append(visits[place].key)
      place = visits[place].parent
    }
    return keys.reversed()
  }

  /// Whether these are the attributes of a `torch.nn.Module`, which come first.
  ///
  /// Any number of objects may share them, so that reading all would take too long.
  private func isModule(_ attributes: Int) -> Bool {
    let first = heap.collections[attributes].prefix(64).compactMap(\.text)
    return first.contains("_modules") && first.contains("_parameters")
  }

  /// Whether the value is made by one of the functions for quantised tensors, of PyTorch or torchao.
  private func isQuantized(_ value: PickleValue) -> Bool {
    guard case .object(let place) = value else { return false }
    let name = heap.names[heap.objects[place].name]
    return name == "torch._utils._rebuild_qtensor"
      || name == "torch._utils._rebuild_wrapper_subclass" || name.hasPrefix("torchao.")
  }
}

extension PickleValue {
  /// Whether the value can contain others.
  fileprivate var isCollection: Bool {
    switch self {
    case .dictionary, .list, .tuple, .object: true
    default: false
    }
  }
}
