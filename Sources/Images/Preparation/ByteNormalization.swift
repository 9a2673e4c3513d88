import InstructionSets
import Kernels

/// Normalised values of RGB bytes, in the order of torchvision's operations: `(byte / 255 - mean) /
/// standardDeviation`, each rounded to `Float`.
package struct ByteNormalization {
  /// The value of each byte, 256 for each channel.
  private let table: [Float]
  /// See `NormalizedBytes`; empty if the kernel's values are others.
  private let constants: [Float]
  private let kernel: ResamplingKernel

  /// Whether vectors of bytes are normalised with products instead of the table; the values are the same.
  package var isVectorized: Bool { !constants.isEmpty }

  package init(_ preprocessing: Preprocessing, kernel: ResamplingKernel = .selected) {
    let (mean, deviation) = (preprocessing.mean, preprocessing.standardDeviation)
    table = (0..<768).map { index in
      (Float(index % 256) / 255 - mean[index / 256]) / deviation[index / 256]
    }
    let channels = (0..<NormalizedBytes.period).map { $0 % 3 }
    let constants =
      channels.map { mean[$0] } + channels.map { -deviation[$0] }
      + channels.map { 1 / deviation[$0] }
    self.kernel = kernel
    self.constants = Self.isExact(constants, table, kernel) ? constants : []
  }

  /// Whether the kernel's values are those of the table, for each byte of each channel.
  private static func isExact(
    _ constants: [Float], _ table: [Float], _ kernel: ResamplingKernel
  ) -> Bool {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 768) { bytes in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: 768) { values in
        for index in bytes.indices { bytes[index] = UInt8(index / 3) }
        run(kernel, constants, UnsafeBufferPointer(bytes), into: values.baseAddress)
        return values.indices.allSatisfy {
          values[$0].bitPattern == table[256 * ($0 % 3) + $0 / 3].bitPattern
        }
      }
    }
  }

  private static func run(
    _ kernel: ResamplingKernel, _ constants: [Float], _ bytes: UnsafeBufferPointer<UInt8>,
    into out: UnsafeMutablePointer<Float>?
  ) {
    constants.withUnsafeBufferPointer { constants in
      guard let source = bytes.baseAddress, let constants = constants.baseAddress, let out else {
        return
      }
      kernel.normalize(
        NormalizedBytes(source: source, count: bytes.count, constants: constants, out: out))
    }
  }

  /// Writes the values of some pixels, `step` floats apart.
  package func write(
    _ bytes: UnsafeBufferPointer<UInt8>, to out: UnsafeMutablePointer<Float>, step: Int = 3
  ) {
    var done = 0
    if step == 3 && !constants.isEmpty {
      done = bytes.count - bytes.count % NormalizedBytes.period
      Self.run(kernel, constants, UnsafeBufferPointer(rebasing: bytes[..<done]), into: out)
    }
    table.withUnsafeBufferPointer { table in
      guard let table = table.baseAddress else { return }
      var out = out + done / 3 * step
      var index = done
      while index < bytes.count {
        out[0] = table[Int(bytes[index])]
        out[1] = table[256 + Int(bytes[index + 1])]
        out[2] = table[512 + Int(bytes[index + 2])]
        out += step
        index += 3
      }
    }
  }
}
