import CNNZoo

/// Which build of the command this is.
enum BuildVersion {
  /// The commit of the checkout it was built from, such as `b2570c2`; empty where there was none.
  ///
  /// It ends with `-dirty` where the sources had changes. Written once, before anything else happens.
  nonisolated(unsafe) static var commit = ""

  /// `0.1.0`, or `0.1.0 (b2570c2)` where the commit is known.
  static var text: String { commit.isEmpty ? cnnzooVersion : "\(cnnzooVersion) (\(commit))" }
}
