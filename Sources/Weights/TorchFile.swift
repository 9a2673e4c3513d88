/// The tensors in a file written by `torch.save`: a state dict, or a training checkpoint.
///
/// Since PyTorch 1.6 the file is a zip archive: `*/data.pkl` describes the tensors, `*/data/N`
/// contains storage N. Before, it was four pickles (a magic number, a version, system info, the
/// tensors), a fifth with the keys of the storages, and then the storages themselves.
/// Source: PyTorch's `torch/serialization.py`.
enum TorchFile {
  /// The first two pickles of a legacy file: 0x1950a86a20f9469cfc6c and 1001.
  private static let legacyStart: [UInt8] =
    [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e]
    + [0x80, 0x02, 0x4d, 0xe9, 0x03, 0x2e]

  /// Whether the file starts like a legacy PyTorch file.
  static func beginsAsLegacy(_ file: MappedFile) -> Bool { file.bytes.starts(with: legacyStart) }

  /// The tensors of a zip archive.
  static func archive(
    _ file: MappedFile, limits: WeightLimits
  ) throws(WeightsError) -> [TensorDictionary] {
    let entries: [String: Range<Int>]
    do {
      entries = try ZipArchive(file, limits: limits).entries
    } catch {
      // The code in these archives is compressed, unlike anything in those with weights.
      throw FileRecognition.isTorchScript(file) ? FileRecognition.torchScript(file.path) : error
    }
    if entries.keys.contains(where: { $0.hasSuffix("/constants.pkl") }) {
      throw FileRecognition.torchScript(file.path)
    }
    let roots = entries.keys.filter { $0.hasSuffix("/data.pkl") }.map { $0.dropLast(8) }
    guard roots.count == 1, let root = roots.first, let pickle = entries["\(root)data.pkl"] else {
      throw .unsupported(
        path: file.path, reason: "a zip archive that does not contain exactly one data.pkl")
    }
    if let order = entries["\(root)byteorder"] {
      guard file.bytes[order].elementsEqual("little".utf8) else {
        throw .unsupported(path: file.path, reason: "numbers are not stored little-endian")
      }
    }
    guard pickle.count <= limits.pickleBytes else {
      throw .malformed(
        path: file.path,
        reason: "data.pkl has \(pickle.count) bytes, more than \(limits.pickleBytes)")
    }
    var machine = PickleMachine(ByteReader(file, range: pickle), limits: limits)
    let value = try machine.run()
    guard machine.reader.remaining == 0 else {
      throw machine.reader.malformed("unexpected data after the pickle")
    }
    return try views(value, machine, limits) { storage throws(WeightsError) in
      guard let range = entries["\(root)data/\(storage.key)"] else {
        throw .malformed(path: file.path, reason: "storage data/\(storage.key) is missing")
      }
      return range
    }
  }

  /// The tensors of a file from before PyTorch 1.6.
  static func legacy(
    _ file: MappedFile, limits: WeightLimits
  ) throws(WeightsError) -> [TensorDictionary] {
    var reader = ByteReader(file)
    _ = reader.takes(legacyStart)

    var facts = PickleMachine(reader.prefix(limits.pickleBytes), limits: limits)
    guard let sheet = try facts.run().dictionary,
      case .bool(true) = facts.heap.members(of: sheet).first(where: {
        $0.key.text == "little_endian"
      })?.value
    else {
      throw .unsupported(path: file.path, reason: "numbers are not stored little-endian")
    }
    reader.move(to: facts.reader.offset)

    var machine = PickleMachine(reader.prefix(limits.pickleBytes), limits: limits)
    let value = try machine.run()
    reader.move(to: machine.reader.offset)

    var list = PickleMachine(reader.prefix(limits.pickleBytes), limits: limits)
    guard case .list(let keys) = try list.run() else {
      throw list.reader.malformed("the list of storages is missing")
    }
    reader.move(to: list.reader.offset)

    var storages: [String: TorchStorage] = [:]
    for storage in machine.heap.storages { storages[storage.key] = storage }
    var ranges: [String: Range<Int>] = [:]
    for key in list.heap.collections[keys] {
      guard let key = key.text, let storage = storages[key], ranges[key] == nil else {
        throw list.reader.malformed("the list of storages is damaged")
      }
      // The count, in elements, repeats the one in the pickle.
      let count = try reader.size()
      guard (storage.elementType ?? .u8).byteCount(of: count) == storage.byteCount else {
        throw reader.malformed("storage \(key) has \(count) elements, unlike in the pickle")
      }
      let start = reader.offset
      _ = try reader.take(storage.byteCount)
      ranges[key] = start..<reader.offset
    }
    guard reader.remaining == 0 else {
      throw reader.malformed("unexpected data after the last storage")
    }
    return try views(value, machine, limits) { storage throws(WeightsError) in
      guard let range = ranges[storage.key] else {
        throw .malformed(path: file.path, reason: "storage \(storage.key) is missing")
      }
      return range
    }
  }

  /// Views of the tensors inside `value`.
  ///
  /// - Parameter locate: finds the bytes of a storage.
  private static func views(
    _ value: PickleValue, _ machine: PickleMachine, _ limits: WeightLimits,
    locate: (TorchStorage) throws(WeightsError) -> Range<Int>
  ) throws(WeightsError) -> [TensorDictionary] {
    let file = machine.reader.file
    let heap = machine.heap
    let search = try CheckpointSearch(value, heap, file)
    let largest = search.dictionaries.max {
      $0.tensors.count + $0.quantized < $1.tensors.count + $1.quantized
    }
    if let largest, largest.quantized > 0 { throw FileRecognition.quantized(file.path) }
    if case .dictionary(let place) = value, heap.members(of: place).isEmpty {
      return [TensorDictionary(keys: [], tensors: [])]
    }
    // Beside a pickled network, only the state of its training is in dictionaries.
    if let module = search.modules.first,
      !search.dictionaries.contains(where: { $0.tensors.count > 8 })
    {
      throw FileRecognition.wholeModule(module, in: file.path)
    }
    guard largest != nil else { throw noTensors(value, heap, file) }
    var count = 0
    var dictionaries: [TensorDictionary] = []
    for found in search.dictionaries where !found.tensors.isEmpty {
      count += found.tensors.count
      guard count <= limits.tensors else {
        throw .malformed(path: file.path, reason: "more than \(limits.tensors) tensors")
      }
      var views: [TensorView] = []
      for (name, place) in found.tensors {
        let tensor = heap.tensors[place]
        let range = try locate(tensor.storage)
        guard range.count == tensor.storage.byteCount else {
          throw .malformed(
            path: file.path,
            reason: "tensor \(name): storage \(tensor.storage.key) should have "
              + "\(tensor.storage.byteCount) bytes, but has \(range.count)")
        }
        views.append(try tensor.view(named: name, in: file, range: range))
      }
      dictionaries.append(TensorDictionary(keys: found.keys, tensors: views))
    }
    return dictionaries
  }

  /// The error for a file without tensors, with what it contains instead.
  private static func noTensors(
    _ value: PickleValue, _ heap: PickleHeap, _ file: MappedFile
  ) -> WeightsError {
    let contents: String
    switch value {
    case .dictionary(let place):
      contents =
        "only " + heap.members(of: place).prefix(8).compactMap(\.key.text).joined(separator: ", ")
    case .object(let place): contents = "only an object of \(heap.names[heap.objects[place].name])"
    default: contents = "no dictionary"
    }
    return .unsupported(
      path: file.path,
      reason: "no tensors; the file contains \(contents). In Python: "
        + "torch.save(model.state_dict(), \"weights.pth\")")
  }
}

/// A block of memory shared by tensors of a PyTorch file, as the pickle describes it.
struct TorchStorage {
  let key: String
  /// Nil if every tensor specifies its own.
  let elementType: ElementType?
  let byteCount: Int
}

/// A tensor as the pickle describes it, not yet checked against its storage.
struct TorchTensor {
  let storage: TorchStorage
  let elementType: ElementType
  let offset: Int
  let shape: [Int]
  let strides: [Int]

  /// The view of the file that this describes.
  ///
  /// - Parameter range: the bytes of the storage.
  func view(
    named name: String, in file: MappedFile, range: Range<Int>
  ) throws(WeightsError) -> TensorView {
    func malformed(_ reason: String) -> WeightsError {
      .malformed(path: file.path, reason: "tensor \(name) of shape \(shape) \(reason)")
    }
    guard strides.count == shape.count else { throw malformed("has strides \(strides)") }
    guard let count = checkedElementCount(of: shape), elementType.bitWidth.isMultiple(of: 8)
    else { throw malformed("is impossible") }
    let size = elementType.bitWidth / 8
    let capacity = range.count / size
    // A stride of zero repeats elements without limit, which weights never do.
    guard count <= capacity else {
      throw malformed("has more elements than the \(capacity) stored")
    }
    guard let span = count == 0 ? 0 : extent(within: capacity),
      let elements = checkedRange(at: offset, length: span, within: capacity)
    else { throw malformed("extends beyond its \(capacity) stored elements") }
    return TensorView(
      name: name, elementType: elementType, shape: shape,
      strides: count == 0 || isContiguous ? nil : zip(shape, strides).map { $0 == 1 ? 0 : $1 },
      elementCount: count, file: file,
      range: range.lowerBound + elements.lowerBound * size..<range.lowerBound + elements.upperBound
        * size)
  }

  /// The number of elements from the first to the last, or nil if more than `capacity`.
  private func extent(within capacity: Int) -> Int? {
    var extent = 1
    for (count, stride) in zip(shape, strides) {
      guard let length = checkedProduct(count - 1, stride),
        let range = checkedRange(at: extent, length: length, within: capacity)
      else { return nil }
      extent = range.upperBound
    }
    return extent
  }

  /// Whether elements are contiguous in C order; the stride of an axis of extent 1 does not matter.
  private var isContiguous: Bool {
    var expected = 1
    for (count, stride) in zip(shape, strides).reversed() where count != 1 {
      if stride != expected { return false }
      expected *= count
    }
    return true
  }
}
