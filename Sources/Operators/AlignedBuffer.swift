/// Floats at a 64-byte boundary, zeroed.
package final class AlignedBuffer: @unchecked Sendable {
  /// The first float.
  package let base: UnsafeMutablePointer<Float>
  /// How many there are.
  package let count: Int
  /// Where they lie.
  private let region: MemoryRegion

  /// Memory for `count` floats; what is never touched takes none.
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

/// The operating system has no memory for a network's values or weights.
public struct OutOfMemory: Error, Equatable, Sendable {
  /// What was asked for.
  public let floats: Int

  package init(floats: Int) { self.floats = floats }
}

extension OutOfMemory: CustomStringConvertible {
  /// One line: how much, and what to do.
  public var description: String {
    let number = floats == .max ? "so many" : "\(floats)"
    return "out of memory: no room for \(number) values;"
      + " take a smaller batch or input, or fewer threads"
  }
}
