extension TapeRun {
  /// Runs a segment for the images of its unit.
  mutating func run(_ segment: PlannedSegment, _ images: [Int]) {
    begin(images)
    let groups = segment.groupCount(images: images.count)
    let run = self
    workers.forEachOnWorkers(groups, clock) { group, worker in
      var run = run.group(group, of: groups, on: worker)
      precondition(run.imageCount <= segment.groupCapacity, "a group has more images than memory")
      for work in segment.groupWork {
        run.begin(step: work.step, partials: work.partials)
        work(run)
      }
    }
    clock?.endPhase()
    groupCount = groups
    runJobs(segment.products)
    runJobs(segment.sums)
  }

  /// Runs actions for the whole batch, all of them at the same time.
  private mutating func runJobs(_ work: [BatchWork]) {
    var jobs: [TapeJob] = []
    for work in work {
      begin(step: work.step, partials: work.partials)
      jobs += work.jobs(self).compactMap(\.self)
    }
    var ends: [Int] = []
    for job in jobs { ends.append((ends.last ?? 0) + job.count) }
    guard let total = ends.last, total > 0 else { return }
    let workers = workers
    workers.forEachOnWorkers(total, clock) { [clock] task, worker in
      let index = ends.firstIndex { task < $0 } ?? 0
      jobs[index].body(task - (ends[index] - jobs[index].count), workers.scratch(worker))
      clock?.lap(jobs[index].step, jobs[index].work, on: worker)
    }
    clock?.endPhase()
  }
}
