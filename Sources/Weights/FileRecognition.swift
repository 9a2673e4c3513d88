/// Recognises files that are mistaken for weight files, to say what they are and what to do.
enum FileRecognition {
  /// The error for a file that is neither safetensors nor `torch.save`.
  static func error(for file: MappedFile) -> WeightsError {
    let start = Array(file.bytes.prefix(512))
    if let kind = text(start) ?? binary(start) {
      return .unsupported(path: file.path, reason: kind)
    }
    return .malformed(path: file.path, reason: "neither a safetensors file nor a torch.save file")
  }

  /// Whether the file is a text that starts like JSON.
  ///
  /// A safetensors file may start with the same byte, the lowest of a size, but not with eight
  /// characters.
  static func isJSON(_ file: MappedFile) -> Bool {
    let start = file.bytes.prefix(8)
    guard start.allSatisfy({ $0 >= 0x20 || isSpace($0) }) else { return false }
    let first = file.bytes.prefix(64).first { !isSpace($0) }
    return first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
  }

  private static func isSpace(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0A, 0x0D].contains(byte) }

  private static func text(_ start: [UInt8]) -> String? {
    if start.starts(with: "version https://git-lfs".utf8) {
      return "a Git LFS pointer instead of the file that it stands for; run `git lfs pull` in its"
        + " repository"
    }
    let text = String(decoding: start, as: UTF8.self).lowercased()
      .drop { $0.isWhitespace || $0 == "\u{FEFF}" }
    let isHTML = text.hasPrefix("<!doctype html") || text.contains("<html")
    guard isHTML || text.hasPrefix("<?xml") else { return nil }
    return "\(isHTML ? "an HTML page" : "an XML document") instead of weights, probably a server's"
      + " answer; download the file itself, for example with curl --fail --location, from the link of"
      + " the raw file"
  }

  private static func binary(_ start: [UInt8]) -> String? {
    func begins(_ bytes: [UInt8], at offset: Int = 0) -> Bool {
      start.dropFirst(offset).starts(with: bytes)
    }
    let archives: [[UInt8]] = [
      [0x1F, 0x8B], Array("BZh".utf8), [0xFD] + Array("7zXZ".utf8), [0x28, 0xB5, 0x2F, 0xFD],
      Array("7z".utf8) + [0xBC, 0xAF], Array("Rar!".utf8),
    ]
    if archives.contains(where: { begins($0) }) || begins(Array("ustar".utf8), at: 257) {
      return "a compressed file or an archive; unpack it and pass the weight file inside"
    }
    if begins([0x89] + Array("HDF".utf8)) {
      return "an HDF5 file, as Keras writes it; use weights from PyTorch or in safetensors"
    }
    if begins(Array("TFL3".utf8), at: 4) || begins(Array("GGUF".utf8)) {
      return "a file for another engine (TensorFlow Lite or GGUF); use weights from PyTorch or in"
        + " safetensors"
    }
    if begins([0x08]), String(decoding: start.prefix(64), as: UTF8.self).contains("torch") {
      return "an ONNX file; use the weights that it was exported from"
    }
    if begins([0x93] + Array("NUMPY".utf8)) {
      return "a NumPy array; weights are in PyTorch or safetensors files"
    }
    if begins([0x80]), let version = start.dropFirst().first, 2...5 ~= version {
      return "a pickle that torch.save did not write; in Python: torch.save(model.state_dict(),"
        + " \"weights.pth\")"
    }
    return nil
  }
}

// MARK: - Networks in other forms

extension FileRecognition {
  /// Whether a zip archive, which may be damaged, has the directory of a TorchScript archive.
  static func isTorchScript(_ file: MappedFile) -> Bool {
    let name = Array("/constants.pkl".utf8)
    let end = file.bytes.suffix(1 << 20)
    var rest = end[...]
    while let start = rest.firstIndex(of: name[0]) {
      if rest[start...].starts(with: name) { return true }
      rest = rest[(start + 1)...]
    }
    return false
  }

  /// A network with its code.
  static func torchScript(_ path: String) -> WeightsError {
    .needsExport(
      path: path,
      reason: "a TorchScript archive, which contains code; save only the weights, in Python:",
      remedy: [
        "import torch",
        "torch.save(torch.jit.load(\(quoted(path)), map_location=\"cpu\").state_dict(),"
          + " \"weights.pth\")",
      ])
  }

  /// Weights in 8-bit integers or fewer.
  static func quantized(_ path: String) -> WeightsError {
    .unsupported(
      path: path,
      reason: "contains quantised tensors; save the float model's state dict, before quantisation:"
        + " torch.save(model.state_dict(), \"weights.pth\"). To compute in 8 bits, use --precision int8"
    )
  }

  /// A network pickled as an object.
  ///
  /// The remedy replaces every class but PyTorch's own by an empty module, so that it needs none of
  /// the network's code, and runs none.
  static func wholeModule(_ module: CheckpointSearch.Module, in path: String) -> WeightsError {
    let keys = module.keys.map { key in Int(key).map { "[\($0)]" } ?? "[\(quoted(key))]" }.joined()
    return .needsExport(
      path: path,
      reason: "a whole pickled module (\(module.type)) instead of its weights"
        + (module.keys.isEmpty ? "" : ", under \(module.keys.joined(separator: "."))")
        + "; save only the weights, in Python:",
      remedy: [
        "import pickle, torch; M = type(\"M\", (torch.nn.Module,), {\"__init__\": lambda s, *a, **k:"
          + " torch.nn.Module.__init__(s), \"__setstate__\": lambda s, d: s.__dict__.update(d if"
          + " isinstance(d, dict) else {})}); U = type(\"U\", (pickle.Unpickler,), {\"find_class\":"
          + " lambda s, m, n: pickle.Unpickler.find_class(s, m, n) if (m + \".\").startswith((\"torch.\","
          + " \"collections.\")) or n == \"set\" else M})",
        "torch.save(torch.load(\(quoted(path)), map_location=\"cpu\", weights_only=False,"
          + " pickle_module=type(\"P\", (), {\"Unpickler\": U}))\(keys).state_dict(), \"weights.pth\")",
      ])
  }

  /// A Python literal; `FILE` for a text that would need escapes.
  private static func quoted(_ text: String) -> String {
    let isPlain = text.unicodeScalars.allSatisfy {
      $0.properties.generalCategory != .control && $0 != "\"" && $0 != "\\"
    }
    return isPlain ? "\"\(text)\"" : "FILE"
  }
}
