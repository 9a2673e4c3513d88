import CNNZoo
import Command
import Weights

extension FuzzTarget {
  static let texts = [
    FuzzTarget(name: "paths", about: "a list of paths, line-separated and NUL-separated") {
      let bytes = [UInt8](UnsafeBufferPointer(start: $0, count: $1))
      checkPaths(bytes, separator: UInt8(ascii: "\n"))
      checkPaths(bytes, separator: 0)
      return 0
    },
    FuzzTarget(name: "labels", about: "a label file") {
      checkLabels([UInt8](UnsafeBufferPointer(start: $0, count: $1)))
      return 0
    },
    FuzzTarget(name: "json", about: "the config.json next to timm weights") {
      checkConfiguration([UInt8](UnsafeBufferPointer(start: $0, count: $1)))
      return 0
    },
    FuzzTarget(
      name: "metadata", about: "keys and values of __metadata__, each NUL-terminated"
    ) {
      checkMetadata([UInt8](UnsafeBufferPointer(start: $0, count: $1)))
      return 0
    },
    FuzzTarget(name: "bench", about: "a bench report for --compare") {
      checkBench([UInt8](UnsafeBufferPointer(start: $0, count: $1)))
      return 0
    },
    FuzzTarget(name: "record", about: "the record of a file in the cache") {
      checkRecord([UInt8](UnsafeBufferPointer(start: $0, count: $1)))
      return 0
    },
  ]
}

/// The paths are the parts between separators, cut off if too long; none follows the last
/// separator.
private func checkPaths(_ bytes: [UInt8], separator: UInt8) {
  var expected = bytes.split(separator: separator, omittingEmptySubsequences: false)
  if expected.last?.isEmpty == true { expected.removeLast() }
  do {
    var list = try PathList(InputFile.path(holding: bytes), endedByZeros: separator == 0)
    for (index, part) in expected.enumerated() {
      var part = part
      if separator != 0 {
        if index == 0, part.starts(with: [0xEF, 0xBB, 0xBF]) { part.removeFirst(3) }
        if part.last == UInt8(ascii: "\r") { part.removeLast() }
      }
      require(try list.next() == Array(part.prefix(64 << 10)), "a path is not what the list says")
    }
    require(try list.next() == nil, "the list has more paths than it says")
  } catch {
    fatalError("a list cannot be read: \(error)")
  }
}

private func checkLabels(_ bytes: [UInt8]) {
  let path = InputFile.path(holding: bytes)
  let labels: Labels
  do {
    labels = try Labels(contentsOf: path)
  } catch .malformed {
    return
  } catch {
    fatalError("the error is of another input: \(error)")
  }
  require(labels.count > 0, "there are no labels")
  require(labels.count <= bytes.count, "too many labels")
  require(
    Labels(lines: labels.text, source: path) == labels,
    "labels that were written read back as others")
  for name in labels.names {
    require(name.contains { !$0.isWhitespace }, "a label is empty")
    require(
      !name.utf8.contains(UInt8(ascii: "\n")) && !name.utf8.contains(0), "a label has two lines")
  }
}

/// Reads the file as any JSON, and as what it says about weights.
private func checkConfiguration(_ bytes: [UInt8]) {
  let path = InputFile.path(holding: bytes, named: "config.json")
  let json = try? JSONValue(contentsOf: path)
  if let json {
    require(isFinite(json), "a number of JSON is not finite")
    // A configuration that names no network is from another library, and is ignored.
    guard json["architecture"]?.text != nil else { return }
  }
  for model in models {
    do {
      let info = try WeightInfo(
        path: "\(InputFile.folder)/model.safetensors", metadata: [:], model: model, naming: .timm)
      require(json != nil, "a file is read that is not JSON")
      let preprocessing = info.preprocessing
      require(
        1...8192 ~= preprocessing.crop && preprocessing.resize > 0, "the size is impossible")
      require(
        try Preprocessing(metadata: preprocessing.metadata) == preprocessing,
        "preprocessing changed when it was written and read back")
      require(
        info.labels?.names.allSatisfy { !$0.contains { $0.isNewline } } ?? true,
        "a label has two lines")
      return
    } catch PretrainedError.otherModel {
      continue
    } catch PretrainedError.metadata {
      return
    } catch {
      fatalError("the error is of another input: \(error)")
    }
  }
}

/// Metadata reads back as it was written.
private func checkMetadata(_ bytes: [UInt8]) {
  let texts = bytes.split(separator: 0, omittingEmptySubsequences: false).map {
    String(decoding: $0, as: UTF8.self)
  }
  var metadata: [String: String] = [:]
  for index in stride(from: 0, to: texts.count - 1, by: 2) {
    metadata[texts[index]] = texts[index + 1]
  }
  let model = models[0]
  do {
    let written = try WeightInfo(path: "input", metadata: metadata, model: model).metadata
    require(
      try WeightInfo(path: "input", metadata: written, model: model).metadata == written,
      "metadata changed when it was written and read back")
  } catch PretrainedError.otherModel {
  } catch PretrainedError.metadata {
  } catch {
    fatalError("the error is of another input: \(error)")
  }
}

/// One model of each family.
private let models = ["mobilenetv3-small", "effnetv2-s", "effnet-lite0"].map { name in
  guard let model = try? ModelCatalog.model(named: name) else { fatalError("no model \(name)") }
  return model
}

private func isFinite(_ value: JSONValue) -> Bool {
  switch value {
  case .number(let number): number.isFinite
  case .array(let elements): elements.allSatisfy(isFinite)
  case .object(let members): members.values.allSatisfy(isFinite)
  case .null, .bool, .string: true
  }
}

private func checkBench(_ bytes: [UInt8]) {
  let path = InputFile.path(holding: bytes)
  do throws(EarlierBenchError) {
    let bench = try EarlierBench(contentsOf: path)
    require(!bench.results.isEmpty, "a report without results is read")
    for result in bench.results {
      let times = [result.median, result.minimum] + result.roundMedians
      require(times.allSatisfy { $0 > 0 && $0.isFinite }, "a time is none")
      require(bench.result(for: result.key)?.key == result.key, "a result is not found by its key")
    }
  } catch {
    guard case .malformed = error else { fatalError("the error is of another input: \(error)") }
  }
}

/// A record holds exactly one line: the hash, two blanks, the name.
private func checkRecord(_ bytes: [UInt8]) {
  let name = "weights.safetensors"
  func requireLine(_ hash: String) {
    let text = String(decoding: bytes, as: UTF8.self)
    require(
      text.lowercased() == "\(hash)  \(name)\n", "a record was read as another")
  }
  _ = InputFile.path(holding: [], named: name)
  _ = InputFile.path(holding: bytes, named: "\(name).sha256")
  do {
    let cache = WeightCache(folder: InputFile.folder)
    let entry = try cache.entry(named: name)
    switch try cache.verify(entry) {
    case .unrecorded: fatalError("the record was not read")
    case .good(let found): requireLine(found)
    case .changed(let expected, _): requireLine(expected)
    }
  } catch CacheError.unreadable {
    return
  } catch {
    fatalError("the error is of another input: \(error)")
  }
}
