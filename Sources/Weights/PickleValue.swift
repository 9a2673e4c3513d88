/// A value of a pickle.
///
/// Collections are numbers of places in `PickleHeap`, not trees: a cycle or a million levels of
/// nesting costs no recursion, neither while reading nor when the values are released.
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

/// Everything a pickle has made, with a bound on how much that may be.
struct PickleHeap {
  /// Elements of tuples and lists; keys and values of dictionaries in turn.
  private(set) var collections: [[PickleValue]] = []
  private(set) var storages: [TorchStorage] = []
  private(set) var tensors: [TorchTensor] = []
  private var charged = 0
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  /// Makes a collection and returns its place, or nil where the bound is reached.
  mutating func make(_ elements: [PickleValue]) -> Int? {
    guard charge(1 + elements.count) else { return nil }
    collections.append(elements)
    return collections.count - 1
  }

  /// Extends a collection; false where the bound is reached.
  mutating func extend(_ place: Int, with elements: some Collection<PickleValue>) -> Bool {
    guard charge(elements.count) else { return false }
    collections[place].append(contentsOf: elements)
    return true
  }

  /// Adds a storage and returns its place, or nil where the bound is reached.
  mutating func add(_ storage: TorchStorage) -> Int? {
    guard charge(1) else { return nil }
    storages.append(storage)
    return storages.count - 1
  }

  /// Adds a tensor and returns its place, or nil where the bound is reached.
  mutating func add(_ tensor: TorchTensor) -> Int? {
    guard charge(1 + tensor.shape.count + tensor.strides.count) else { return nil }
    tensors.append(tensor)
    return tensors.count - 1
  }

  /// The members of a dictionary in the order they were set.
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
