import CNNZoo
import Host

/// `train --head-only`: a new classifier in closed form, on top of the unchanged network.
struct HeadTraining {
  let folder: String
  let output: String
  let network: NetworkOptions
  let batch: Int
  let includesHidden: Bool
  let onError: FailurePolicy

  func run(_ format: FormatOption) throws {
    try OutputFile.check(output, is: [.safetensors])
    let dataset = try Dataset(FilePath.paths(of: [folder])[0], includesHidden: includesHidden)
    let folders = try dataset.classes(of: dataset.splits.isEmpty ? nil : .train)
    let loaded = try network.network(inputIsTaken: false)
    Diagnostics.warn(loaded.warnings + loaded.trainingWarnings)
    try OutputFile.check(output, is: [.safetensors], replacesNone: [loaded.file.path])
    let trainer = try HeadTrainer(
      loaded, classes: folders.names, options: network.embedderOptions(batch: batch))
    try Diagnostics.warnIfEmulated(trainer.embedder.precision)
    let heldOut = try dataset.splits.filter { $0 != .train }.map { split in
      (split: split, folders: try dataset.classes(of: split))
    }
    for (_, folders) in heldOut {
      _ = try ClassNames(trainer.labels).classes(ofFolders: folders.names)
    }
    var names: [String] = []
    var skipped = folders.skipped
    let tally = InputTally(
      policy: onError, folders: folders.paths + heldOut.flatMap(\.folders.paths),
      includesHidden: includesHidden)
    defer { ProgressLine.erase() }
    for error in folders.unreadable { try tally.fail(ImageFailure(error, of: folder)) }
    for (index, path) in folders.paths.enumerated() {
      let images = ImageInputs(arguments: [path], list: nil, includesHidden: includesHidden)
      try trainer.add(images, class: index) { answer in
        if case .success = try tally.count(answer) { names.append(answer.input.name) }
      }
      skipped += images.skipped
    }
    let failures = tally.failures.count
    let head = try trainer.train()
    try Interrupts.deferred { () throws in try head.write(to: output) }
    var options = try network.classifierOptions(batch: batch, labels: nil)
    // `auto` has no record for the new file.
    options.precision = PrecisionChoice(head.precision)
    let evaluations = try heldOut.map { split, folders in
      try EvaluationReport(
        Classifier(model: loaded.model, weights: output, options: options),
        on: folders, split: split, includesHidden: includesHidden, tally: tally)
    }
    try HeadReport(
      head, names: names, output: output, failures: failures, evaluations: evaluations
    ).report.write(as: format.format)
    try tally.finish(skipped: evaluations.reduce(skipped) { $0 + $1.skipped })
  }
}
