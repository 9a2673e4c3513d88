import Host
import Glibc
import InstructionSets
import Kernels

/// The measured peak rates of this machine with a number of threads.
public struct MachineLimits: Sendable {
  /// Operations per second of all threads, two for each multiply-add.
  public let flops: Double
  /// The same by the precision of their operands.
  ///
  /// At f32 in registers only, at lower precision in the GEMM kernel on matrices in the L1 cache. A
  /// network of lower precision computes some layers at higher ones.
  public let flopsByPrecision: [Precision: Double]
  /// Bytes per second that all threads read together, from memory of each size.
  public let bandwidths: [(bytes: Int, bytesPerSecond: Double)]

  /// The limit that determines a lower bound.
  public enum Bound: String, Sendable {
    case compute, memory
  }

  /// Measures for about a fifth of a second.
  ///
  /// - Parameters:
  ///   - threads: the number of threads computing together.
  ///   - precision: the precision of the multiply-adds.
  /// - Throws: `ProcessorError` for a forced instruction set that is not supported, `OutOfMemory`.
  public init(threads: Int, precision: Precision = .f32) throws {
    let kernels = try InstructionSet.selected().kernels
    let pool = WorkerPool(count: threads)
    let scratch = try AlignedBuffer(count: 64 * pool.count)
    // 0.5 x + 0.5 stays at 1, so no value is slower than others.
    for index in 0..<scratch.count { scratch.base[index] = 0.5 }
    let rounds = 100_000
    let operations = 2 * rounds * RegisterLoop.chains * kernels.lanes * pool.count
    var rates = [
      Precision.f32: Double(operations)
        / Self.best {
          pool.run { worker in
            kernels.registerLoop(RegisterLoop(rounds: rounds, values: scratch.base + 64 * worker))
          }
        }
    ]
    if precision != .f32 {
      // Products of 16-bit integers count as bf16, and are faster than its emulation.
      let pairs = kernels.bf16.isEmulated ? kernels.int16 ?? kernels.bf16 : kernels.bf16
      rates[.bf16] = try Self.flops(of: pairs, pool)
    }
    if precision == .int8 { rates[.int8] = try Self.flops(of: kernels.int8, pool) }
    (flops, flopsByPrecision) = (rates[precision] ?? 0, rates)
    let sizes = [1 << 18, 1 << 21, 1 << 24, 1 << 26]
    let memory = try AlignedBuffer(count: sizes[3] / 4)
    for index in 0..<memory.count { memory.base[index] = 1 }
    bandwidths = sizes.map { bytes in
      let share = bytes / 4 / pool.count & ~127
      let passes = max(1, (1 << 24) / bytes)
      let seconds = Self.best {
        pool.run { worker in
          for _ in 0..<passes {
            kernels.streamLoop(
              StreamLoop(
                count: share, x: memory.base + worker * share,
                result: scratch.base + 64 * worker))
          }
        }
      }
      return (bytes, Double(4 * share * pool.count * passes) / seconds)
    }
  }

  /// The lower bound on the time of some work, in seconds, and the limit that determines it.
  ///
  /// - Parameters:
  ///   - multiplyAdds: the multiply-adds of the algorithm in use.
  ///   - bytes: the bytes read and written; the bandwidth is the one for memory of this size.
  public func bound(multiplyAdds: Int, bytes: Int) -> (seconds: Double, by: Bound) {
    bound(compute: 2 * Double(multiplyAdds) / flops, bytes: bytes)
  }

  /// The same for multiply-adds of different precisions.
  package func bound(_ multiplyAdds: [Precision: Int], bytes: Int) -> (seconds: Double, by: Bound) {
    // In a fixed order, so that the sum has the same bits.
    let compute = Precision.allCases.reduce(0) { seconds, precision in
      seconds + 2 * Double(multiplyAdds[precision] ?? 0) / (flopsByPrecision[precision] ?? flops)
    }
    return bound(compute: compute, bytes: bytes)
  }

  private func bound(compute: Double, bytes: Int) -> (seconds: Double, by: Bound) {
    let reading = bandwidths.first { $0.bytes >= bytes } ?? bandwidths[bandwidths.count - 1]
    let memory = Double(bytes) / reading.bytesPerSecond
    return compute >= memory ? (compute, .compute) : (memory, .memory)
  }

  /// Operations per second of a GEMM kernel on a few rows of A and a block of B that stay in the
  /// cache.
  ///
  /// Four tiles of rows where the kernel takes one through the epilogue while it multiplies the next.
  private static func flops(of gemm: GEMMKernel, _ pool: WorkerPool) throws -> Double {
    let (m, depth) = gemm.isTiled ? (4 * gemm.mr, 64) : (gemm.mr, 128)
    let (n, rounds) = (gemm.nr, 4000)
    let operands = try AlignedBuffer(count: depth * (m + n))
    let results = try AlignedBuffer(count: m * n * pool.count)
    // As bf16 and as bytes, these words are ordinary numbers.
    for index in 0..<operands.count { operands.base[index] = Float(bitPattern: 0x3f01_3f01) }
    let a = UnsafePointer(operands.base)
    let scales = Quantization(rows: a, steps: a, sums: a)
    let seconds = best {
      pool.run { worker in
        for _ in 0..<rounds {
          gemm.run(
            GEMMBlock(
              m: m, n: n, k: depth, a: a, lda: depth, b: a + depth * m,
              c: results.base + m * n * worker, ldc: n, quantization: scales))
        }
      }
    }
    return 2 * Double(m * n * depth * gemm.elementsPerWord * rounds * pool.count) / seconds
  }

  /// Seconds of the fastest of several runs.
  private static func best(_ body: () -> Void) -> Double {
    let times = (0..<7).map { _ in
      let start = MonotonicTime().seconds
      body()
      return MonotonicTime().seconds - start
    }
    return times.min() ?? .infinity
  }
}
