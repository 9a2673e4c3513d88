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
  package static let measured: [String: PrecisionRecord] = [
    // EfficientNet-Lite0, -Lite1 and -Lite2 as `cnnzoo pull` writes them, on a processor with AMX.
    "39044e4a1f9e6c5e10d97c63f5baf285e0a55c18bb490d553b1c741f10fa36e5":
      PrecisionRecord(bf16: 0.9962, int8: 0.9870),
    "f11e71dd502c6e814c961918e0e65f2a76a0fad5faf629f6b9a923ff1e44621e":
      PrecisionRecord(bf16: 0.9957, int8: 0.9893),
    "9cc592f9c112cb1b3b38fe8b7c72e82605ec3dd7a2c56d8d4f6504143a3c2da3":
      PrecisionRecord(bf16: 0.9975, int8: 0.9888),
  ]
}
