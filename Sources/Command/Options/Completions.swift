import ArgumentParser
import CNNZoo

/// What a shell offers for arguments that are neither files nor words of a closed set.
extension CompletionKind {
  /// Networks by their own names; their other names are understood, but would bury these.
  static var networks: CompletionKind { .list(ModelCatalog.models.map(\.name)) }

  /// Networks, and the sets of weights that were published for each.
  static var publishedWeights: CompletionKind {
    .list(ModelCatalog.models.flatMap { [$0.name] + $0.published.map(\.name) })
  }

  /// Networks, and what lies in the cache when the shell asks.
  static var networksAndCachedFiles: CompletionKind {
    .custom { _, _, _ in
      let files = (try? WeightCache.standard().entries().map(\.name)) ?? []
      return ModelCatalog.models.map(\.name) + files
    }
  }
}
