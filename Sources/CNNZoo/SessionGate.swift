import Host

/// Lets threads use a session side by side, or one of them alone with all the session's threads, until it
/// is closed.
package final class SessionGate: Sendable {
  private struct State {
    /// Threads between `enter` or `compute` and their end.
    var inside = 0
    var computing = 0
    var isTogether = false
    var isClosed = false
  }

  private let monitor = Monitor()
  private nonisolated(unsafe) var state = State()

  package init() {}

  /// Runs `body`, which writes a thread's own images; `nil` if the gate is closed.
  package func enter<Result>(_ body: () throws -> Result) rethrows -> Result? {
    let isOpen = monitor.locked {
      if !state.isClosed { state.inside += 1 }
      return !state.isClosed
    }
    guard isOpen else { return nil }
    defer {
      monitor.locked {
        state.inside -= 1
        monitor.wakeAll()
      }
    }
    return try body()
  }

  /// Runs `body`, which computes a thread's own images; `nil` if the gate is closed.
  ///
  /// - Parameter together: Whether to use all threads, if no other thread computes.
  package func compute<Result>(together: Bool, _ body: (_ together: Bool) -> Result) -> Result? {
    enter {
      let isTogether = monitor.locked {
        while state.isTogether { monitor.wait() }
        state.isTogether = together && state.computing == 0
        state.computing += 1
        return state.isTogether
      }
      defer {
        monitor.locked {
          state.isTogether = false
          state.computing -= 1
          monitor.wakeAll()
        }
      }
      return body(isTogether)
    }
  }

  /// Keeps threads out from now on, and waits for those inside.
  package func close() {
    monitor.locked {
      state.isClosed = true
      while state.inside > 0 { monitor.wait() }
    }
  }
}
