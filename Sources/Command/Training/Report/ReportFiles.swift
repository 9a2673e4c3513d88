import CNNZoo
import Host

/// `report.svg` and `report.md` in a run's folder.
enum ReportFiles {
  /// Writes both for a complete run; call it where interrupts are deferred.
  ///
  /// - Throws: Errors of `Trainer.report`, `FileError`.
  static func write(_ trainer: Trainer, _ result: Trainer.Result) throws {
    try write(trainer, try trainer.report(result))
  }

  private static func write(_ trainer: Trainer, _ report: TrainingReport) throws {
    let paths = trainer.reportFiles
    try AtomicFile.write(Array(TrainingPlot(report).document.utf8), to: paths.plot)
    try AtomicFile.write(Array(TrainingSummary(report).document.utf8), to: paths.summary)
  }

  /// Writes both for a run that ended early, of which the state matters more.
  ///
  /// - Parameters:
  ///   - validation: That of the best weights, if this process has it.
  ///   - error: What ended the run.
  static func writeIfPossible(
    _ trainer: Trainer, _ validation: Evaluation?, after error: (any Error)? = nil
  ) {
    do {
      var report = try trainer.report(validation: validation)
      report.interruption = error.map(Diagnostics.message)
      try write(trainer, report)
    } catch {
      Diagnostics.warn("no report: \(Diagnostics.message(of: error))")
    }
  }
}
