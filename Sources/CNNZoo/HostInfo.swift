import Host
import InstructionSets
import Operators

/// Properties of this machine that determine how fast networks run.
public enum HostInfo {
  /// The number of threads that this process may run at once.
  ///
  /// The affinity mask or the cgroup quota, whichever is lower.
  public static var allowedThreads: Int { Processor.allowedThreads }

  /// The processors in the affinity mask, such as `0-3,8`; `nil` if unknown.
  public static var allowedProcessors: String? { Processor.allowedProcessors }

  /// The machine's load average over the last minute; `nil` if unknown.
  public static var load: Double? { Processor.load }

  /// The processor's name.
  public static var processor: String { Processor.modelName }

  /// The instruction set of the kernels in use, such as `avx512`.
  ///
  /// - Throws: `ProcessorError` if the environment forces one that is unknown or unsupported.
  public static func instructionSet() throws -> String { try InstructionSet.selected().rawValue }

  /// The instruction set, with the extensions that decide the bits of products of lower precision.
  package static func instructionSet(for precision: Precision) throws -> String {
    let set = try InstructionSet.selected()
    let extensions = precision == .f32 ? [] : set.supportedExtensions.map(\.rawValue).sorted()
    return ([set.rawValue] + extensions).joined(separator: " ")
  }

  /// Measures the peak rates of `threads` threads on this machine at a precision.
  ///
  /// - Throws: `ProcessorError` as `instructionSet()` does, `OutOfMemory`.
  public static func limits(
    threads: Int, precision: Precision = .f32
  ) throws -> MachineLimits {
    try MachineLimits(threads: threads, precision: precision)
  }

  /// The core type of OpenBLAS's kernels, such as `SkylakeX`; `nil` if OpenBLAS cannot be loaded.
  public static var openBLASCore: String? { OpenBLASInfo.core }

  /// The value of `OPENBLAS_CORETYPE`, which overrides the core type; `nil` if unset.
  public static var openBLASPin: String? { OpenBLASInfo.pin }

  /// A warning for the user if the override slows OpenBLAS down.
  public static var warning: String? { OpenBLASInfo.pinWarning }
}
