import Operators

/// The gradients of a convolution in Double, by their definition, for one image.
///
/// Maps are NHWC with channels not padded, weights in PyTorch's order.
struct GradientReference {
  var geometry: ConvolutionGeometry
  var groups = 1

  /// Calls `body` for every product of an input value and a weight that an output value sums.
  private func forEachProduct(_ body: (_ output: Int, _ input: Int, _ weight: Int) -> Void) {
    let g = geometry
    let perGroup = g.inputChannels / groups
    let outputsPerGroup = g.outputChannels / groups
    for row in 0..<g.outputHeight {
      for column in 0..<g.outputWidth {
        for tapRow in 0..<g.kernel {
          for tapColumn in 0..<g.kernel {
            let y = row * g.stride - g.paddingTop + tapRow
            let x = column * g.stride - g.paddingLeft + tapColumn
            guard 0..<g.inputHeight ~= y && 0..<g.inputWidth ~= x else { continue }
            for output in 0..<g.outputChannels {
              let first = output / outputsPerGroup * perGroup
              for channel in 0..<perGroup {
                body(
                  (row * g.outputWidth + column) * g.outputChannels + output,
                  (y * g.inputWidth + x) * g.inputChannels + first + channel,
                  ((output * perGroup + channel) * g.kernel + tapRow) * g.kernel + tapColumn)
              }
            }
          }
        }
      }
    }
  }

  /// The gradient with respect to the input.
  func input(weights: [Float], outputGradient: [Float]) -> [Double] {
    var result = [Double](
      repeating: 0, count: geometry.inputHeight * geometry.inputWidth * geometry.inputChannels)
    forEachProduct { result[$1] += Double(weights[$2]) * Double(outputGradient[$0]) }
    return result
  }

  /// The gradient with respect to the weights.
  func weights(input: [Float], outputGradient: [Float]) -> [Double] {
    let depth = geometry.kernel * geometry.kernel * geometry.inputChannels / groups
    var result = [Double](repeating: 0, count: geometry.outputChannels * depth)
    forEachProduct { result[$2] += Double(input[$1]) * Double(outputGradient[$0]) }
    return result
  }
}
