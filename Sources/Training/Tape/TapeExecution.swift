import Operators

extension TapeRun {
  /// Runs a segment for the images of its unit.
  mutating func run(_ segment: TapeSegment, _ images: [Int]) {
    begin(images)
    let groups = segment.groupCount(images: images.count)
    let run = self
    workers.forEachOnWorkers(groups, clock) { group, worker in
      var run = run.group(group, of: groups, on: worker)
      precondition(run.imageCount <= segment.groupCapacity, "a group has more images than memory")
      for action in segment.actions {
        run.begin(action)
        run.perform(action.kind)
      }
    }
    clock?.endPhase()
    groupCount = groups
    runJobs(segment.products)
    runJobs(segment.sums)
  }

  /// One action for a group of images.
  private func perform(_ kind: TapeAction.Kind) {
    switch kind {
    case .forward:
      forward()
      lap(tape.steps[step].forwardWork)
    case .measure:
      normalization?.measure(self)
      lap(.normalization)
    case .keep:
      if let step = normalization { step.keep(self, step.input, in: step.kept) }
      lap(.normalization)
    case .apply:
      normalization?.apply(self)
      lap(.normalization)
    case .recompute:
      recompute()
      lap(.recomputation)
    case .recomputeProduct:
      recompute(normalization?.recomputed)
      lap(.recomputation)
    case .recomputeProductAgain:
      recompute(normalization?.recomputedAgain)
      lap(.recomputation)
    case .backward: backward()
    case .slope:
      normalization?.slope(self)
      lap(.normalizationGradient)
    case .combine:
      normalization?.combine(self)
      lap(.normalizationGradient)
    case .statistics, .passOn, .weightProducts, .parameterGradients:
      preconditionFailure("work on the whole batch")
    }
  }

  private var normalization: NormalizationStep? {
    if case .normalization(let step) = tape.steps[step] { step } else { nil }
  }

  private func forward() {
    switch tape.steps[step] {
    case .convolution(let step): step.forward(self)
    case .normalization: preconditionFailure("batch norm has several actions")
    case .activation(let step): step.forward(self)
    case .pool(let step): step.forward(self)
    case .gate(let step): step.forward(self)
    case .attention(let step): step.forward(self)
    case .layerNorm(let step): step.forward(self)
    case .dropout(let step): step.forward(self)
    }
  }

  private func backward() {
    switch tape.steps[step] {
    case .convolution(let step): return step.backward(self)
    case .normalization: preconditionFailure("batch norm has several actions")
    case .activation(let step): step.backward(self)
    case .pool(let step): step.backward(self)
    case .gate(let step): step.backward(self)
    case .attention(let step): step.backward(self)
    case .layerNorm(let step): step.backward(self)
    case .dropout(let step): step.backward(self)
    }
    lap(.normalizationGradient)
  }

  private func recompute() {
    switch tape.steps[step] {
    case .normalization(let step): step.recompute(self)
    case .gate(let step): step.recompute(self)
    case .convolution, .activation, .pool, .attention, .layerNorm, .dropout:
      preconditionFailure("only batch norm and gates are recomputed")
    }
  }

  private func recompute(_ product: RecomputedProduct?) {
    guard let product, case .convolution(let step) = tape.steps[product.convolution] else { return }
    step.recompute(product, self)
    if product.kept != product.output {
      normalization?.keep(self, product.output, in: product.kept)
    }
  }

  /// Runs actions for the whole batch, all of them at the same time.
  private mutating func runJobs(_ actions: [TapeAction]) {
    var jobs: [TapeJob] = []
    for action in actions {
      begin(action)
      jobs += self.jobs(action.kind)
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

  private func jobs(_ kind: TapeAction.Kind) -> [TapeJob] {
    let jobs: [TapeJob?] =
      switch (tape.steps[step], kind) {
      case (.normalization(let step), .statistics): [step.statistics(self)]
      case (.normalization(let step), .passOn): [step.passOn(self)]
      case (.normalization(let step), .parameterGradients): [step.parameterGradients(self)]
      case (.convolution(let step), .weightProducts): [step.weightProducts(self)]
      case (.convolution(let step), .parameterGradients):
        [step.weightSums(self), step.biasSums(self)]
      case (.layerNorm(let step), .parameterGradients): [step.parameterGradients(self)]
      default: []
      }
    return jobs.compactMap(\.self)
  }
}
