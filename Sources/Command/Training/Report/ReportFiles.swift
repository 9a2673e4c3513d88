import CNNZoo

/// `report.svg` and `report.md` in a run's folder.
enum ReportFiles {
  /// Writes both for a complete run.
  ///
  /// - Throws: Errors of `Trainer.report`, `FileError`.
  static func write(_ trainer: Trainer, _ result: Trainer.Result) throws {
    try write(trainer, try trainer.report(result))
  }

  private static func write(_ trainer: Trainer, _ report: TrainingReport) throws {
    let paths = trainer.reportFiles
    try OutputFile.write(Array(TrainingPlot(report).document.utf8), to: paths.plot)
    try OutputFile.write(Array(TrainingSummary(report).document.utf8), to: paths.summary)
  }

  /// Writes both for a run that ended early, of which the state matters more.
  ///
  /// - Parameter validation: That of the best weights, if this process has it.
  static func writeIfPossible(_ trainer: Trainer, _ validation: Evaluation?) {
    do {
      try write(trainer, try trainer.report(validation: validation))
    } catch {
      Diagnostics.warn("no report: \(Diagnostics.message(of: error))")
    }
  }
}
