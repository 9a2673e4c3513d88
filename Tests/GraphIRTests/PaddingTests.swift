import GraphIR
import Testing

/// The arithmetic of padding, against a count of where kernels fit.
struct PaddingTests {
  @Test(arguments: Padding.allCases, [1, 3, 5, 7])
  func extent(_ padding: Padding, _ kernel: Int) {
    for stride in 1...2 {
      for input in 1...33 {
        let (output, before) = padding.extent(input: input, kernel: kernel, stride: stride)
        // The zeros that the rule allows, at both ends together.
        let total: Int
        switch padding {
        case .symmetric: total = kernel - 1
        case .same: total = max((output - 1) * stride + kernel - input, 0)
        }
        let starts = (0...input + total - kernel).count { $0 % stride == 0 }
        #expect(output == starts, "\(padding) input \(input) kernel \(kernel) stride \(stride)")
        #expect(before == total / 2, "\(padding) input \(input) kernel \(kernel) stride \(stride)")
        if padding == .same { #expect(output == (input + stride - 1) / stride) }
      }
    }
  }

  /// The case in which the rules differ: an even size with stride 2.
  @Test func evenSizeAtStrideTwo() {
    #expect(Padding.symmetric.extent(input: 224, kernel: 3, stride: 2) == (112, 1))
    #expect(Padding.same.extent(input: 224, kernel: 3, stride: 2) == (112, 0))
    #expect(Padding.same.extent(input: 225, kernel: 3, stride: 2) == (113, 1))
    #expect(Padding.same.extent(input: 14, kernel: 5, stride: 2) == (7, 1))
  }
}
