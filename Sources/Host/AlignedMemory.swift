import Glibc

/// Zeroed floats, aligned to 64 bytes.
package final class AlignedBuffer: @unchecked Sendable {
  /// The first float.
  package let base: UnsafeMutablePointer<Float>
  /// The number of floats.
  package let count: Int
  /// The memory that contains them.
  private let region: MemoryRegion

  /// Reserves memory for `count` floats; untouched pages take no physical memory.
  ///
  /// - Throws: `OutOfMemory`.
  package init(count: Int) throws(OutOfMemory) {
    let bytes = count.multipliedReportingOverflow(by: MemoryLayout<Float>.stride)
    guard !bytes.overflow, let memory = MemoryRegion.bytes(max(bytes.partialValue, 64)) else {
      throw OutOfMemory(floats: count)
    }
    self.count = count
    region = memory.region
    base = memory.base.bindMemory(to: Float.self, capacity: max(count, 16))
  }
}

/// The operating system cannot provide the requested memory.
public struct OutOfMemory: Error, Equatable, Sendable {
  /// The number of values requested.
  public let floats: Int

  package init(floats: Int) { self.floats = floats }
}

extension OutOfMemory: CustomStringConvertible {
  /// One line: how much, and what to do.
  public var description: String {
    let number = floats == .max ? "that many" : "\(floats)"
    return "out of memory: cannot allocate \(number) values;"
      + " use a smaller batch or input, or fewer threads"
  }
}

/// A region of address space that buffers are allocated from, released with the last of them.
///
/// Side by side in large pages, hundreds of buffers cost one page fault per 2 MiB instead of one
/// per 4 KiB. Otherwise, in a process that classifies one image, faults take longer than the
/// network. The kernel provides zeroed pages, so untouched memory is never resident.
final class MemoryRegion: @unchecked Sendable {
  private let base: UnsafeMutableRawPointer
  private let count: Int
  private var used = 0

  private static let largePage = 2 << 20
  private static let usualCount = 64 << 20

  /// The region with free space, kept alive by its buffers; accessed under the lock.
  private nonisolated(unsafe) static weak var current: MemoryRegion?
  private static let monitor = Monitor()

  /// `bytes` zeroed bytes at a multiple of 64, and the region to keep alive while they are in use.
  ///
  /// Returns nil if the operating system cannot provide them.
  static func bytes(_ bytes: Int) -> (region: MemoryRegion, base: UnsafeMutableRawPointer)? {
    guard bytes <= Int.max - 2 * largePage else { return nil }
    return monitor.locked {
      if let region = current, let base = region.cut(bytes) { return (region, base) }
      let whole = (bytes + largePage - 1) & ~(largePage - 1)
      guard
        let region = MemoryRegion(count: max(whole, usualCount)) ?? MemoryRegion(count: whole),
        let base = region.cut(bytes)
      else { return nil }
      current = region
      return (region, base)
    }
  }

  /// Maps `count` bytes, a multiple of the large page size, aligned to a large page.
  private init?(count: Int) {
    let slack = Self.largePage
    let memory = mmap(
      nil, count + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let memory, memory != MAP_FAILED else { return nil }
    let excess = Int(bitPattern: memory) & (slack - 1)
    let skipped = excess == 0 ? 0 : slack - excess
    if skipped > 0 { munmap(memory, skipped) }
    munmap(memory + skipped + count, slack - skipped)
    base = memory + skipped
    self.count = count
    // Only advice: without large pages there are just more faults.
    madvise(base, count, MADV_HUGEPAGE)
  }

  deinit { munmap(base, count) }

  /// The next bytes, under the lock.
  private func cut(_ bytes: Int) -> UnsafeMutableRawPointer? {
    let rounded = (bytes + 63) & ~63
    guard rounded <= count - used else { return nil }
    defer { used += rounded }
    return base + used
  }
}
