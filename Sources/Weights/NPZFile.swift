/// Reads the arrays of an `.npz` file that is stored, not compressed.
public struct NPZFile {
  private let file: MappedFile
  private let archive: ZipArchive
  private let limits: WeightLimits

  /// - Throws: `WeightsError`, naming the place and the fault.
  public init(path: String, limits: WeightLimits = WeightLimits()) throws(WeightsError) {
    file = try MappedFile(path: path)
    guard ZipArchive.begins(file) else { throw .malformed(path: path, reason: "not an .npz file") }
    archive = try ZipArchive(file, limits: limits)
    self.limits = limits
  }

  /// Whether the file at `path` begins like a zip archive.
  public static func begins(_ path: String) -> Bool {
    (try? MappedFile(path: path)).map(ZipArchive.begins) ?? false
  }

  /// An array of numbers.
  public func array(_ name: String) throws(WeightsError) -> NPYArray {
    let array = try NPYArray(file, range: range(of: name), limits: limits)
    try file.verifyUnchanged()
    return array
  }

  /// A one-dimensional array of integers, `<i8`.
  public func integers(_ name: String) throws(WeightsError) -> [Int] {
    var (reader, count) = try entry(name) { $0 == "<i8" ? 8 : nil }
    var values: [Int] = []
    values.reserveCapacity(count)
    for _ in 0..<count {
      values.append(Int(Int64(bitPattern: try reader.integer(UInt64.self))))
    }
    try file.verifyUnchanged()
    return values
  }

  /// A one-dimensional array of strings, `<U`: the bytes that `NPZWriter` was given.
  public func strings(_ name: String) throws(WeightsError) -> [[UInt8]] {
    var scalarCount = 0
    var (reader, count) = try entry(name) { descr in
      guard descr.hasPrefix("<U"), let length = Int(descr.dropFirst(2)), length > 0 else {
        return nil
      }
      scalarCount = length
      return checkedProduct(length, 4)
    }
    var strings: [[UInt8]] = []
    strings.reserveCapacity(count)
    for _ in 0..<count {
      let scalars = try reader.take(4 * scalarCount)
      let values = (0..<scalarCount).lazy.map {
        UInt32(littleEndian: scalars.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self))
      }
      // The padding; a text may not end with NULs.
      let length = (values.lastIndex { $0 != 0 } ?? -1) + 1
      guard let bytes = EscapedText.bytes(of: values.prefix(length)) else {
        throw reader.malformed("\(name) has a character that is not Unicode")
      }
      strings.append(bytes)
    }
    try file.verifyUnchanged()
    return strings
  }

  private func range(of name: String) throws(WeightsError) -> Range<Int> {
    guard let range = archive.entries["\(name).npy"] else {
      throw .malformed(path: file.path, reason: "the archive has no array called \(name)")
    }
    return range
  }

  /// A reader at the elements of a one-dimensional array, and their number; all of them are there.
  ///
  /// - Parameter size: The bytes of an element of the type `descr`; `nil` for types not wanted.
  private func entry(
    _ name: String, size: (_ descr: String) -> Int?
  ) throws(WeightsError) -> (reader: ByteReader, count: Int) {
    var reader = ByteReader(file, range: try range(of: name))
    let header = try NPYHeader(startOf: &reader, limits: limits)
    guard header.shape.count == 1, let size = size(header.descr),
      checkedProduct(header.shape[0], size) == reader.remaining
    else {
      throw reader.malformed(
        "\(name) is not a whole one-dimensional array of the expected type, but \(header.shape) of"
          + " \(header.descr)")
    }
    return (reader, header.shape[0])
  }
}
