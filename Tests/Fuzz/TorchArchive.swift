/// The zip archive around a pickle, as torch.save writes it, with two storages of 64 bytes.
enum TorchArchive {
  static func bytes(pickle: [UInt8]) -> [UInt8] {
    var records: [UInt8] = []
    var directory: [UInt8] = []
    let entries = [
      ("a/data.pkl", pickle), ("a/data/0", Array(0..<64)), ("a/data/1", Array(64..<128)),
    ]
    for (name, data) in entries {
      // From the flags on, both headers say the same; a checksum of zero is not checked.
      let facts =
        [UInt8](repeating: 0, count: 12) + integer(data.count, 4) + integer(data.count, 4)
        + integer(name.utf8.count, 2) + integer(0, 2)
      directory += Array("PK\u{1}\u{2}".utf8) + integer(0, 4) + facts
      directory += integer(0, 10) + integer(records.count, 4) + Array(name.utf8)
      records += Array("PK\u{3}\u{4}".utf8) + integer(0, 2) + facts + Array(name.utf8) + data
    }
    let end =
      Array("PK\u{5}\u{6}".utf8) + integer(0, 4) + integer(entries.count, 2)
      + integer(entries.count, 2) + integer(directory.count, 4) + integer(records.count, 4)
      + integer(0, 2)
    return records + directory + end
  }

  /// A number in the given number of bytes, least significant first.
  private static func integer(_ value: Int, _ size: Int) -> [UInt8] {
    (0..<size).map { UInt8(truncatingIfNeeded: $0 < 8 ? value >> (8 * $0) : 0) }
  }
}
