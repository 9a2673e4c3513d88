import CLibFuzzer

/// The bytes allocated in this single-threaded process.
enum AllocatedMemory {
  private nonisolated(unsafe) static var now = 0
  private nonisolated(unsafe) static var most = 0

  private static let isCounting = __sanitizer_install_malloc_and_free_hooks(
    { _, size in
      AllocatedMemory.now += size
      AllocatedMemory.most = max(AllocatedMemory.most, AllocatedMemory.now)
    },
    { address in AllocatedMemory.now -= __sanitizer_get_allocated_size(address) })

  /// The result of `body`, and the peak number of bytes allocated during it.
  static func most<Value>(during body: () -> Value) -> (value: Value, bytes: Int) {
    require(isCounting > 0, "memory cannot be counted")
    let before = now
    most = now
    let value = body()
    return (value, most - before)
  }
}
