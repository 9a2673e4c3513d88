/// The segments of both directions.
struct TapeSchedule {
  let forward: [TapeSegment]
  let backward: [TapeSegment]

  init(_ steps: [TapeStep], _ units: [TapeUnit], firstTrained: Int, bufferCounts: [Int]) {
    var builder = SegmentBuilder(steps: steps, units: units)
    for (number, unit) in units.enumerated() {
      builder.enter(number)
      for index in unit.steps { builder.addForward(index, number) }
      builder.leave(number, from: unit.steps.lowerBound)
    }
    forward = builder.finish(bufferCounts)

    builder = SegmentBuilder(steps: steps, units: units)
    for (number, unit) in units.enumerated().reversed() where unit.steps.upperBound > firstTrained {
      builder.enter(number)
      for index in unit.steps.reversed() { builder.addBackward(index, number) }
      builder.leave(number, from: unit.steps.upperBound - 1)
    }
    backward = builder.finish(bufferCounts)
  }

  /// Floats of the maps that one action should at most read and write: half of an L2 cache of 2 MiB.
  static let cacheFloats = 1 << 18
}

/// Collects actions, and ends a segment where threads must wait.
private struct SegmentBuilder {
  let steps: [TapeStep]
  let units: [TapeUnit]
  private var segments: [TapeSegment] = []
  private var current = TapeSegment(unit: 0)

  init(steps: [TapeStep], units: [TapeUnit]) { (self.steps, self.units) = (steps, units) }

  /// Starts a unit, whose images may be others than those of the last.
  mutating func enter(_ unit: Int) {
    if units[current.unit].survival < 1 || units[unit].survival < 1 { close(next: unit) }
    if current.actions.isEmpty { current = TapeSegment(unit: unit) }
  }

  /// Ends a segment with its unit if it holds all of it from the first step on, because then nothing
  /// else might end it.
  mutating func leave(_ unit: Int, from first: Int) {
    let isWhole = current.actions.contains { $0.step == first && $0.kind.beginsStep }
    if isWhole { close(next: unit) }
  }

  private mutating func close(next unit: Int) {
    if !current.actions.isEmpty { segments.append(current) }
    current = TapeSegment(unit: unit)
  }

  mutating func finish(_ bufferCounts: [Int]) -> [TapeSegment] {
    close(next: 0)
    return segments.map { segment in
      var segment = segment
      let largest = segment.actions.map { action in
        steps[action.step].buffers(action.kind, steps).reduce(0) { $0 + bufferCounts[$1] }
      }.max()
      segment.sizes.largest = max(1, TapeSchedule.cacheFloats / max(1, largest ?? 1))
      return segment
    }
  }

  mutating func addForward(_ index: Int, _ unit: Int) {
    if case .expansion = steps[index] {
      add(.measure, index)
      current.sums.append(TapeAction(kind: .statistics, step: index))
      close(next: unit)
      return add(.forward, index)
    }
    guard let step = steps[index].normalization else { return add(.forward, index) }
    if !step.usesRunningStatistics {
      add(.measure, index)
      current.sums.append(TapeAction(kind: .statistics, step: index))
      close(next: unit)
    } else if step.kept != step.input {
      add(.keep, index)
    }
    guard case .normalization = steps[index] else { return add(.forward, index) }
    add(.apply, index)
    if units[unit].survival < 1, step.residual != nil {
      current.sums.append(TapeAction(kind: .passOn, step: index))
    }
  }

  mutating func addBackward(_ index: Int, _ unit: Int) {
    for other in steps[index].recomputed {
      recomputeProduct(of: other)
      add(.recompute, other)
    }
    switch steps[index] {
    case .normalization(let step):
      addBackward(step, index, .slope, unit)
    case .depthwise(let step):
      addBackward(step.normalization, index, .backward, unit)
    case .convolution(let step):
      add(.backward, index)
      if !step.isSplit {
        current.products.append(TapeAction(kind: .weightProducts, step: index))
      }
      current.sums.append(TapeAction(kind: .parameterGradients, step: index))
    case .expansion:
      add(.backward, index)
      current.sums.append(TapeAction(kind: .parameterGradients, step: index))
      close(next: unit)
      add(.combine, index)
    case .layerNorm:
      add(.backward, index)
      current.sums.append(TapeAction(kind: .parameterGradients, step: index))
    case .activation, .pool, .gate, .attention, .dropout: add(.backward, index)
    }
  }

  /// Adds the backward pass of a batch norm, in which `action` finds the gradient of its output.
  private mutating func addBackward(
    _ step: NormalizationStep, _ index: Int, _ action: TapeAction.Kind, _ unit: Int
  ) {
    recomputeProduct(of: index)
    add(action, index)
    current.sums.append(TapeAction(kind: .parameterGradients, step: index))
    if !step.usesRunningStatistics { close(next: unit) }
    if step.recomputedAgain != nil { add(.recomputeProductAgain, index) }
    add(.combine, index)
  }

  /// Computes the input of a batch norm again, unless the segment has done so.
  private mutating func recomputeProduct(of index: Int) {
    guard let step = steps[index].normalization, step.recomputed != nil else { return }
    let isDone = current.actions.contains { $0.step == index && $0.kind == .recomputeProduct }
    if !isDone { add(.recomputeProduct, index) }
  }

  private mutating func add(_ kind: TapeAction.Kind, _ step: Int) {
    current.actions.append(TapeAction(kind: kind, step: step))
  }
}
