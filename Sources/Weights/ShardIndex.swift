/// The index of weights that are divided among several files, as Hugging Face's libraries write it.
///
///     {"weight_map": {"conv_stem.weight": "model-00001-of-00002.safetensors", …}}
struct ShardIndex {
  /// The names of the files, sorted.
  let files: [String]
  /// The file that contains each tensor.
  let places: [String: String]

  private static let mostFiles = 1000

  /// - Throws: `WeightsError.unsupported` for other JSON files, `.malformed` for damaged ones, and
  ///   `.refused` for files outside the folder of the index.
  init(_ file: MappedFile, limits: WeightLimits) throws(WeightsError) {
    guard file.count <= limits.headerBytes else {
      throw .malformed(
        path: file.path,
        reason: "the index has \(file.count) bytes, more than \(limits.headerBytes)")
    }
    let root = try JSONValue(file, range: 0..<file.count)
    guard let map = root["weight_map"]?.members else {
      throw .unsupported(
        path: file.path,
        reason:
          "a JSON file that is no index of weights (it has no weight_map); pass the weight file"
          + " itself")
    }
    guard map.count <= limits.tensors else {
      throw .malformed(path: file.path, reason: "more than \(limits.tensors) tensors")
    }
    var places: [String: String] = [:]
    for (tensor, value) in map {
      guard let name = value.text else {
        throw .malformed(
          path: file.path, reason: "the place of tensor \(tensor) is not a file name")
      }
      guard Self.isPlain(name) else {
        throw .refused(
          path: file.path,
          reason: "the index names \"\(name)\"; all files must be in the folder of the index")
      }
      places[tensor] = name
    }
    self.places = places
    files = Set(places.values).sorted()
    guard files.count <= Self.mostFiles else {
      throw .malformed(
        path: file.path, reason: "\(files.count) files, more than \(Self.mostFiles)")
    }
  }

  /// Whether this is the name of a file in the same folder.
  private static func isPlain(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".."
      && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") || $0 == 0 }
  }
}
