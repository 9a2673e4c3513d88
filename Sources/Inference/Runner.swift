import Host
import Operators
import Synchronization

/// Runs a program with all threads of a pool.
///
/// Results are bit-identical however the work is shared: an image's values depend only on its
/// tasks, and the tasks do not depend on the thread that runs them.
final class Runner: Sendable {
  private let program: Program
  /// The steps with the addresses of their values.
  private let calls: [StepCall]
  private let workspace: Workspace
  private let pool: WorkerPool
  /// The next piece of work in this run: see `Share`.
  private let counter = Atomic<Int>(0)

  init(_ program: Program, workspace: Workspace, pool: WorkerPool) {
    self.program = program
    calls = program.steps.map(workspace.call)
    self.workspace = workspace
    self.pool = pool
  }

  /// Runs the program on some images with all threads.
  ///
  /// As long as every thread gets the same number of images, each image is computed by one thread:
  /// its values stay in that thread's caches, and no thread waits for another between steps. All
  /// threads work together on the remaining images and on the classifier.
  func run(_ images: Range<Int>) {
    let first = images.lowerBound
    let alone = images.count / pool.count * pool.count
    counter.store(0, ordering: .relaxed)
    pool.run { worker in
      var share = Share(self)
      if alone > 0 {
        share.forEach(of: alone) { image in
          for index in 0..<program.imageSteps {
            self.alone(calls[index], image: first + image, batch: 1, worker: worker)
          }
        }
      }
      for image in images.dropFirst(alone) {
        for index in 0..<program.imageSteps {
          together(calls[index], image: image, batch: 1, worker: worker, &share)
        }
      }
      for index in program.imageSteps..<calls.count {
        together(calls[index], image: first, batch: images.count, worker: worker, &share)
      }
    }
  }

  /// Runs the program on some images on the calling thread, in one worker's memory.
  func run(_ images: Range<Int>, worker: Int) {
    WorkerPool.alone {
      for image in images {
        for index in 0..<program.imageSteps {
          alone(calls[index], image: image, batch: 1, worker: worker)
        }
      }
      for index in program.imageSteps..<calls.count {
        alone(calls[index], image: images.lowerBound, batch: images.count, worker: worker)
      }
    }
  }

  /// Runs the program on the first `batch` images and returns the seconds that each step took.
  ///
  /// All threads work on one step of one image at a time.
  func profile(batch: Int) -> [Double] {
    let clock = ContinuousClock()
    var durations = [Duration](repeating: .zero, count: calls.count)
    counter.store(0, ordering: .relaxed)
    pool.run { worker in
      var share = Share(self)
      var mark = clock.now
      func measure(_ index: Int, image: Int, batch: Int) {
        together(calls[index], image: image, batch: batch, worker: worker, &share)
        guard worker == 0 else { return }
        let now = clock.now
        durations[index] += now - mark
        mark = now
      }
      for image in 0..<batch {
        for index in 0..<program.imageSteps { measure(index, image: image, batch: 1) }
      }
      for index in program.imageSteps..<calls.count {
        measure(index, image: 0, batch: batch)
      }
    }
    return durations.map { $0 / .seconds(1) }
  }

  /// Runs the program on one image step by step on the calling thread, in one worker's memory, and
  /// returns the first step with non-finite output.
  func firstNonFiniteStep(image: Int, worker: Int) -> Int? {
    WorkerPool.alone {
      calls.indices.first { index in
        alone(calls[index], image: image, batch: 1, worker: worker)
        return !isFinite(index, image: image, worker: worker)
      }
    }
  }

  private func isFinite(_ index: Int, image: Int, worker: Int) -> Bool {
    let step = program.steps[index]
    let output = calls[index].memory(
      image: image, arena: worker, scratch: workspace.scratch(worker)
    ).output
    let stride = program.values[step.output].stride
    return (0..<step.shape.positions).allSatisfy { position in
      UnsafeBufferPointer(start: output + position * stride, count: step.shape.channels)
        .allSatisfy(\.isFinite)
    }
  }

  private func alone(_ call: StepCall, image: Int, batch: Int, worker: Int) {
    let memory = call.memory(image: image, arena: worker, scratch: workspace.scratch(worker))
    for task in 0..<call.work.taskCount(batch: batch) {
      call.work.run(task: task, batch: batch, memory)
    }
  }

  private func together(
    _ call: StepCall, image: Int, batch: Int, worker: Int, _ share: inout Share
  ) {
    let memory = call.memory(image: image, arena: 0, scratch: workspace.scratch(worker))
    share.forEach(of: call.work.taskCount(batch: batch)) { task in
      call.work.run(task: task, batch: batch, memory)
    }
  }

  /// One thread's share of the work.
  ///
  /// All threads draw numbers from one counter that only grows. A round of n pieces starts where
  /// the last one ended and uses n numbers, plus one per thread, which tells the thread that no
  /// work is left. So nothing has to be reset between rounds.
  private struct Share {
    private let runner: Runner
    private var base = 0

    init(_ runner: Runner) { self.runner = runner }

    /// Calls `body` with this thread's share of the numbers below `count`, and returns when all
    /// threads are done.
    mutating func forEach(of count: Int, _ body: (Int) -> Void) {
      let threads = runner.pool.count
      guard threads > 1 else {
        for piece in 0..<count { body(piece) }
        return
      }
      while true {
        let piece = runner.counter.add(1, ordering: .relaxed).oldValue - base
        guard piece < count else { break }
        body(piece)
      }
      base += count + threads
      runner.pool.barrier()
    }
  }
}
