import Host

/// Splits the time of a training step among layers and kinds of work.
///
/// Threads run different actions at the same time, so each counts its own laps; at the end of a phase,
/// its duration is divided in the proportions in which the threads spent theirs. A lap ends where the
/// next one begins, so the laps add up to the step. A session without a clock pays for a test of `nil`
/// at each action.
package final class StepClock {
  /// The laps since `start`.
  package private(set) var times: StepTimes
  /// The layer of each step of the tape.
  private let layerOfStep: [Int]
  private var mark = MonotonicTime().seconds
  private let threads: [ThreadLaps]

  /// The laps of one thread in the running phase.
  private final class ThreadLaps {
    var mark = 0.0
    var laps: [(step: Int, work: TrainingWork, seconds: Double)] = []

    func add(_ step: Int, _ work: TrainingWork) {
      let now = MonotonicTime().seconds
      defer { mark = now }
      guard let index = laps.firstIndex(where: { $0.step == step && $0.work == work }) else {
        laps.append((step, work, now - mark))
        return
      }
      laps[index].seconds += now - mark
    }
  }

  init(_ layers: TapeLayers, threads: Int) {
    layerOfStep = layers.layerOfStep
    times = StepTimes(layerCount: layers.layers.count)
    self.threads = (0..<threads).map { _ in ThreadLaps() }
  }

  /// Forgets earlier laps.
  package func start() {
    times = StepTimes(layerCount: times.layerCount)
    mark = MonotonicTime().seconds
  }

  /// Ends a lap of work on the network as a whole.
  package func lapWhole(_ work: TrainingWork) { times[nil, work] += elapsed() }

  /// Starts a thread's first lap in a phase.
  func begin(on thread: Int) { threads[thread].mark = MonotonicTime().seconds }

  /// Ends a lap of a step's work on one thread.
  func lap(_ step: Int, _ work: TrainingWork, on thread: Int) { threads[thread].add(step, work) }

  /// Ends a phase, after all threads did.
  func endPhase() {
    let busy = threads.reduce(0) { $0 + $1.laps.reduce(0) { $0 + $1.seconds } }
    guard busy > 0 else { return }
    let factor = elapsed() / busy
    for thread in threads {
      for lap in thread.laps { times[layerOfStep[lap.step], lap.work] += factor * lap.seconds }
      thread.laps.removeAll(keepingCapacity: true)
    }
  }

  /// The time since the last call.
  private func elapsed() -> Double {
    let now = MonotonicTime().seconds
    defer { mark = now }
    return now - mark
  }
}
