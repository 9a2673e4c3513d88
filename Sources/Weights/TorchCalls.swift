// What the few names that a pickle may call would do in Python. Source: PyTorch's `torch/_utils.py`
// and `torch/serialization.py`.

extension PickleMachine {
  /// The storage that a persistent ID stands for: `("storage", type, key, location, count)`.
  mutating func storage(_ id: PickleValue, at start: Int) throws(WeightsError) -> PickleValue {
    guard case .tuple(let place) = id, case let fields = heap.collections[place],
      5...6 ~= fields.count, fields[0].text == "storage", case .global(let type) = fields[1],
      let key = fields[2].text, let count = fields[4].integer
    else { throw reader.malformed("a storage of the pickle is described wrongly", at: start) }
    // The sixth field, of files before PyTorch 1.6, makes a storage part of another.
    if fields.count == 6 {
      guard case .none = fields[5] else {
        throw reader.unsupported(
          "storage \(key) is part of another; save the file again with a current torch.save")
      }
    }
    let elementType: ElementType?
    switch type {
    case .storage(let type): elementType = type
    case .untypedStorage: elementType = nil
    default: throw reader.malformed("storage \(key) has no element type", at: start)
    }
    guard let byteCount = elementType.map({ $0.byteCount(of: count) }) ?? count, byteCount >= 0
    else { throw reader.malformed("storage \(key) has an impossible size \(count)", at: start) }
    let storage = TorchStorage(key: key, elementType: elementType, byteCount: byteCount)
    guard let place = heap.add(storage) else { throw tooMuch }
    return .storage(place)
  }

  /// What calling `function` would return.
  mutating func result(
    of function: TorchGlobal, _ arguments: [PickleValue], at start: Int
  ) throws(WeightsError) -> PickleValue {
    switch function {
    case .orderedDictionary: return try orderedDictionary(arguments, at: start)
    case .rebuildTensor where arguments.count == 4,
      .rebuildTensorV2 where 6...7 ~= arguments.count,
      .rebuildTensorV3 where 7...8 ~= arguments.count:
      guard case .storage(let place) = arguments[0], let offset = arguments[1].integer,
        let shape = heap.sizes(arguments[2], limit: limits.rank),
        let strides = heap.sizes(arguments[3], limit: limits.rank)
      else {
        throw reader.malformed(
          "a tensor's shape or strides are damaged, or have more than \(limits.rank) numbers",
          at: start)
      }
      let storage = heap.storages[place]
      var type = storage.elementType
      if function == .rebuildTensorV3, case .global(.elementType(let own)) = arguments[6] {
        type = own
      }
      guard let type else {
        throw reader.malformed("a tensor has no element type", at: start)
      }
      let tensor = TorchTensor(
        storage: storage, elementType: type, offset: offset, shape: shape, strides: strides)
      guard let place = heap.add(tensor) else { throw tooMuch }
      return .tensor(place)
    case .rebuildParameter where arguments.count == 3:
      guard case .tensor = arguments[0] else {
        throw reader.malformed("a parameter holds no tensor", at: start)
      }
      return arguments[0]
    case .rebuildTensor, .rebuildTensorV2, .rebuildTensorV3, .rebuildParameter:
      throw reader.malformed("a tensor is described by \(arguments.count) values", at: start)
    case .storage, .untypedStorage, .elementType:
      throw refused("a call of a type", at: start)
    }
  }

  /// `OrderedDict()`, or from Python 2, `OrderedDict([[key, value], …])`.
  private mutating func orderedDictionary(
    _ arguments: [PickleValue], at start: Int
  ) throws(WeightsError) -> PickleValue {
    let dictionary = try make([])
    if arguments.isEmpty { return .dictionary(dictionary) }
    guard arguments.count == 1, case .list(let pairs) = arguments[0] else {
      throw reader.malformed("an OrderedDict is made from something else than pairs", at: start)
    }
    for pair in heap.collections[pairs] {
      guard let elements = heap.elements(pair), elements.count == 2 else {
        throw reader.malformed("an OrderedDict is made from something else than pairs", at: start)
      }
      try extendDictionary(dictionary, with: elements)
    }
    return .dictionary(dictionary)
  }
}
