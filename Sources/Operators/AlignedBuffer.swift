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
  package init(count: Int) {
    self.count = count
    let bytes = max(count * MemoryLayout<Float>.stride, 64)
    let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let memory, memory != MAP_FAILED else {
      fatalError("out of memory: \(bytes) bytes for network values")
    }
    base = memory.bindMemory(to: Float.self, capacity: max(count, 16))
  }

  deinit { munmap(base, max(count * MemoryLayout<Float>.stride, 64)) }
}
