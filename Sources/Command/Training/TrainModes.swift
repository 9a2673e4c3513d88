import ArgumentParser
import CNNZoo

extension Train {
  /// Rejects options that would have no effect in the chosen mode.
  func rejectIgnoredOptions() throws {
    if headOnly {
      if changesMoreThanBatch {
        throw ValidationError("--head-only solves for the classifier; drop the training options.")
      }
      for (option, isGiven) in [
        ("--time", saving.time != nil), ("--memory", saving.memory != nil),
        ("--cache-memory", saving.cacheMemory != nil), ("--save-every", saving.saveEvery != nil),
        ("--overwrite", saving.overwrite), ("--recompute", saving.recompute),
      ] where isGiven {
        throw ValidationError("--head-only takes seconds and keeps no run; drop \(option).")
      }
    } else {
      try network.compute.rejectUntrainablePrecision(hint: "int8 and auto are for --head-only")
      if network.compute.backend != .auto {
        throw ValidationError(
          "Networks are trained with the built-in kernels; --backend is for --head-only.")
      }
    }
    let preprocessing = network.preprocessing.names
    if let option = preprocessing.first(where: { resume != nil || $0 != "--padding" }),
      resume != nil || fromScratch
    {
      let source = resume == nil ? "--from-scratch uses the published" : "--resume takes the run's"
      throw ValidationError("\(source) preprocessing; drop \(option).")
    }
    if !fromScratch, widths.widthMultiplier != nil || widths.reducedTail {
      let option = widths.reducedTail ? "--reduced-tail" : "--width-multiplier"
      throw ValidationError("\(option) needs --from-scratch; weights state their own widths.")
    }
    guard resume != nil else { return }
    for (option, isGiven) in [
      ("--hidden", hidden), ("--overwrite", saving.overwrite), ("--memory", saving.memory != nil),
    ] where isGiven {
      throw ValidationError("--resume continues the run as it began; drop \(option).")
    }
  }
}

extension Train {
  /// Whether an option other than `--batch` differs from a default.
  fileprivate var changesMoreThanBatch: Bool {
    [TrainingConfiguration.fineTuning, .fromScratch].contains { defaults in
      var changed = defaults
      apply(to: &changed)
      changed.batch = defaults.batch
      return changed != defaults
    }
  }
}
