/// The table of contents of a zip archive as `torch.save` writes it.
///
/// Entries are stored uncompressed, so that each is a range of the file and can be mapped. The archive
/// is read strictly: the directory must be at the end of the file, local headers must match the
/// directory, and entries must not overlap. Format: PKWARE's APPNOTE.TXT, 6.3.10.
struct ZipArchive {
  /// The data of each entry by name.
  private(set) var entries: [String: Range<Int>] = [:]

  /// Whether the file starts like a zip archive.
  static func begins(_ file: MappedFile) -> Bool {
    file.bytes.starts(with: ZipSignature.localHeader.bytes)
  }

  private let file: MappedFile

  init(_ file: MappedFile, limits: WeightLimits) throws(WeightsError) {
    self.file = file
    let directory = try Directory(file)
    guard directory.entryCount <= limits.archiveEntries else {
      throw .malformed(
        path: file.path,
        reason:
          "the archive has \(directory.entryCount) entries, more than \(limits.archiveEntries)")
    }
    var reader = ByteReader(file, range: directory.range)
    var extents: [Range<Int>] = []
    for _ in 0..<directory.entryCount {
      let start = reader.offset
      let entry = try ZipEntry(&reader)
      let (data, extent) = try entry.locate(in: file, before: directory.range.lowerBound)
      guard entries.updateValue(data, forKey: entry.name) == nil else {
        throw reader.malformed("the archive has two entries named \(entry.name)", at: start)
      }
      extents.append(extent)
    }
    guard reader.remaining == 0 else {
      throw reader.malformed("the archive's directory is longer than its entries")
    }
    extents.sort { $0.lowerBound < $1.lowerBound }
    for (extent, next) in zip(extents, extents.dropFirst())
    where next.lowerBound < extent.upperBound {
      throw .malformed(
        path: file.path, reason: "entries of the archive overlap (byte \(next.lowerBound))")
    }
  }

  /// The directory's offset and number of entries.
  private struct Directory {
    var range: Range<Int>
    var entryCount: Int

    private static let endSize = 22
    private static let end64Size = 56
    private static let locatorSize = 20

    init(_ file: MappedFile) throws(WeightsError) {
      // torch.save writes no archive comment, so the last record is the last thing in the file.
      let end = file.count - Self.endSize
      guard end >= 0 else { throw Self.truncated(file) }
      var reader = ByteReader(file, range: end..<file.count)
      guard reader.takes(ZipSignature.end.bytes) else { throw Self.truncated(file) }
      let disks = (try reader.integer(UInt16.self), try reader.integer(UInt16.self))
      let counts = (try reader.integer(UInt16.self), try reader.integer(UInt16.self))
      var size = Int(try reader.integer(UInt32.self))
      var start = Int(try reader.integer(UInt32.self))
      guard try reader.integer(UInt16.self) == 0 else { throw Self.truncated(file) }
      guard disks == (0, 0), counts.0 == counts.1 else {
        throw reader.malformed("the archive spans several disks", at: end)
      }
      entryCount = Int(counts.0)
      var directoryEnd = end

      let locator = end - Self.locatorSize
      if locator >= Self.end64Size {
        reader = ByteReader(file, range: locator..<end)
        if reader.takes(ZipSignature.locator64.bytes) {
          let firstDisk = try reader.integer(UInt32.self)
          let end64 = try reader.size()
          let diskCount = try reader.integer(UInt32.self)
          guard firstDisk == 0, diskCount == 1, end64 == locator - Self.end64Size else {
            throw reader.malformed("the zip64 locator is inconsistent", at: locator)
          }
          reader = ByteReader(file, range: end64..<locator)
          guard reader.takes(ZipSignature.end64.bytes), try reader.size() == Self.end64Size - 12
          else {
            throw reader.malformed("the zip64 end record is inconsistent", at: end64)
          }
          _ = try reader.integer(UInt32.self)  // versions of the writer and for the reader
          let disks = (try reader.integer(UInt32.self), try reader.integer(UInt32.self))
          let counts64 = (try reader.size(), try reader.size())
          let size64 = try reader.size()
          let start64 = try reader.size()
          guard disks == (0, 0), counts64.0 == counts64.1,
            entryCount == counts64.0 || entryCount == 0xffff,
            size == size64 || size == 0xffff_ffff, start == start64 || start == 0xffff_ffff
          else { throw reader.malformed("the two end records disagree", at: end64) }
          (entryCount, size, start) = (counts64.0, size64, start64)
          directoryEnd = end64
        }
      }
      guard let range = checkedRange(at: start, length: size, within: directoryEnd),
        range.upperBound == directoryEnd
      else { throw reader.malformed("the archive's directory is not where it should be", at: end) }
      self.range = range
    }

    private static func truncated(_ file: MappedFile) -> WeightsError {
      .malformed(
        path: file.path,
        reason: "the archive does not end with its directory; the file is cut short or has "
          + "something appended (byte \(file.count))")
    }
  }
}
