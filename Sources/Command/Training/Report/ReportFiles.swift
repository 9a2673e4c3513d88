import CNNZoo

/// `report.svg` and `report.md` in a run's folder.
enum ReportFiles {
  /// Writes both.
  ///
  /// - Parameter validation: That of the best weights, if this process has it.
  /// - Throws: Errors of `Trainer.report`, `FileError`.
  static func write(_ trainer: Trainer, _ validation: Evaluation?) throws {
    let report = try trainer.report(validation: validation)
    let paths = trainer.reportFiles
    try OutputFile.write(Array(TrainingPlot(report).document.utf8), to: paths.plot)
    try OutputFile.write(Array(TrainingSummary(report).document.utf8), to: paths.summary)
  }

  /// Writes both for a run that ended early, of which the state matters more.
  static func writeIfPossible(_ trainer: Trainer, _ validation: Evaluation?) {
    do {
      try write(trainer, validation)
    } catch {
      Diagnostics.warn("no report: \(Diagnostics.message(of: error))")
    }
  }
}
