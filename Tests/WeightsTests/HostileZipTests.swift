import Testing
import TestSupport
import Weights

@Suite struct HostileZipTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static func archive(_ change: (inout ZipBuilder) -> Void) -> [UInt8] {
    var builder = ZipBuilder(pickle: Pickle.stateDictionary(Pickle.tensor()))
    change(&builder)
    return builder.bytes
  }

  @Test(arguments: [
    ("as it is", archive { _ in }),
    ("zip64 end", archive { $0.hasZip64End = true }),
    (
      "zip64 entries",
      archive { builder in
        builder.hasZip64End = true
        for index in builder.entries.indices { builder.entries[index].usesZip64 = true }
      }
    ),
    (
      "descriptors",
      archive { builder in
        for index in builder.entries.indices { builder.entries[index].flags = 0x0808 }
      }
    ),
    ("padding", archive { $0.entries[1].localExtra = [0x46, 0x42, 1, 0, 0x5a] }),
    ("byteorder", archive { $0.entries.append(.init("archive/byteorder", Array("little".utf8))) }),
  ])
  func accepts(_ what: String, _ bytes: [UInt8]) throws {
    #expect(try WeightFile(path: folder.file(bytes)).names == ["a"], "\(what)")
  }

  @Test(arguments: [
    ("compressed", archive { $0.entries[1].method = 8 }),
    ("compressed", archive { $0.entries[0].method = 99 }),
    ("disagree", archive { $0.entries[1].localMethod = 8 }),
    ("encrypted", archive { $0.entries[1].flags = 1 }),
    ("flags 8192", archive { $0.entries[1].flags = 1 << 13 }),
    (
      "descriptor",
      archive { builder in
        builder.entries[1].flags = 8
        builder.entries[1].hasDescriptor = false
      }
    ),
    ("disagree", archive { $0.entries[1].localName = "archive/data/1" }),
    ("two different sizes", archive { $0.entries[1].uncompressedError = 1 }),
    ("disagree", archive { $0.entries[1].sizeError = -1 }),
    ("disagree", archive { $0.entries[1].sizeError = 1 }),
    (
      "too early",
      archive { builder in
        builder.entries[1].sizeError = 1 << 30
        builder.entries[1].flags = 8
      }
    ),
    (
      "overlap",
      archive { builder in
        // The header of data/1 lies inside the data of data/0.
        let inner = ZipBuilder.Entry("archive/data/1", [0, 0, 0, 0])
        builder.entries[1].data = ZipBuilder(entries: [inner]).localPart
        let start = builder.localPart.count - builder.entries[1].data.count
        builder.entries.append(inner)
        builder.entries[2].offset = start
      }
    ),
    ("two entries named", archive { $0.entries.append($0.entries[1]) }),
    ("no local header", archive { $0.entries[1].offset = 1 }),
    ("outside the archive", archive { $0.entries[1].offset = 1 << 30 }),
    ("several disks", archive { $0.entries[1].disk = 1 }),
    ("several disks", archive { $0.diskCount = 1 }),
    ("directory", archive { $0.countError = 1 }),
    ("longer than its entries", archive { $0.countError = -1 }),
    ("where it should be", archive { $0.directoryError = 1 }),
    ("where it should be", archive { $0.directoryError = -1 }),
    ("end with its directory", archive { $0.trailer = [0] }),
    ("end with its directory", archive { $0.trailer = Array("PK".utf8) }),
    ("little-endian", archive { $0.entries.append(.init("archive/byteorder", Array("big".utf8))) }),
    ("data.pkl", archive { $0.entries[0].name = "archive/other.pkl" }),
    ("data.pkl", archive { $0.entries.append(.init("b/data.pkl", [])) }),
    ("data/0 is missing", archive { $0.entries.removeLast() }),
    ("should have 16 bytes", archive { $0.entries[1].data = [0] }),
  ])
  func refuses(_ reason: String, _ bytes: [UInt8]) throws {
    let path = try folder.file(bytes)
    let error = #expect(throws: WeightsError.self, "\(reason)") { try WeightFile(path: path) }
    #expect(error?.description.contains(reason) == true, "\(reason): \(String(describing: error))")
  }

  @Test func entriesAreBounded() throws {
    var limits = WeightLimits()
    limits.archiveEntries = 1
    let path = try folder.file(Self.archive { _ in })
    #expect(throws: WeightsError.self) { try WeightFile(path: path, limits: limits) }
  }
}
