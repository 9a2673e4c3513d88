import CSystem
import Glibc
import Kernels
import KernelsBaseline

#if arch(x86_64)
  import KernelsAVX2
  import KernelsAVX512
#endif

/// A set of vector instructions that the kernels are compiled for.
public enum InstructionSet: String, Hashable, Sendable, CaseIterable {
  /// x86-64-v4: 16 floats at a time, fused multiply-add.
  case avx512
  /// x86-64-v3: 8 floats at a time, fused multiply-add.
  case avx2
  /// The instructions that every processor of this architecture has: 4 floats at a time.
  case baseline

  /// Whether this processor and operating system support it.
  public var isSupported: Bool {
    switch self {
    case .avx512: csystem_has_x86_64_v4() != 0
    case .avx2: csystem_has_x86_64_v3() != 0
    case .baseline: true
    }
  }

  /// The environment variable that forces an instruction set.
  public static let environmentVariable = "CNNZOO_ISA"

  /// The instruction set named by `CNNZOO_ISA`, else the widest supported one.
  ///
  /// - Throws: `ProcessorError` if the variable names an unknown or unsupported instruction set.
  public static func selected() throws(ProcessorError) -> InstructionSet {
    guard let value = getenv(environmentVariable).map({ String(cString: $0) }), !value.isEmpty
    else { return allCases.first(where: \.isSupported) ?? .baseline }
    guard let forced = InstructionSet(rawValue: value) else {
      throw .unknownInstructionSet(value)
    }
    guard forced.isSupported else { throw .unsupportedInstructionSet(forced) }
    return forced
  }

  /// The kernels for this instruction set.
  ///
  /// Use this only if the instruction set is supported.
  package var kernels: KernelTable {
    switch self {
    #if arch(x86_64)
      case .avx512: KernelsAVX512.kernelTable()
      case .avx2: KernelsAVX2.kernelTable()
    #else
      case .avx512, .avx2: KernelsBaseline.kernelTable()
    #endif
    case .baseline: KernelsBaseline.kernelTable()
    }
  }
}

/// Why the requested instruction set cannot be used.
public enum ProcessorError: Error, Equatable, Sendable {
  case unknownInstructionSet(String)
  case unsupportedInstructionSet(InstructionSet)
}

extension ProcessorError: CustomStringConvertible {
  /// One line: what is wrong and what to do.
  public var description: String {
    let names = InstructionSet.allCases.filter(\.isSupported).map(\.rawValue)
      .joined(separator: ", ")
    let hint = "set \(InstructionSet.environmentVariable) to one of \(names), or unset it"
    switch self {
    case .unknownInstructionSet(let name):
      return "\(InstructionSet.environmentVariable)=\(name) is not an instruction set; \(hint)"
    case .unsupportedInstructionSet(let set):
      return "this processor does not support \(set.rawValue); \(hint)"
    }
  }
}
