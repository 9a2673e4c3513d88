import CSystem
import Glibc
import Kernels
import KernelsBaseline

#if arch(x86_64)
  import KernelsAMX
  import KernelsAVX2
  import KernelsAVX512
  import KernelsAVX512BF16
  import KernelsAVX512VNNI
  import KernelsAVXVNNI
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

  /// The extensions for lower precision that this processor also has.
  package var supportedExtensions: Set<InstructionSetExtension> {
    switch self {
    case .avx512:
      Set(
        (csystem_has_avx512_bf16() != 0 ? [.bf16] : [])
          + (csystem_has_avx512_vnni() != 0 ? [.vnni] : [])
          + (csystem_request_amx() != 0 ? [.amx] : []))
    case .avx2: csystem_has_avx_vnni() != 0 ? [.vnni] : []
    case .baseline: []
    }
  }

  /// The kernels for this instruction set, with all extensions of this processor.
  ///
  /// Use this only if the instruction set is supported.
  package var kernels: KernelTable { kernels(with: supportedExtensions) }

  /// The kernels with some extensions, all of which must be supported.
  package func kernels(with extensions: Set<InstructionSetExtension>) -> KernelTable {
    #if arch(x86_64)
      var table =
        switch self {
        case .avx512: KernelsAVX512.kernelTable()
        case .avx2: KernelsAVX2.kernelTable()
        case .baseline: KernelsBaseline.kernelTable()
        }
      switch self {
      case .avx512:
        if extensions.contains(.bf16) {
          table.bf16 = KernelsAVX512BF16.bf16Kernel()
          table.training.bf16WeightGradient = KernelsAVX512BF16.bf16WeightGradientKernel()
        }
        if extensions.contains(.vnni) {
          table.int8 = KernelsAVX512VNNI.int8Kernel()
          table.int16 = KernelsAVX512VNNI.int16Kernel()
          table.resampling = KernelsAVX512VNNI.resamplingKernel()
        }
        if extensions.contains(.amx) {
          table.bf16 = KernelsAMX.bf16Kernel()
          table.bf16x3 = KernelsAMX.bf16x3Kernel()
          table.int8 = KernelsAMX.int8Kernel()
        }
      case .avx2:
        if extensions.contains(.vnni) {
          table.int8 = KernelsAVXVNNI.int8Kernel()
          table.int16 = KernelsAVXVNNI.int16Kernel()
          table.resampling = KernelsAVXVNNI.resamplingKernel()
        }
      case .baseline: break
      }
      return table
    #else
      return KernelsBaseline.kernelTable()
    #endif
  }
}

/// Instructions that some processors of a set have and others lack.
package enum InstructionSetExtension: String, Hashable, Sendable, CaseIterable {
  /// Products of bfloat16: AVX-512 BF16.
  case bf16
  /// Products of 8-bit integers: AVX-512 VNNI, or AVX-VNNI.
  case vnni
  /// Products of tiles of either: AMX.
  case amx
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
