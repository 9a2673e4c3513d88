/// How often a network's most probable class at lower precision is the same as at f32.
///
/// A fraction of Imagenette's 3,925 validation images.
package struct PrecisionRecord: Hashable, Sendable {
  /// Agreement at bf16.
  package let bf16: Double
  /// Agreement at int8.
  package let int8: Double

  package init(bf16: Double, int8: Double) {
    (self.bf16, self.int8) = (bf16, int8)
  }

  /// The minimum agreement for `PrecisionChoice.auto`.
  package static let required = 0.995

  /// Measured records, by the SHA-256 of the weight file in lowercase hexadecimal digits.
  package static let measured: [String: PrecisionRecord] = [:]
}
