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
  /// A name that weights do not need, by its index.
  case foreign(Int)
  /// A placeholder of an object that is not constructed.
  case object(Int)
  /// A value that no tensor depends on, and that is not kept: bytes, a set, a large integer.
  case opaque
  case storage(Int)
  case tensor(Int)

  var text: String? { if case .text(let text) = self { text } else { nil } }
  var integer: Int? { if case .integer(let value) = self { value } else { nil } }
  var dictionary: Int? { if case .dictionary(let place) = self { place } else { nil } }
  var tensor: Int? { if case .tensor(let place) = self { place } else { nil } }
}

/// The inert placeholder of an object of another class: what the pickle says about it.
struct PickleObject {
  /// The index of the class's name, or that of the function that returns the object.
  let name: Int
  /// The dictionary of its items, if it has any, as in a subclass of `dict`.
  var items: Int?
  /// Its attributes, if they are a dictionary.
  var attributes: Int?
}

/// Everything a pickle has created, up to a limit.
struct PickleHeap {
  /// Elements of tuples and lists; alternating keys and values of dictionaries.
  private(set) var collections: [[PickleValue]] = []
  private(set) var objects: [PickleObject] = []
  /// The names, with their modules, of foreign classes and functions.
  private(set) var names: [String] = []
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

  /// Adds a foreign name and returns its index, or nil at the limit.
  mutating func add(name: String) -> Int? {
    guard charge(1) else { return nil }
    names.append(name)
    return names.count - 1
  }

  /// Adds a placeholder and returns its index, or nil at the limit.
  mutating func add(_ object: PickleObject) -> Int? {
    guard charge(1) else { return nil }
    objects.append(object)
    return objects.count - 1
  }

  /// The dictionary of an object's items, created when first needed; nil at the limit.
  mutating func items(of object: Int) -> Int? {
    if let place = objects[object].items { return place }
    objects[object].items = make([])
    return objects[object].items
  }

  /// Sets an object's attributes.
  mutating func setAttributes(_ place: Int, of object: Int) {
    objects[object].attributes = place
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

/// The instructions of Python's pickle that training checkpoints need, protocols 2 to 5.
///
/// Those that build objects give inert placeholders. The missing ones refer to data outside the file
/// (`EXT1`, `NEXT_BUFFER`, …) or belong to the text protocols 0 and 1. Semantics and encoding:
/// CPython's `Lib/pickletools.py`.
enum PickleOpcode: UInt8 {
  case mark = 0x28  // (
  case emptyTuple = 0x29  // )
  case stop = 0x2e  // .
  case pop = 0x30  // 0
  case popMark = 0x31  // 1
  case duplicate = 0x32  // 2
  case bytes = 0x42  // B
  case shortBytes = 0x43  // C
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
  case instance = 0x69  // i
  case longGet = 0x6a  // j
  case list = 0x6c  // l
  case object = 0x6f  // o
  case put = 0x71  // q
  case longPut = 0x72  // r
  case setItem = 0x73  // s
  case tuple = 0x74  // t
  case setItems = 0x75  // u
  case emptyDictionary = 0x7d  // }
  case `protocol` = 0x80
  case newObject = 0x81
  case tuple1 = 0x85
  case tuple2 = 0x86
  case tuple3 = 0x87
  case newTrue = 0x88
  case newFalse = 0x89
  case long = 0x8a
  case longLong = 0x8b
  case shortUnicode = 0x8c
  case longUnicode = 0x8d
  case longBytes = 0x8e
  case emptySet = 0x8f
  case addItems = 0x90
  case frozenSet = 0x91
  case newObjectWithKeywords = 0x92
  case stackGlobal = 0x93
  case memoize = 0x94
  case frame = 0x95
  case byteArray = 0x96
}
