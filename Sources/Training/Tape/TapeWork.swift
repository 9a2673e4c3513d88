/// What an action does for a group of images, looked up once, so that groups need not copy the step.
struct GroupWork {
  let step: Int
  /// Offset of its partial sums.
  let partials: Int
  /// What its time counts as; `nil` if the action records its own laps.
  private let work: TrainingWork?
  private let body: (TapeRun) -> Void

  init(_ action: TapeAction, _ steps: [TapeStep]) {
    (step, partials) = (action.step, action.partials)
    let step = steps[action.step]
    switch action.kind {
    case .forward: (work, body) = Self.forward(step)
    case .measure, .keep, .apply, .slope, .combine:
      (work, body) =
        if case .expansion(let step) = step {
          Self.expansion(step, action.kind)
        } else {
          Self.normalization(step, action.kind)
        }
    case .recompute: (work, body) = (.recomputation, Self.recompute(step))
    case .recomputeProduct, .recomputeProductAgain:
      (work, body) = (.recomputation, Self.recomputeProduct(step, action.kind, steps))
    case .backward: (work, body) = Self.backward(step)
    case .statistics, .passOn, .weightProducts, .parameterGradients:
      preconditionFailure("work on the whole batch")
    }
  }

  /// Runs for the group of `run`.
  func callAsFunction(_ run: TapeRun) {
    body(run)
    if let work { run.lap(work) }
  }

  private static func forward(_ step: TapeStep) -> (TrainingWork?, (TapeRun) -> Void) {
    switch step {
    case .convolution(let step): (.product, step.forward)
    case .expansion(let step): (.product, step.run)
    case .depthwise(let step): (.product, step.run)
    case .normalization: preconditionFailure("batch norm has several actions")
    case .activation(let step): (.normalization, step.forward)
    case .pool(let step): (.normalization, step.forward)
    case .gate(let step): (.normalization, step.forward)
    case .attention(let step): (.normalization, step.forward)
    case .layerNorm(let step): (.normalization, step.forward)
    case .dropout(let step): (.normalization, step.forward)
    }
  }

  private static func backward(_ step: TapeStep) -> (TrainingWork?, (TapeRun) -> Void) {
    switch step {
    case .convolution(let step): (nil, step.backward)
    case .expansion(let step): (nil, step.backward)
    case .depthwise(let step): (nil, step.backward)
    case .normalization: preconditionFailure("batch norm has several actions")
    case .activation(let step): (.normalizationGradient, step.backward)
    case .pool(let step): (.normalizationGradient, step.backward)
    case .gate(let step): (.normalizationGradient, step.backward)
    case .attention(let step): (.normalizationGradient, step.backward)
    case .layerNorm(let step): (.normalizationGradient, step.backward)
    case .dropout(let step): (.normalizationGradient, step.backward)
    }
  }

  private static func normalization(
    _ step: TapeStep, _ kind: TapeAction.Kind
  ) -> (TrainingWork?, (TapeRun) -> Void) {
    guard let step = step.normalization else {
      preconditionFailure("only batch norm has these actions")
    }
    return switch kind {
    case .measure: (.normalization, step.measure)
    case .keep: (.normalization, { step.keep($0, step.input, in: step.kept) })
    case .apply: (.normalization, step.apply)
    case .slope: (.normalizationGradient, step.slope)
    case .combine: (.normalizationGradient, step.combine)
    default: preconditionFailure("not an action of batch norm")
    }
  }

  private static func expansion(
    _ step: ExpansionStep, _ kind: TapeAction.Kind
  ) -> (TrainingWork?, (TapeRun) -> Void) {
    switch kind {
    case .measure: (.normalization, step.measure)
    case .combine: (.inputGradient, step.correct)
    default: preconditionFailure("not an action of an expansion")
    }
  }

  private static func recompute(_ step: TapeStep) -> (TapeRun) -> Void {
    switch step {
    case .normalization(let step): step.recompute
    case .gate(let step): step.recompute
    case .convolution, .expansion, .depthwise, .activation, .pool, .attention, .layerNorm, .dropout:
      preconditionFailure("only batch norm and gates are recomputed")
    }
  }

  private static func recomputeProduct(
    _ step: TapeStep, _ kind: TapeAction.Kind, _ steps: [TapeStep]
  ) -> (TapeRun) -> Void {
    guard let normalization = step.normalization,
      let product = kind == .recomputeProduct
        ? normalization.recomputed : normalization.recomputedAgain,
      case .convolution(let convolution) = steps[product.convolution]
    else { preconditionFailure("only a convolution before batch norm is computed again") }
    return { run in
      convolution.recompute(product, run)
      if product.kept != product.output {
        normalization.keep(run, product.output, in: product.kept)
      }
    }
  }
}

/// What an action does for the whole batch.
struct BatchWork {
  let step: Int
  /// Offset of its partial sums.
  let partials: Int
  /// Its jobs; `nil` where there is nothing to do.
  let jobs: (TapeRun) -> [TapeJob?]

  init(_ action: TapeAction, _ steps: [TapeStep]) {
    (step, partials) = (action.step, action.partials)
    jobs =
      switch (steps[action.step], action.kind) {
      case (.normalization(let step), .statistics): { [step.statistics($0)] }
      case (.normalization(let step), .passOn): { [step.passOn($0)] }
      case (.normalization(let step), .parameterGradients): { [step.parameterGradients($0)] }
      case (.convolution(let step), .weightProducts): { [step.weightProducts($0)] }
      case (.convolution(let step), .parameterGradients):
        { [step.weightSums($0), step.biasSums($0)] }
      case (.expansion(let step), .statistics): { [step.statistics($0)] }
      case (.depthwise(let step), .statistics): { [step.normalization.statistics($0)] }
      case (.depthwise(let step), .parameterGradients): { step.parameterGradients($0) }
      case (.expansion(let step), .parameterGradients): { step.parameterGradients($0) }
      case (.layerNorm(let step), .parameterGradients): { [step.parameterGradients($0)] }
      default: preconditionFailure("work of a group")
      }
  }
}
