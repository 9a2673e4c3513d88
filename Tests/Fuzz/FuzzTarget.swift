/// A parser to fuzz, and the invariants of everything that it accepts.
struct FuzzTarget {
  /// Called by libFuzzer with every input; returns 0, or -1 if the corpus should not keep the
  /// input.
  typealias Body = @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt

  let name: String
  /// A description of the inputs.
  let about: String
  let body: Body

  static let all = images + weights + texts + runs
}

/// Ends the process, so that libFuzzer keeps the input, unless `condition` holds.
func require(_ condition: Bool, _ what: @autoclosure () -> String) {
  if !condition { fatalError(what()) }
}
