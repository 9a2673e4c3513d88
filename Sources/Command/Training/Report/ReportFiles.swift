import CNNZoo
import Host

/// `report.svg` and `report.md` in a run's folder.
enum ReportFiles {
  /// Writes both; call it where interrupts are deferred.
  ///
  /// - Parameters:
  ///   - validation: That of the best weights, if this process has it.
  ///   - error: What ended the run.
  /// - Throws: Errors of `Trainer.report`, `FileError`.
  static func write(
    _ trainer: Trainer, _ validation: Evaluation?, after error: (any Error)? = nil
  ) throws {
    var report = try trainer.report(validation: validation)
    report.interruption = error.map(Diagnostics.message)
    let paths = trainer.reportFiles
    try AtomicFile.write(Array(TrainingPlot(report).document.utf8), to: paths.plot)
    try AtomicFile.write(Array(TrainingSummary(report).document.utf8), to: paths.summary)
  }

  /// Writes both for a run that ended early, of which the state matters more.
  static func writeIfPossible(
    _ trainer: Trainer, _ validation: Evaluation?, after error: (any Error)? = nil
  ) {
    do {
      try write(trainer, validation, after: error)
    } catch {
      Diagnostics.warn("no report: \(Diagnostics.message(of: error))")
    }
  }
}
