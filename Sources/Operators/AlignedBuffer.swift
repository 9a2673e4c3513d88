import Glibc

/// Floats at a 64-byte boundary, zeroed, freed with the last reference.
package final class AlignedBuffer: @unchecked Sendable {
  /// The first float.
  package let base: UnsafeMutablePointer<Float>
  /// How many there are.
  package let count: Int

  /// Memory for `count` floats.
  ///
  /// The kernel hands out zeroed pages, so what is never touched is never resident.
  ///
  /// - Throws: `OutOfMemory`.
  package init(checkedCount count: Int) throws(OutOfMemory) {
    let bytes = count.multipliedReportingOverflow(by: MemoryLayout<Float>.stride)
    guard !bytes.overflow else { throw OutOfMemory(floats: count) }
    let memory = mmap(
      nil, max(bytes.partialValue, 64), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let memory, memory != MAP_FAILED else { throw OutOfMemory(floats: count) }
    self.count = count
    base = memory.bindMemory(to: Float.self, capacity: max(count, 16))
  }

  /// Memory for `count` floats, as many as a weight file that was mapped holds; where there is none,
  /// the process ends.
  package convenience init(count: Int) {
    do {
      try self.init(checkedCount: count)
    } catch {
      fatalError("\(error)")
    }
  }

  deinit { munmap(base, max(count * MemoryLayout<Float>.stride, 64)) }
}

/// The operating system has no memory for a network's values.
public struct OutOfMemory: Error, Equatable, Sendable {
  /// What was asked for.
  public let floats: Int

  package init(floats: Int) { self.floats = floats }
}

extension OutOfMemory: CustomStringConvertible {
  /// One line: how much, and what to do.
  public var description: String {
    "out of memory: no room for \(floats) values; take a smaller batch or input, or fewer threads"
  }
}
