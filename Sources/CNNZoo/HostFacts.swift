import Operators

/// What of this machine decides how fast, and by which instructions, a network runs.
public enum HostFacts {
  /// Threads that this process may run at once: the lesser of affinity mask and cgroup quota.
  public static var allowedThreads: Int { Processor.allowedThreads }
  /// The processor's name.
  public static var processor: String { Processor.modelName }
  /// The instruction set of the kernels in use, such as `avx512`.
  public static var instructionSet: String { InstructionSet.selected().rawValue }
  /// The processor core that OpenBLAS's kernels are for, such as `SkylakeX`.
  public static var openBLASCore: String { Processor.openBLASCore }
  /// The value of `OPENBLAS_CORETYPE`, which pins that choice; `nil` where OpenBLAS chooses itself.
  public static var openBLASPin: String? {
    UserFolders.variable("OPENBLAS_CORETYPE").flatMap { $0.isEmpty ? nil : $0 }
  }
  /// What slows this process down though the machine could do better; `nil` where nothing does.
  public static var warning: String? {
    guard let pin = openBLASPin else { return nil }
    return "OPENBLAS_CORETYPE=\(pin) pins OpenBLAS to the kernels of one processor;"
      + " unset it to let OpenBLAS choose those of this one"
  }
}
