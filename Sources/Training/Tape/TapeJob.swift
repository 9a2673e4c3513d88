/// Work on a whole batch that can be divided among threads: tasks in any order, with the same bits.
struct TapeJob {
  /// The step that it belongs to.
  let step: Int
  let work: TrainingWork
  /// The number of tasks.
  let count: Int
  let body: (_ task: Int, _ scratch: UnsafeMutablePointer<Float>) -> Void

  init(
    _ run: TapeRun, _ work: TrainingWork, count: Int,
    _ body: @escaping (_ task: Int, _ scratch: UnsafeMutablePointer<Float>) -> Void
  ) {
    (step, self.work, self.count, self.body) = (run.step, work, count, body)
  }

  /// One task for each 64 of `channels`, a multiple of 8.
  init(
    _ run: TapeRun, _ work: TrainingWork, channels: Int,
    _ body: @escaping (_ channels: Range<Int>, _ scratch: UnsafeMutablePointer<Float>) -> Void
  ) {
    let width = 64
    self.init(run, work, count: (channels + width - 1) / width) { task, scratch in
      body(task * width..<min(channels, (task + 1) * width), scratch)
    }
  }
}
