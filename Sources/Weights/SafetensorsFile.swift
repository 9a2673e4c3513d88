/// The layout of a safetensors file: an 8-byte header length, a JSON header, the data.
///
/// It is read strictly: tensors must cover the data from the first byte to the last, in any order,
/// without gaps, overlaps or a remainder; every key may appear only once; anything that the format
/// does not define is an error. Format: https://github.com/huggingface/safetensors (README,
/// "Format").
struct SafetensorsFile {
  private(set) var tensors: [TensorView] = []
  private(set) var metadata: [String: String] = [:]

  /// Whether the file starts like a safetensors file.
  static func begins(_ file: MappedFile) -> Bool {
    file.count > 8 && file.bytes[8] == UInt8(ascii: "{")
  }

  init(_ file: MappedFile, limits: WeightLimits) throws(WeightsError) {
    var reader = ByteReader(file)
    let length = try reader.size()
    guard length <= limits.headerBytes else {
      throw reader.malformed(
        "the header claims \(length) bytes; the limit is \(limits.headerBytes)", at: 0)
    }
    guard let header = checkedRange(at: reader.offset, length: length, within: file.count) else {
      throw reader.malformed("the header claims \(length) bytes, more than the file has", at: 0)
    }
    var names: Set<String> = []
    var json = StrictJSON(ByteReader(file, range: header))
    guard json.reader.peek == UInt8(ascii: "{") else {
      throw json.reader.malformed("the header does not begin with '{'")
    }
    var tensors: [TensorView] = []
    var metadata: [String: String] = [:]
    try json.object { (json, name, place) throws(WeightsError) in
      guard names.insert(name).inserted else {
        throw json.reader.malformed("\"\(name)\" appears twice", at: place)
      }
      if name == "__metadata__" {
        metadata = try Self.metadata(&json)
      } else {
        guard tensors.count < limits.tensors else {
          throw json.reader.malformed("more than \(limits.tensors) tensors", at: place)
        }
        tensors.append(
          try Self.tensor(named: name, &json, data: header.upperBound..<file.count, limits))
      }
    }
    try json.end()
    try Self.requireTiling(tensors, data: header.upperBound..<file.count, file)
    self.tensors = tensors
    self.metadata = metadata
  }

  private static func metadata(_ json: inout StrictJSON) throws(WeightsError) -> [String: String] {
    var metadata: [String: String] = [:]
    try json.object { (json, key, place) throws(WeightsError) in
      guard metadata.updateValue(try json.string(), forKey: key) == nil else {
        throw json.reader.malformed("\"\(key)\" appears twice in __metadata__", at: place)
      }
    }
    return metadata
  }

  private static func tensor(
    named name: String, _ json: inout StrictJSON, data: Range<Int>, _ limits: WeightLimits
  ) throws(WeightsError) -> TensorView {
    var type: ElementType?
    var shape: [Int]?
    var offsets: [Int]?
    let start = json.reader.offset
    try json.object { (json, key, place) throws(WeightsError) in
      switch key {
      case "dtype" where type == nil:
        let spelling = try json.string()
        type = ElementType(rawValue: spelling)
        if type == nil {
          throw json.reader.malformed("\(name) has unknown dtype \"\(spelling)\"", at: place)
        }
      case "shape" where shape == nil:
        shape = try json.integers(limit: limits.rank, "the shape of \(name)")
      case "data_offsets" where offsets == nil:
        offsets = try json.integers(limit: 2, "data_offsets of \(name)")
      default:
        throw json.reader.malformed("\(name): \"\(key)\" is unknown or appears twice", at: place)
      }
    }
    func malformed(_ reason: String) -> WeightsError {
      json.reader.malformed("\(name) \(reason)", at: start)
    }
    guard let type, let shape, let offsets, offsets.count == 2 else {
      throw malformed("lacks dtype, shape or data_offsets")
    }
    guard let count = checkedElementCount(of: shape), let byteCount = type.byteCount(of: count)
    else { throw malformed("has an impossible shape \(shape)") }
    guard offsets[0] <= offsets[1], offsets[1] - offsets[0] == byteCount else {
      throw malformed(
        "needs \(byteCount) bytes for \(shape) of \(type.rawValue), has data_offsets \(offsets)")
    }
    guard offsets[1] <= data.count else {
      throw malformed("ends at \(offsets[1]) of \(data.count) bytes of data")
    }
    let base = data.lowerBound
    return TensorView(
      name: name, elementType: type, shape: shape, elementCount: count, file: json.reader.file,
      range: base + offsets[0]..<base + offsets[1])
  }

  /// Checks that the tensors, sorted by offset, follow each other without gaps or overlaps, up to
  /// the end of the file.
  private static func requireTiling(
    _ tensors: [TensorView], data: Range<Int>, _ file: MappedFile
  ) throws(WeightsError) {
    var position = data.lowerBound
    let sorted = tensors.sorted {
      ($0.storage.lowerBound, $0.storage.upperBound) < (
        $1.storage.lowerBound, $1.storage.upperBound
      )
    }
    for tensor in sorted {
      guard tensor.storage.lowerBound == position else {
        let fault = tensor.storage.lowerBound < position ? "overlaps another" : "follows a gap"
        throw .malformed(
          path: file.path, reason: "tensor \(tensor.name) \(fault) (byte \(position))")
      }
      position = tensor.storage.upperBound
    }
    guard position == data.upperBound else {
      throw .malformed(
        path: file.path,
        reason: "\(data.upperBound - position) bytes follow the last tensor (byte \(position))")
    }
  }
}
