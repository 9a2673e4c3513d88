/// A value of a pickle.
///
/// Collections are indices into `PickleHeap`, not trees, so that reading and releasing cycles or a
/// million levels of nesting needs no recursion.
enum PickleValue {
  case none
  case bool(Bool)
  case integer(Int)
  case real(Double)
  case text(String)
  case tuple(Int)
  case list(Int)
  case dictionary(Int)
  case global(TorchGlobal)
  case storage(Int)
  case tensor(Int)

  var text: String? { if case .text(let text) = self { text } else { nil } }
  var integer: Int? { if case .integer(let value) = self { value } else { nil } }
  var dictionary: Int? { if case .dictionary(let place) = self { place } else { nil } }
  var tensor: Int? { if case .tensor(let place) = self { place } else { nil } }
}

/// Everything a pickle has created, up to a limit.
struct PickleHeap {
  /// Elements of tuples and lists; alternating keys and values of dictionaries.
  private(set) var collections: [[PickleValue]] = []
  private(set) var storages: [TorchStorage] = []
  private(set) var tensors: [TorchTensor] = []
  private var charged = 0
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  /// Adds a collection and returns its index, or nil at the limit.
  mutating func make(_ elements: [PickleValue]) -> Int? {
    guard charge(1 + elements.count) else { return nil }
    collections.append(elements)
    return collections.count - 1
  }

  /// Extends a collection; false at the limit.
  mutating func extend(_ place: Int, with elements: some Collection<PickleValue>) -> Bool {
    guard charge(elements.count) else { return false }
    collections[place].append(contentsOf: elements)
    return true
  }

  /// Adds a storage and returns its index, or nil at the limit.
  mutating func add(_ storage: TorchStorage) -> Int? {
    guard charge(1) else { return nil }
    storages.append(storage)
    return storages.count - 1
  }

  /// Adds a tensor and returns its index, or nil at the limit.
  mutating func add(_ tensor: TorchTensor) -> Int? {
    guard charge(1 + tensor.shape.count + tensor.strides.count) else { return nil }
    tensors.append(tensor)
    return tensors.count - 1
  }

  /// The members of a dictionary, in insertion order.
  func members(of place: Int) -> [(key: PickleValue, value: PickleValue)] {
    let flat = collections[place]
    return stride(from: 0, to: flat.count - 1, by: 2).map { (flat[$0], flat[$0 + 1]) }
  }

  /// The elements of a list or a tuple.
  func elements(_ value: PickleValue) -> [PickleValue]? {
    switch value {
    case .list(let place), .tuple(let place): collections[place]
    default: nil
    }
  }

  /// The numbers of a tuple of at most `limit` non-negative integers.
  func sizes(_ value: PickleValue, limit: Int) -> [Int]? {
    guard case .tuple(let place) = value, collections[place].count <= limit else { return nil }
    var sizes: [Int] = []
    for element in collections[place] {
      guard let size = element.integer, size >= 0 else { return nil }
      sizes.append(size)
    }
    return sizes
  }

  private mutating func charge(_ count: Int) -> Bool {
    charged += count
    return charged <= limit
  }
}

/// The instructions of Python's pickle that a state dict needs, protocols 2 to 5.
///
/// The missing ones build arbitrary objects (`INST`, `OBJ`, `NEWOBJ`, `EXT1`, …) or belong to the
/// text protocols 0 and 1. Semantics and encoding: CPython's `Lib/pickletools.py`.
enum PickleOpcode: UInt8 {
  case mark = 0x28  // (
  case emptyTuple = 0x29  // )
  case stop = 0x2e  // .
  case pop = 0x30  // 0
  case popMark = 0x31  // 1
  case duplicate = 0x32  // 2
  case float = 0x47  // G
  case int32 = 0x4a  // J
  case uint8 = 0x4b  // K
  case uint16 = 0x4d  // M
  case none = 0x4e  // N
  case persistentID = 0x51  // Q
  case reduce = 0x52  // R
  case string = 0x54  // T
  case shortString = 0x55  // U
  case unicode = 0x58  // X
  case emptyList = 0x5d  // ]
  case append = 0x61  // a
  case build = 0x62  // b
  case global = 0x63  // c
  case dictionary = 0x64  // d
  case appends = 0x65  // e
  case get = 0x68  // h
  case longGet = 0x6a  // j
  case list = 0x6c  // l
  case put = 0x71  // q
  case longPut = 0x72  // r
  case setItem = 0x73  // s
  case tuple = 0x74  // t
  case setItems = 0x75  // u
  case emptyDictionary = 0x7d  // }
  case `protocol` = 0x80
  case tuple1 = 0x85
  case tuple2 = 0x86
  case tuple3 = 0x87
  case newTrue = 0x88
  case newFalse = 0x89
  case long = 0x8a
  case shortUnicode = 0x8c
  case longUnicode = 0x8d
  case stackGlobal = 0x93
  case memoize = 0x94
  case frame = 0x95
}
