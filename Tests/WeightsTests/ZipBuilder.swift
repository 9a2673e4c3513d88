/// Writes a zip archive to specification, even an inconsistent one.
struct ZipBuilder {
  struct Entry {
    var name: String
    var data: [UInt8]
    var localName: String?
    var method: UInt16 = 0
    var localMethod: UInt16?
    var flags: UInt16 = 0
    var disk: UInt16 = 0
    /// Added to the sizes in the directory.
    var sizeError: Int = 0
    var uncompressedError: Int = 0
    /// Replaces the offset of the header.
    var offset: Int?
    var checksum: UInt32 = 7
    var hasDescriptor = true
    var localExtra: [UInt8] = []
    var usesZip64 = false

    init(_ name: String, _ data: [UInt8]) {
      self.name = name
      self.data = data
    }
  }

  var entries: [Entry]
  var hasZip64End = false
  var diskCount: UInt16 = 0
  var countError = 0
  var directoryError = 0
  var trailer: [UInt8] = []

  /// An archive with this pickle, and sixteen bytes of storage 0.
  init(pickle: [UInt8], storage: [UInt8] = [UInt8](repeating: 0, count: 16)) {
    entries = [Entry("archive/data.pkl", pickle), Entry("archive/data/0", storage)]
  }

  init(entries: [Entry]) { self.entries = entries }

  /// Everything before the directory: the entries with their headers.
  var localPart: [UInt8] { build().local }

  /// The whole archive.
  var bytes: [UInt8] {
    let (local, directory) = build()
    var bytes = local
    let start = bytes.count + directoryError
    let count = entries.count + countError
    bytes += directory
    if hasZip64End {
      let end = bytes.count
      bytes += Array("PK\u{6}\u{6}".utf8) + littleEndian(UInt64(44)) + [0, 0, 0, 0]
      bytes += littleEndian(UInt32(0)) + littleEndian(UInt32(0))
      bytes += littleEndian(UInt64(count)) + littleEndian(UInt64(count))
      bytes += littleEndian(UInt64(directory.count)) + littleEndian(UInt64(start))
      bytes += Array("PK\u{6}\u{7}".utf8) + littleEndian(UInt32(0)) + littleEndian(UInt64(end))
      bytes += littleEndian(UInt32(1))
    }
    bytes += Array("PK\u{5}\u{6}".utf8) + littleEndian(diskCount) + littleEndian(diskCount)
    bytes += littleEndian(UInt16(count)) + littleEndian(UInt16(count))
    bytes += littleEndian(UInt32(directory.count))
    bytes += littleEndian(hasZip64End ? UInt32.max : UInt32(start)) + littleEndian(UInt16(0))
    return bytes + trailer
  }

  private func build() -> (local: [UInt8], directory: [UInt8]) {
    var bytes: [UInt8] = []
    var directory: [UInt8] = []
    for entry in entries {
      let start = entry.offset ?? bytes.count
      let late = entry.flags & 8 != 0
      let size = UInt32(entry.data.count)
      bytes += Array("PK\u{3}\u{4}".utf8) + littleEndian(UInt16(0)) + littleEndian(entry.flags)
      bytes += littleEndian(entry.localMethod ?? entry.method) + [0, 0, 0, 0]
      bytes += littleEndian(late ? 0 : entry.checksum)
      bytes += littleEndian(late ? 0 : size) + littleEndian(late ? 0 : size)
      let localName = entry.localName ?? entry.name
      bytes += littleEndian(UInt16(localName.utf8.count))
      bytes += littleEndian(UInt16(entry.localExtra.count)) + Array(localName.utf8)
      bytes += entry.localExtra + entry.data
      if late && entry.hasDescriptor {
        bytes += Array("PK\u{7}\u{8}".utf8) + littleEndian(entry.checksum)
        bytes += littleEndian(size) + littleEndian(size)
      }
      let told = UInt32(truncatingIfNeeded: entry.data.count + entry.sizeError)
      let uncompressed = UInt32(truncatingIfNeeded: Int(told) + entry.uncompressedError)
      directory += Array("PK\u{1}\u{2}".utf8) + [0, 0, 0, 0] + littleEndian(entry.flags)
      directory += littleEndian(entry.method) + [0, 0, 0, 0] + littleEndian(entry.checksum)
      directory += littleEndian(entry.usesZip64 ? .max : told)
      directory += littleEndian(entry.usesZip64 ? .max : uncompressed)
      directory += littleEndian(UInt16(entry.name.utf8.count))
      directory += littleEndian(UInt16(entry.usesZip64 ? 28 : 0)) + littleEndian(UInt16(0))
      directory += littleEndian(entry.disk) + [0, 0, 0, 0, 0, 0]
      directory += littleEndian(entry.usesZip64 ? .max : UInt32(start)) + Array(entry.name.utf8)
      if entry.usesZip64 {
        directory += littleEndian(UInt16(1)) + littleEndian(UInt16(24))
        directory += littleEndian(UInt64(uncompressed)) + littleEndian(UInt64(told))
        directory += littleEndian(UInt64(start))
      }
    }
    return (bytes, directory)
  }
}
