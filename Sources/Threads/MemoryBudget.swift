/// Memory that threads may take together; who would take too much waits.
package final class MemoryBudget: Sendable {
  private let bytes: Int
  private let monitor = Monitor()
  private nonisolated(unsafe) var spent = 0

  package init(bytes: Int) { self.bytes = bytes }

  /// Runs `body`, which takes `need` bytes, once they are free.
  ///
  /// More than the whole budget is granted too, to one at a time.
  package func spending<Result>(_ need: Int, _ body: () throws -> Result) rethrows -> Result {
    monitor.locked {
      while spent > 0, need > bytes - spent { monitor.wait() }
      spent += need
    }
    defer {
      monitor.locked {
        spent -= need
        monitor.wakeAll()
      }
    }
    return try body()
  }
}
