/// The first four bytes of each kind of record.
enum ZipSignature: UInt32 {
  case localHeader = 0x0403_4b50
  case dataDescriptor = 0x0807_4b50
  case centralRecord = 0x0201_4b50
  case end = 0x0605_4b50
  case end64 = 0x0606_4b50
  case locator64 = 0x0706_4b50

  var bytes: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: rawValue >> (8 * $0)) } }
}

/// One entry of a zip archive, as the directory describes it.
struct ZipEntry {
  let name: String
  private let flags: UInt16
  private let checksum: UInt32
  private let size: Int
  private let headerOffset: Int

  private static let hasDescriptor: UInt16 = 1 << 3
  private static let nameIsUTF8: UInt16 = 1 << 11

  init(_ reader: inout ByteReader) throws(WeightsError) {
    let start = reader.offset
    guard reader.takes(ZipSignature.centralRecord.bytes) else {
      throw reader.malformed("the archive's directory is damaged")
    }
    _ = try reader.integer(UInt32.self)  // versions of the writer and for the reader
    flags = try reader.integer(UInt16.self)
    let method = try reader.integer(UInt16.self)
    _ = try reader.integer(UInt32.self)  // time and date
    checksum = try reader.integer(UInt32.self)
    let sizes = (try reader.integer(UInt32.self), try reader.integer(UInt32.self))
    let nameLength = Int(try reader.integer(UInt16.self))
    let extraLength = Int(try reader.integer(UInt16.self))
    let commentLength = Int(try reader.integer(UInt16.self))
    let disk = try reader.integer(UInt16.self)
    _ = try reader.take(6)  // attributes
    let offset = try reader.integer(UInt32.self)
    name = try reader.string(nameLength)
    var wide = try Self.zip64Fields(&reader, length: extraLength)
    _ = try reader.take(commentLength)

    guard flags & 1 == 0 else { throw reader.unsupported("\(name) is encrypted") }
    guard flags & ~(Self.hasDescriptor | Self.nameIsUTF8) == 0 else {
      throw reader.unsupported("\(name) has zip flags \(flags)")
    }
    guard method == 0 else {
      if name.hasSuffix(".npy") {
        throw reader.unsupported("\(name) is compressed; save the arrays with numpy.savez")
      }
      throw reader.unsupported(
        "\(name) is compressed, as in a TorchScript program, not a state dict; save only the "
          + "weights, in Python: torch.save(model.state_dict(), \"weights.pth\")")
    }
    guard disk == 0 else {
      throw reader.malformed("the archive spans several disks", at: start)
    }
    // The zip64 field contains, in this order, only the values that do not fit 32 bits.
    var values: [Int] = []
    for value in [sizes.1, sizes.0, offset] {
      if value == .max, wide.isEmpty {
        throw reader.malformed("\(name) lacks its size or offset", at: start)
      }
      values.append(value == .max ? wide.removeFirst() : Int(value))
    }
    guard values[0] == values[1] else {
      throw reader.malformed("\(name) is uncompressed but has two different sizes", at: start)
    }
    size = values[0]
    headerOffset = values[2]
  }

  /// The 64-bit values among the extra fields.
  private static func zip64Fields(
    _ reader: inout ByteReader, length: Int
  ) throws(WeightsError) -> [Int] {
    let start = reader.offset
    _ = try reader.take(length)
    var extra = ByteReader(reader.file, range: start..<reader.offset)
    var values: [Int] = []
    while extra.remaining > 0 {
      let tag = try extra.integer(UInt16.self)
      let fieldEnd = Int(try extra.integer(UInt16.self)) + extra.offset
      guard fieldEnd <= extra.end else { throw extra.endOfData }
      while tag == 1, extra.offset + 8 <= fieldEnd, values.count < 3 {
        values.append(try extra.size())
      }
      _ = try extra.take(fieldEnd - extra.offset)
    }
    return values
  }

  /// Checks the local header against this record.
  ///
  /// - Returns: the range of the data, and that of the whole entry with its header and descriptor.
  func locate(
    in file: MappedFile, before limit: Int
  ) throws(WeightsError) -> (data: Range<Int>, extent: Range<Int>) {
    guard headerOffset <= limit else {
      throw .malformed(path: file.path, reason: "\(name) is outside the archive")
    }
    var reader = ByteReader(file, range: headerOffset..<limit)
    guard reader.takes(ZipSignature.localHeader.bytes) else {
      throw reader.malformed("\(name) has no local header")
    }
    _ = try reader.integer(UInt16.self)  // version for the reader
    let localFlags = try reader.integer(UInt16.self)
    let method = try reader.integer(UInt16.self)
    _ = try reader.integer(UInt32.self)  // time and date
    let localChecksum = try reader.integer(UInt32.self)
    let sizes = (try reader.integer(UInt32.self), try reader.integer(UInt32.self))
    let nameLength = Int(try reader.integer(UInt16.self))
    let extraLength = Int(try reader.integer(UInt16.self))
    let localName = try reader.string(nameLength)
    _ = try reader.take(extraLength)
    let late = flags & Self.hasDescriptor != 0
    func agrees(_ local: UInt32) -> Bool {
      // With a descriptor, the header was written before the size was known; with zip64, the value
      // is in the extra field, which the directory repeats.
      Int(local) == size || (late && local == 0) || local == .max
    }
    guard localFlags == flags, method == 0, localName == name, agrees(sizes.0), agrees(sizes.1),
      localChecksum == checksum || (late && localChecksum == 0)
    else {
      throw reader.malformed("\(name): header and directory disagree", at: headerOffset)
    }
    let start = reader.offset
    _ = try reader.take(size)
    let data = start..<reader.offset
    if late { try requireDescriptor(&reader) }
    return (data, headerOffset..<reader.offset)
  }

  /// The descriptor that follows data of a size not known in advance.
  ///
  /// Its sizes take four bytes each, or eight in an entry of more than 4 GiB.
  private func requireDescriptor(_ reader: inout ByteReader) throws(WeightsError) {
    let start = reader.offset
    guard reader.takes(ZipSignature.dataDescriptor.bytes),
      try reader.integer(UInt32.self) == checksum
    else { throw reader.malformed("\(name) lacks its data descriptor", at: start) }
    let sizes: (Int, Int)
    if size < UInt32.max {
      sizes = (Int(try reader.integer(UInt32.self)), Int(try reader.integer(UInt32.self)))
    } else {
      sizes = (try reader.size(), try reader.size())
    }
    guard sizes == (size, size) else {
      throw reader.malformed("\(name): descriptor and directory disagree", at: start)
    }
  }
}
