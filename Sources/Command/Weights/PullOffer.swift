import CNNZoo
import Glibc

/// Asks a person at a terminal whether missing weights are to be fetched.
struct PullOffer {
  /// Standard input is one of the inputs, so that no answer can be read from it.
  let inputIsTaken: Bool

  /// The file with weights of `model`: found, or fetched if the person wants it.
  ///
  /// - Throws: `ClassifierError.weightsNotFound` where there is nobody to ask, and where the answer
  ///   is no; what a pull throws.
  func weights(of model: Model) throws -> String {
    do {
      return try WeightSearch.standard().weights(of: model)
    } catch {
      let options = try PullOptions.parse([])
      let pull = try options.pull()
      guard canAsk, !pull.isOffline, let weights = model.published.first, weights.sha256 != nil,
        accepts(weights)
      else { throw error }
      return try Pull.Source.published(weights, sha256: nil).fetch(with: pull, isQuiet: false)
        .entry.path
    }
  }

  private var canAsk: Bool {
    !inputIsTaken && isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1
  }

  private func accepts(_ weights: PublishedWeights) -> Bool {
    let size = weights.mebibytes.map { ", " + NumberText.fixed($0, 1) + " MiB" } ?? ""
    Diagnostics.write(
      "There are no weights here. Fetch \(weights.origin)\(size), licence \(weights.license)? [y/N]"
    )
    return ["y", "yes"].contains(readLine()?.lowercased())
  }
}
