// Options and errors use this type, so importing this module imports it too.
@_exported import enum Operators.Precision
import InstructionSets
import Operators

extension Precision {
  /// Whether the kernels in use have no instructions for its products.
  ///
  /// The products are then emulated, with the same rounding but no faster than f32.
  ///
  /// - Throws: `ProcessorError` if the environment forces an instruction set that is unknown or
  ///   unsupported.
  public func isEmulated() throws -> Bool {
    try InstructionSet.selected().kernels.gemm(ProductPrecision(self)).isEmulated
  }
}
