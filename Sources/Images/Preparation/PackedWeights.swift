import InstructionSets
import Kernels

extension ResamplingKernel {
  /// The fastest kernel of this processor, or of the instruction set that `CNNZOO_ISA` names.
  package static let selected = ((try? InstructionSet.selected()) ?? .baseline).kernels.resampling
}

/// The weights for resizing rows along themselves, as a kernel reads them.
final class PackedRowWeights: Sendable {
  /// Pixels that a row is resized to.
  let count: Int
  /// Bytes that a resized row takes in memory, with those that the kernel writes beyond its end.
  let paddedBytes: Int
  /// Bytes that the kernel reads, from the beginning of a row.
  let reach: Int
  private let kernel: ResamplingKernel
  private let groups: Int
  private let blocks: Int
  private let offsets: [Int32]
  private let words: [Float]

  /// - Parameters:
  ///   - weights: The weights of a row of pixels.
  ///   - origin: The first pixel in memory.
  init(_ weights: ResamplingWeights, origin: Int, kernel: ResamplingKernel) {
    let (pixels, taps) = (kernel.pixels, kernel.tapsPerWord)
    self.kernel = kernel
    count = weights.count
    groups = (count + pixels - 1) / pixels
    blocks = ((weights.counts.max() ?? 1) + taps - 1) / taps
    paddedBytes = 3 * pixels * groups + 4
    let (groups, blocks) = (groups, blocks)
    var offsets = [Int32](repeating: 0, count: groups * blocks * pixels)
    var words = [Float](repeating: 0, count: groups * blocks * kernel.digits * 4 * pixels)
    for output in 0..<groups * pixels {
      let (group, pixel) = output.quotientAndRemainder(dividingBy: pixels)
      // The surplus pixels of the last group read where its last one does.
      let first = weights.starts[min(output, count - 1)] - origin
      for block in 0..<blocks {
        let index = group * blocks + block
        offsets[index * pixels + pixel] = Int32(3 * (first + taps * block))
        guard output < count else { continue }
        weights.withWeights(of: output) { all in
          guard taps * block < all.count else { return }
          let some = all[taps * block..<min(taps * (block + 1), all.count)]
          kernel.forEachWord(of: UnsafeBufferPointer(rebasing: some)) { digit, word in
            let base = ((index * kernel.digits + digit) * pixels + pixel) * 4
            for channel in 0..<3 { words[base + channel] = Float(bitPattern: word) }
          }
        }
      }
    }
    reach = Int(offsets.max() ?? 0) + 16
    (self.offsets, self.words) = (offsets, words)
  }

  /// Resizes a row; ``reach`` bytes of `source` are readable, ``paddedBytes`` of `target` writable.
  func resize(_ source: UnsafePointer<UInt8>, into target: UnsafeMutablePointer<UInt8>) {
    offsets.withUnsafeBufferPointer { offsets in
      words.withUnsafeBufferPointer { words in
        kernel.resizeRow(
          ResampledRow(
            source: source, target: target, groups: groups, blocks: blocks,
            offsets: offsets.baseAddress!, words: words.baseAddress!))
      }
    }
  }
}

/// The weights for adding rows, as a kernel reads them.
final class PackedColumnWeights: Sendable {
  /// The input rows of each output row, in order: none begins or ends before its predecessor.
  let inputs: [Range<Int>]
  /// The largest number of input rows of an output row.
  let mostInputs: Int
  /// Bytes beyond the end of each row that are read, and written to the sum.
  static let slack = 15
  private let kernel: ResamplingKernel
  private let stride: Int
  private let words: [Float]

  init(_ weights: ResamplingWeights, kernel: ResamplingKernel) {
    self.kernel = kernel
    inputs = zip(weights.starts, weights.counts).map { $0..<$0 + $1 }
    mostInputs = weights.counts.max() ?? 1
    let taps = kernel.tapsPerWord
    let stride = (mostInputs + taps - 1) / taps * kernel.digits
    var words = [Float](repeating: 0, count: inputs.count * stride)
    for output in inputs.indices {
      weights.withWeights(of: output) { all in
        for first in Swift.stride(from: 0, to: all.count, by: taps) {
          let some = all[first..<min(first + taps, all.count)]
          kernel.forEachWord(of: UnsafeBufferPointer(rebasing: some)) { digit, word in
            words[output * stride + first / taps * kernel.digits + digit] = Float(bitPattern: word)
          }
        }
      }
    }
    (self.stride, self.words) = (stride, words)
  }

  /// Adds `count` bytes of each input row of an output row.
  ///
  /// - Parameters:
  ///   - rows: Scratch for pointers, at least ``pointers``.
  ///   - row: The bytes of an input row.
  func add(
    _ output: Int, count: Int, rows: UnsafeMutablePointer<UnsafePointer<UInt8>>,
    into target: UnsafeMutablePointer<UInt8>, row: (Int) -> UnsafePointer<UInt8>
  ) {
    let inputs = inputs[output]
    let blocks = (inputs.count + kernel.tapsPerWord - 1) / kernel.tapsPerWord
    for index in 0..<blocks * kernel.tapsPerWord {
      rows[index] = index < inputs.count ? row(inputs.lowerBound + index) : rows[0]
    }
    words.withUnsafeBufferPointer { words in
      kernel.addRows(
        WeightedRows(
          rows: rows, blocks: blocks, words: words.baseAddress! + output * stride, count: count,
          target: target))
    }
  }

  /// The number of pointers that ``add(_:count:rows:into:row:)`` needs.
  var pointers: Int { mostInputs + kernel.tapsPerWord }
}
