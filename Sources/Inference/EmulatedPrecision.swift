// Options and errors name it: importing this module imports it too.
@_exported import enum Operators.Precision
import Operators

extension Precision {
  /// Whether the kernels in use lack instructions for its products.
  ///
  /// They are then emulated: same rounding, but no faster than f32. In int8, layers with few inputs
  /// use bf16, which may be emulated where int8 is not.
  ///
  /// - Throws: `ProcessorError` if the environment forces an instruction set that is unknown or
  ///   unsupported.
  public func isEmulated() throws -> Bool {
    try InstructionSet.selected().kernels.gemm(self).isEmulated
  }
}
