import Host

/// Writes a safetensors file; the same tensors always give the same bytes.
///
/// Tensors keep the order of `append`, metadata is sorted by key, and the data starts at a multiple
/// of 64 bytes, so that vectors can be loaded directly from a mapped file. The file is written
/// atomically.
///
/// ```swift
/// var writer = SafetensorsWriter(metadata: ["model": "efficientnet_v2_s"])
/// writer.append(tensor, as: .f16)
/// try writer.write(to: "efficientnet_v2_s.f16.safetensors")
/// ```
public struct SafetensorsWriter {
  /// Fills memory of exactly the tensor's size with its elements, little-endian, in C order.
  public typealias Producer = (UnsafeMutableRawBufferPointer) throws(WeightsError) -> Void

  /// The alignment of the data: a cache line, and the widest vector.
  private static let alignment = 64

  private struct Entry {
    let name: String
    let elementType: ElementType
    let shape: [Int]
    let produce: (_ path: String, UnsafeMutableRawBufferPointer) throws(WeightsError) -> Void
  }

  private let metadata: [String: String]
  private var entries: [Entry] = []

  /// Creates a writer without tensors.
  public init(metadata: [String: String] = [:]) { self.metadata = metadata }

  /// Adds a tensor whose bytes are produced when the file is written.
  public mutating func append(
    name: String, elementType: ElementType, shape: [Int], bytes: @escaping Producer
  ) {
    entries.append(
      Entry(name: name, elementType: elementType, shape: shape) {
        (_, buffer) throws(WeightsError) in try bytes(buffer)
      })
  }

  /// Adds a tensor of `values`, rounded to nearest if `elementType` is narrower.
  ///
  /// - Parameter elementType: `.f32`, `.f16` or `.bf16`.
  public mutating func append(
    name: String, shape: [Int], values: [Float], as elementType: ElementType = .f32
  ) {
    precondition(
      checkedElementCount(of: shape) == values.count, "the shape does not fit the values")
    let encoding = FloatEncoding(elementType)
    entries.append(
      Entry(name: name, elementType: elementType, shape: shape) {
        (path, buffer) throws(WeightsError) in
        try values.withUnsafeBufferPointer { (values) throws(WeightsError) in
          try encoding.encode(values, into: buffer, tensor: name, path: path)
        }
      })
  }

  /// Adds a tensor of another file, with its own element type or rounded to a narrower one.
  ///
  /// Integers and floats of 8 bits or fewer always keep their type.
  ///
  /// - Parameters:
  ///   - name: the name to write, if different from the view's.
  ///   - elementType: `.f32`, `.f16` or `.bf16`; nil keeps the stored type and, unless the view is
  ///     strided, the stored bytes.
  public mutating func append(
    _ tensor: TensorView, name: String? = nil, as elementType: ElementType? = nil
  ) {
    let name = name ?? tensor.name
    let wanted = tensor.elementType.isFloatingPoint ? elementType : nil
    guard let type = wanted, type != tensor.elementType else {
      entries.append(
        Entry(name: name, elementType: tensor.elementType, shape: tensor.shape) {
          (_, buffer) throws(WeightsError) in tensor.copyBytes(into: buffer)
        })
      return
    }
    let encoding = FloatEncoding(type)
    entries.append(
      Entry(name: name, elementType: type, shape: tensor.shape) {
        (path, buffer) throws(WeightsError) in
        let values = try tensor.floats()
        if tensor.elementType == .f64, let index = values.firstIndex(where: \.isInfinite) {
          throw .unrepresentable(
            path: path, tensor: name, reason: "element \(index) exceeds the F32 maximum; keep F64")
        }
        try values.withUnsafeBufferPointer { (values) throws(WeightsError) in
          try encoding.encode(values, into: buffer, tensor: name, path: path)
        }
      })
  }

  /// Writes the file, replacing any existing one.
  ///
  /// Only one tensor at a time is held in memory. On failure nothing is left behind.
  ///
  /// - Throws: `FileError.cannotCreate` or `.cannotWrite`; `WeightsError.unrepresentable` if a
  ///   value overflows its element type, `.malformed` if two tensors have the same name; errors of
  ///   producers.
  public func write(to path: String) throws { try write(to: path, observer: nil) }

  /// Writes the file as `write(to:)` does.
  ///
  /// - Parameter observer: Called after each change to a file.
  package func write(to path: String, observer: FileObserver?) throws {
    let header = try header(for: path)
    let file = try AtomicFile(path: path, observer: observer)
    try header.withUnsafeBytes { try file.write($0) }
    for entry in entries {
      let size = try byteCount(of: entry, path)
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 64)
      defer { buffer.deallocate() }
      buffer.initializeMemory(as: UInt8.self, repeating: 0)
      try entry.produce(path, buffer)
      try file.write(UnsafeRawBufferPointer(buffer))
    }
    try file.commit()
  }

  /// The bytes of the file.
  ///
  /// - Parameter name: The file's name in errors.
  /// - Throws: `WeightsError`, as `write(to:)` does.
  public func encoded(named name: String) throws(WeightsError) -> [UInt8] {
    var bytes = try header(for: name)
    for entry in entries {
      var part = [UInt8](repeating: 0, count: try byteCount(of: entry, name))
      let result = part.withUnsafeMutableBytes { buffer in
        Result { () throws(WeightsError) in try entry.produce(name, buffer) }
      }
      try result.get()
      bytes += part
    }
    return bytes
  }

  private func byteCount(of entry: Entry, _ path: String) throws(WeightsError) -> Int {
    guard let count = checkedElementCount(of: entry.shape),
      let size = entry.elementType.byteCount(of: count)
    else {
      throw .malformed(
        path: path, reason: "tensor \(entry.name) has an impossible shape \(entry.shape)")
    }
    return size
  }

  /// The length field and the header, padded with spaces up to the alignment.
  private func header(for path: String) throws(WeightsError) -> [UInt8] {
    var names: Set<String> = ["__metadata__"]
    var members = JSON.Object([])
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      members.append(
        "__metadata__", .object(JSON.Object(pairs.map { ($0.key, .string($0.value)) })))
    }
    var position = 0
    for entry in entries {
      guard names.insert(entry.name).inserted else {
        throw .malformed(path: path, reason: "two tensors have the name \(entry.name)")
      }
      let size = try byteCount(of: entry, path)
      guard let range = checkedRange(at: position, length: size, within: .max) else {
        throw .malformed(path: path, reason: "the tensors exceed the maximum size of a file")
      }
      let offsets = [range.lowerBound, range.upperBound]
      members.append(
        entry.name,
        .object([
          "dtype": .string(entry.elementType.rawValue),
          "shape": .array(entry.shape.map(JSON.integer)),
          "data_offsets": .array(offsets.map(JSON.integer)),
        ]))
      position = range.upperBound
    }
    let json = Array("\(JSON.object(members))".utf8)
    guard let start = checkedAlignUp(8 + json.count, to: Self.alignment) else {
      throw .malformed(path: path, reason: "the header is too long")
    }
    let padding = [UInt8](repeating: UInt8(ascii: " "), count: start - 8 - json.count)
    let length = withUnsafeBytes(of: UInt64(start - 8).littleEndian) { Array($0) }
    return length + json + padding
  }
}
