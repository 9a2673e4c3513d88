import Weights

extension FuzzTarget {
  static let weights = [
    FuzzTarget(name: "safetensors", about: "a safetensors file") { fuzz($0, $1) { $0 } },
    FuzzTarget(name: "torch-zip", about: "a zip archive as written by torch.save") {
      fuzz($0, $1) { $0 }
    },
    FuzzTarget(name: "pickle", about: "the pickle in such an archive") {
      fuzz($0, $1) { TorchArchive.bytes(pickle: $0) }
    },
    FuzzTarget(name: "torch-legacy", about: "a legacy torch.save file, after its magic") {
      fuzz($0, $1) { legacyStart + $0 }
    },
    FuzzTarget(name: "npy", about: "a NumPy array") { start, count in
      let path = InputFile.path(holding: [UInt8](UnsafeBufferPointer(start: start, count: count)))
      guard
        let array = read({ () throws(WeightsError) in try NPYArray(path: path, limits: limits) })
      else { return 0 }
      require(array.values.count == array.shape.reduce(1, *), "the values do not fit the shape")
      require(array.shape.count <= limits.rank, "the rank exceeds its limit")
      let again = InputFile.path(holding: array.encoded)
      let copy = read { () throws(WeightsError) in try NPYArray(path: again) }
      require(
        copy?.shape == array.shape
          && copy?.values.map(\.bitPattern) == array.values.map(\.bitPattern),
        "an array that was written reads back as another")
      return 0
    },
  ]
}

/// So small that an execution takes milliseconds.
private let limits: WeightLimits = {
  var limits = WeightLimits()
  limits.headerBytes = 1 << 18
  limits.tensors = 1000
  limits.archiveEntries = 100
  limits.pickleBytes = 1 << 18
  limits.pickleStack = 1000
  limits.pickleMemo = 1000
  limits.pickleObjects = 10_000
  limits.pickleDepth = 32
  return limits
}()

/// The magic number and the version of PyTorch's files before 1.6, each a pickle.
private let legacyStart: [UInt8] =
  [0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E]
  + [0x80, 0x02, 0x4D, 0xE9, 0x03, 0x2E]

/// The result of a parser; nil if it rejects the input with a one-line message.
private func read<Value>(_ parse: () throws(WeightsError) -> Value) -> Value? {
  do {
    return try parse()
  } catch {
    switch error {
    case .malformed, .unsupported, .refused, .needsExport: break
    default: fatalError("the error is of another input: \(error)")
    }
    var lines = "\(error)".split(separator: "\n", omittingEmptySubsequences: false)
    if case .needsExport(_, _, let remedy) = error { lines.removeLast(remedy.count) }
    require(lines.count == 1, "an error has several lines")
    require(
      "\(error)".utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == UInt8(ascii: "\n") },
      "an error has control characters")
    return nil
  }
}

private func fuzz(
  _ start: UnsafePointer<UInt8>?, _ count: Int, _ wrap: ([UInt8]) -> [UInt8]
) -> CInt {
  let bytes = wrap([UInt8](UnsafeBufferPointer(start: start, count: count)))
  let path = InputFile.path(holding: bytes)
  guard
    let file = read({ () throws(WeightsError) in try WeightFile(path: path, limits: limits) })
  else { return 0 }
  require(file.byteCount == bytes.count, "the file has another size")
  require(file.tensors.count <= limits.tensors, "the tensors exceed their limit")
  for dictionary in file.dictionaries {
    let names = dictionary.tensors.map(\.name)
    require(Set(names).count == names.count, "two tensors share a name")
    for tensor in dictionary.tensors {
      require(dictionary[tensor.name]?.shape == tensor.shape, "a tensor is not found by its name")
      check(tensor)
    }
  }
  for set in file.sets(containing: ["a", "weight"]) {
    require(
      set.names.allSatisfy { set[$0]?.name == set.prefix + $0 }, "a name lacks the prefix")
    require(set.names.contains { ["a", "weight"].contains($0) }, "a set lacks the anchor")
    _ = set.isAverage
  }
  checkCopy(of: file)
  return 0
}

/// Checks the invariants of a tensor by reading all its elements.
private func check(_ tensor: TensorView) {
  require(tensor.shape.reduce(1, *) == tensor.elementCount, "the count is not that of the shape")
  let strides = tensor.strides ?? []
  let last = zip(tensor.shape, strides).reduce(0) { $0 + ($1.0 - 1) * $1.1 }
  tensor.withUnsafeBytes { bytes in
    if tensor.strides == nil || tensor.elementCount == 0 {
      require(bytes.count == tensor.byteCount, "the bytes do not fit the shape")
    } else {
      require(strides.count == tensor.shape.count, "the strides do not fit the shape")
      require(
        bytes.count == (last + 1) * tensor.elementType.bitWidth / 8,
        "the strides reach outside the bytes")
    }
  }
  do {
    let floats = try tensor.floats()
    require(tensor.elementType.convertsToFloat, "a type converts that should not")
    require(floats.count == tensor.elementCount, "the floats do not fit the shape")
    let same = try tensor.withContiguousFloats { again in
      again.count == floats.count
        && zip(again, floats).allSatisfy { $0.bitPattern == $1.bitPattern }
    }
    require(same, "the floats are others where they lie and when copied")
  } catch {
    require(!tensor.elementType.convertsToFloat, "the numbers cannot be read: \(error)")
  }
}

/// Writes a safetensors file of the same tensors, which must read back the same.
private func checkCopy(of file: WeightFile) {
  // A name that is reserved in the header; the writer rejects it.
  guard file["__metadata__"] == nil else { return }
  var writer = SafetensorsWriter(metadata: file.metadata)
  for tensor in file.tensors { writer.append(tensor) }
  let path = "\(InputFile.folder)/copy.safetensors"
  let copy: WeightFile
  do {
    try writer.write(to: path)
    copy = try WeightFile(path: path)
  } catch {
    fatalError("tensors cannot be written and read again: \(error)")
  }
  require(copy.metadata == file.metadata, "metadata that were written read back as others")
  require(copy.names == file.names, "tensors that were written have other names")
  for (tensor, written) in zip(file.tensors, copy.tensors) {
    require(
      tensor.shape == written.shape && tensor.elementType == written.elementType,
      "a tensor that was written has another form")
    guard tensor.strides == nil else {
      let floats = (try? tensor.floats())?.map(\.bitPattern)
      require(
        floats == (try? written.floats())?.map(\.bitPattern), "a strided tensor was written wrongly"
      )
      continue
    }
    let same = tensor.withUnsafeBytes { first in
      written.withUnsafeBytes { first.elementsEqual($0) }
    }
    require(same, "a tensor that was written has other bytes")
  }
}
