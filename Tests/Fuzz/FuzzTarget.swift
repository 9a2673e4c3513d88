/// A parser under fire, and what must hold of all that it accepts.
struct FuzzTarget {
  /// What libFuzzer calls with every input: 0, or -1 where the corpus should not keep the input.
  typealias Body = @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt

  let name: String
  /// What an input is.
  let about: String
  let body: Body

  static let all = images + weights + texts
}

/// Ends the process, so that libFuzzer keeps the input, unless `condition` holds.
func require(_ condition: Bool, _ what: @autoclosure () -> String) {
  if !condition { fatalError(what()) }
}
