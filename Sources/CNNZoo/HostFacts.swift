import Host
import Operators

/// What of this machine decides how fast, and by which instructions, a network runs.
public enum HostFacts {
  /// Threads that this process may run at once: the lesser of affinity mask and cgroup quota.
  public static var allowedThreads: Int { Processor.allowedThreads }

  /// The processors that the affinity mask allows, such as `0-3,8`; `nil` where the system does not
  /// tell.
  public static var allowedProcessors: String? { Processor.allowedProcessors }

  /// Threads of the whole machine that ran or waited to run in the last minute; `nil` where the
  /// system does not tell.
  public static var load: Double? { Processor.load }

  /// The processor's name.
  public static var processor: String { Processor.modelName }

  /// The instruction set of the kernels in use, such as `avx512`.
  ///
  /// - Throws: `ProcessorError` where the environment forces one that is not there.
  public static func instructionSet() throws -> String { try InstructionSet.selected().rawValue }

  /// What `threads` threads of this machine can do at most, measured now.
  ///
  /// - Throws: `ProcessorError` where the environment forces an instruction set that is not there,
  ///   `OutOfMemory`.
  public static func limits(threads: Int) throws -> MachineLimits {
    try MachineLimits(threads: threads)
  }

  /// The processor core that OpenBLAS's kernels are for, such as `SkylakeX`; `nil` where OpenBLAS
  /// cannot be loaded.
  public static var openBLASCore: String? { OpenBLASInfo.core }

  /// The value of `OPENBLAS_CORETYPE`, which pins that choice; `nil` where OpenBLAS chooses itself.
  public static var openBLASPin: String? { OpenBLASInfo.pin }

  /// A sentence for the user where that pin slows OpenBLAS down; `nil` where nothing does.
  public static var warning: String? { OpenBLASInfo.pinWarning }
}

/// Why the instruction set that the environment forces cannot be used.
public typealias InstructionSetError = ProcessorError

/// What a machine can do at most, and how long a piece of work must take at least.
public typealias MachineLimits = Operators.MachineLimits

/// Why OpenBLAS, which the `blas` backend needs, cannot be used.
public typealias BLASError = OpenBLASError

/// What is thrown where a batch or an input needs more memory than there is.
public typealias OutOfMemoryError = OutOfMemory

/// Why LAPACKE, which learning needs, cannot be used.
public typealias LAPACKError = LAPACKEError
