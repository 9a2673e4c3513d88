import GraphIR
import Operators

/// Chooses and packs the operator for each step.
struct OperatorCompiler {
  /// Resolved: `auto` packs as `simd`.
  let backend: Backend
  let kernels: KernelTable

  /// The operator that computes `step`.
  ///
  /// - Parameters:
  ///   - isImage: whether the input is the network's, whose positions are not padded to 8 channels.
  ///   - partialSums: vectors of sums that the step's input was given, for a squeeze-excite.
  func makeOperator(
    for step: FusedGraph.Step, input: TensorShape, isImage: Bool, partialSums: Int,
    parameters: some ParameterSource
  ) throws -> any Operator {
    switch step.kind {
    case .pool:
      return GlobalAveragePool(
        positions: input.positions, channels: input.channels, kernels: kernels)
    case .squeezeExcite(let reduce, let inner, let restore, let gate, let positions):
      return try FusedGraph.Step.withFilter(
        reduce, batchNorm: nil, activation: inner, from: parameters
      ) { reduceFilter in
        try FusedGraph.Step.withFilter(
          restore, batchNorm: nil, activation: gate, from: parameters
        ) { restoreFilter in
          SqueezeExcite(
            channels: input.channels, squeezed: reduce.shape.channels, partialSums: partialSums,
            positions: positions, reduce: reduceFilter, restore: restoreFilter, kernels: kernels)
        }
      }
    case .convolution(let node, let batchNorm, let activation):
      return try FusedGraph.Step.withFilter(
        node, batchNorm: batchNorm, activation: activation, from: parameters
      ) { filter in
        guard case .convolution(let convolution) = node.operation else {
          return makeLinear(inputs: input.channels, outputs: node.shape.channels, filter)
        }
        let geometry = ConvolutionGeometry(
          convolution, input: input, output: node.shape, isImage: isImage)
        if convolution.groups == 1 {
          return makeConvolution(geometry, filter, gatesInput: step.gate != nil)
        }
        guard convolution.groups == input.channels && node.shape.channels == input.channels,
          step.residual == nil
        else {
          throw InferenceError.unsupported(node: node.name, operation: "a grouped convolution")
        }
        return DepthwiseConvolution(geometry, filter, kernels: kernels)
      }
    }
  }

  private func makeConvolution(
    _ geometry: ConvolutionGeometry, _ filter: ConvolutionFilter, gatesInput: Bool
  ) -> any Operator {
    switch backend {
    case .blas:
      BLASConvolution(geometry, filter, gatesInput: gatesInput, kernels: kernels)
    case .simd where WinogradConvolution.suits(geometry),
      .auto where WinogradConvolution.suits(geometry):
      WinogradConvolution(geometry, filter, kernels: kernels)
    case .simd, .auto:
      PackedConvolution(geometry, filter, gatesInput: gatesInput, kernels: kernels)
    }
  }

  private func makeLinear(
    inputs: Int, outputs: Int, _ filter: ConvolutionFilter
  ) -> any Operator {
    switch backend {
    case .blas: BLASLinear(inputs: inputs, outputs: outputs, filter, kernels: kernels)
    case .simd, .auto: PackedLinear(inputs: inputs, filter, kernels: kernels)
    }
  }
}

extension ConvolutionGeometry {
  fileprivate init(
    _ convolution: Convolution, input: TensorShape, output: TensorShape, isImage: Bool
  ) {
    func before(_ size: Int) -> Int {
      convolution.padding.extent(
        input: size, kernel: convolution.kernel, stride: convolution.stride
      ).before
    }
    self.init(
      inputHeight: input.height, inputWidth: input.width, inputChannels: input.channels,
      inputStep: isImage ? input.channels : channelStep(input.channels),
      outputHeight: output.height, outputWidth: output.width, outputChannels: output.channels,
      kernel: convolution.kernel, stride: convolution.stride,
      paddingTop: before(input.height), paddingLeft: before(input.width))
  }
}
