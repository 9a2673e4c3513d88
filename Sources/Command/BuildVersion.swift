import CNNZoo

/// Which build of the command this is.
enum BuildVersion {
  /// The commit of the checkout it was built from, with `-dirty` where its sources had changes;
  /// empty where there was no checkout. Written once, before anything else happens.
  nonisolated(unsafe) static var commit = ""

  /// `0.1.0`, or `0.1.0 (b2570c2)` where the commit is known.
  static var text: String { commit.isEmpty ? cnnzooVersion : "\(cnnzooVersion) (\(commit))" }
}
