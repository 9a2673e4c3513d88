// Swift equivalents of the few Python functions that tensors are described with; everything else that
// a pickle would call gives a placeholder. Source: PyTorch's `torch/_utils.py`, `torch/_tensor.py` and
// `torch/serialization.py`.

extension PickleMachine {
  /// Pushes the result of a call.
  mutating func call(
    _ function: PickleValue, _ arguments: PickleValue, at start: Int
  ) throws(WeightsError) {
    switch (function, arguments) {
    case (.global(let function), .tuple(let place)):
      try push(try result(of: function, heap.collections[place], at: start))
    // A function that another function returned.
    case (.foreign, .tuple), (.object, .tuple):
      try construct(function, arguments, at: start)
    default: throw refused("a call of something that is not a function", at: start)
    }
  }

  /// Pushes the placeholder of an object.
  mutating func construct(
    _ type: PickleValue, _ arguments: PickleValue, at start: Int
  ) throws(WeightsError) {
    guard case .tuple = arguments else {
      throw reader.malformed(
        "the pickle constructs an object from something else than a tuple", at: start)
    }
    switch type {
    case .foreign(let name): try push(try placeholder(named: name))
    case .object(let object): try push(try placeholder(named: heap.objects[object].name))
    case .global(.orderedDictionary): try push(.dictionary(try make([])))
    default: throw refused("an object of something that is not a class", at: start)
    }
  }

  private mutating func placeholder(named name: Int) throws(WeightsError) -> PickleValue {
    guard let object = heap.add(PickleObject(name: name)) else { throw tooMuch }
    return .object(object)
  }

  /// Keeps an object's attributes; those of dictionaries are not needed.
  ///
  /// A state dict, for example, has the versions of its modules as an attribute.
  mutating func setState(
    of value: PickleValue, to state: PickleValue, at start: Int
  ) throws(WeightsError) {
    switch value {
    case .object(let object):
      // With `__slots__`, the state is a tuple that contains a dictionary.
      let parts = [state] + (heap.elements(state)?.prefix(2) ?? [])
      if let place = parts.lazy.compactMap(\.dictionary).first {
        heap.setAttributes(place, of: object)
      }
    case .dictionary, .opaque: break
    default: throw refused("attributes set on something that is not an object", at: start)
    }
  }

  /// The storage described by a persistent ID: `("storage", type, key, location, count)`.
  mutating func storage(_ id: PickleValue, at start: Int) throws(WeightsError) -> PickleValue {
    guard case .tuple(let place) = id, case let fields = heap.collections[place],
      5...6 ~= fields.count, fields[0].text == "storage", let key = fields[2].text,
      let count = fields[4].integer
    else { throw reader.malformed("a storage in the pickle has an invalid description", at: start) }
    // A storage of quantised or other unknown elements, for a tensor that is not a network's.
    if case .foreign(let name) = fields[1] { return try placeholder(named: name) }
    guard case .global(let type) = fields[1] else {
      throw reader.malformed("storage \(key) has no type", at: start)
    }
    // The sixth field, in files from before PyTorch 1.6, makes a storage part of another.
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

  /// The result of calling `function` in Python.
  mutating func result(
    of function: TorchGlobal, _ arguments: [PickleValue], at start: Int
  ) throws(WeightsError) -> PickleValue {
    switch function {
    case .orderedDictionary: return try orderedDictionary(arguments, at: start)
    case .defaultDictionary: return .dictionary(try make([]))
    case .rebuildFromType where arguments.count == 4:
      guard case .global(let function) = arguments[0], function != .rebuildFromType,
        case .tuple(let place) = arguments[2]
      else {
        guard case .foreign(let name) = arguments[0] else {
          throw reader.malformed("a tensor is described by something unknown", at: start)
        }
        return try placeholder(named: name)
      }
      return try result(of: function, heap.collections[place], at: start)
    case .rebuildTensor where arguments.count == 4,
      .rebuildTensorV2 where 6...7 ~= arguments.count,
      .rebuildTensorV3 where 7...8 ~= arguments.count:
      if case .object = arguments[0] { return arguments[0] }
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
    case .rebuildParameter where arguments.count == 3,
      .rebuildParameterWithState where arguments.count == 4:
      switch arguments[0] {
      case .tensor, .object: return arguments[0]
      default: throw reader.malformed("a parameter contains no tensor", at: start)
      }
    case .rebuildTensor, .rebuildTensorV2, .rebuildTensorV3, .rebuildParameter,
      .rebuildParameterWithState, .rebuildFromType:
      throw reader.malformed("a tensor is described by \(arguments.count) values", at: start)
    case .storage, .untypedStorage, .elementType:
      throw refused("a call of a type", at: start)
    }
  }

  /// `OrderedDict()`, or, written by Python 2, `OrderedDict([[key, value], …])`.
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

/// The Python names that tensors are described with; all others are foreign.
///
/// None of them is looked up or called in Python: each is implemented by a few lines of Swift.
enum TorchGlobal: Equatable {
  case orderedDictionary
  case defaultDictionary
  case rebuildTensor
  case rebuildTensorV2
  case rebuildTensorV3
  case rebuildParameter
  /// A parameter with further attributes.
  case rebuildParameterWithState
  /// A tensor of a subclass, or with further attributes.
  case rebuildFromType
  case storage(ElementType)
  case untypedStorage
  case elementType(ElementType)

  init?(module: String, name: String) {
    switch (module, name) {
    case ("collections", "OrderedDict"): self = .orderedDictionary
    case ("collections", "defaultdict"): self = .defaultDictionary
    case ("torch._utils", "_rebuild_tensor"): self = .rebuildTensor
    case ("torch._utils", "_rebuild_tensor_v2"): self = .rebuildTensorV2
    case ("torch._utils", "_rebuild_tensor_v3"): self = .rebuildTensorV3
    case ("torch._utils", "_rebuild_parameter"): self = .rebuildParameter
    case ("torch._utils", "_rebuild_parameter_with_state"): self = .rebuildParameterWithState
    case ("torch._tensor", "_rebuild_from_type_v2"): self = .rebuildFromType
    case ("torch.storage", "UntypedStorage"): self = .untypedStorage
    case ("torch", _):
      if let type = Self.storageTypes[name] {
        self = .storage(type)
      } else if let type = Self.elementTypes[name] {
        self = .elementType(type)
      } else {
        return nil
      }
    default: return nil
    }
  }

  private static let storageTypes: [String: ElementType] = [
    "DoubleStorage": .f64, "FloatStorage": .f32, "HalfStorage": .f16, "BFloat16Storage": .bf16,
    "LongStorage": .i64, "IntStorage": .i32, "ShortStorage": .i16, "CharStorage": .i8,
    "ByteStorage": .u8, "BoolStorage": .bool, "ComplexFloatStorage": .c64,
    // Quantised elements, whose scales are in the call that describes the tensor.
    "QInt8Storage": .i8, "QUInt8Storage": .u8, "QInt32Storage": .i32, "QUInt4x2Storage": .u8,
    "QUInt2x4Storage": .u8,
  ]

  private static let elementTypes: [String: ElementType] = [
    "float64": .f64, "float32": .f32, "float16": .f16, "bfloat16": .bf16, "int64": .i64,
    "int32": .i32, "int16": .i16, "int8": .i8, "uint64": .u64, "uint32": .u32, "uint16": .u16,
    "uint8": .u8, "bool": .bool, "complex64": .c64, "float8_e5m2": .f8e5m2,
    "float8_e4m3fn": .f8e4m3, "float8_e5m2fnuz": .f8e5m2fnuz, "float8_e4m3fnuz": .f8e4m3fnuz,
    "float8_e8m0fnu": .f8e8m0,
  ]
}
