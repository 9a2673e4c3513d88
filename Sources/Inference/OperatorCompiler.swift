import GraphIR
import Operators

/// Chooses and packs the operator for each step.
struct OperatorCompiler {
  /// What was asked for, `auto` resolved.
  let backend: Backend
  let kernels: KernelTable

  /// - Throws: `ProcessorError` for a forced instruction set that is not there.
  init(backend: Backend) throws(ProcessorError) {
    let instructionSet = try InstructionSet.selected()
    self.backend = backend.resolved(for: instructionSet)
    kernels = instructionSet.kernels
  }

  /// The operator that computes `step`.
  ///
  /// - Parameters:
  ///   - isImage: whether the input is the network's, whose positions are not padded to 8 channels.
  ///   - partialSums: vectors of sums that the step's input was given, for a squeeze-excite.
  func makeOperator(
    for step: FusedGraph.Step, input: TensorShape, isImage: Bool, partialSums: Int,
    parameters: (any ParameterSource)?
  ) throws -> any Operator {
    switch step.kind {
    case .pool:
      return GlobalAveragePool(
        positions: input.positions, channels: input.channels, kernels: kernels)
    case .squeeze(let reduce, let positions):
      return try reduce.withFilter(from: parameters) { filter in
        try Squeeze(
          channels: input.channels, partialSums: partialSums, positions: positions,
          reduce: filter, kernels: kernels)
      }
    case .expandDepthwise(let expand, let depthwise):
      let expansion = try geometry(of: expand.node, input: input, isImage: isImage)
      let geometry = try geometry(of: depthwise.node, input: expand.node.shape, isImage: false)
      return try expand.withFilter(from: parameters) { expandFilter in
        try depthwise.withFilter(from: parameters) { depthwiseFilter in
          try ExpandDepthwise(
            expansion: expansion, expandFilter, depthwise: geometry, depthwiseFilter,
            kernels: kernels)
        }
      }
    case .expandProject(let expand, let project):
      let expansion = try geometry(of: expand.node, input: input, isImage: isImage)
      let geometry = try geometry(of: project.node, input: expand.node.shape, isImage: false)
      guard let form = WinogradVariant.best(for: expansion) else {
        throw InferenceError.unsupported(node: expand.node.name, operation: "a projection after it")
      }
      return try expand.withFilter(from: parameters) { expandFilter in
        try project.withFilter(from: parameters) { projectFilter in
          try ExpandProject(
            expansion: expansion, expandFilter, projection: geometry, projectFilter, form: form,
            kernels: kernels)
        }
      }
    case .convolution(let layer):
      let node = layer.node
      return try layer.withFilter(from: parameters) { filter in
        guard case .convolution(let convolution) = node.operation else {
          return try makeLinear(inputs: input.channels, outputs: node.shape.channels, filter)
        }
        let geometry = try geometry(of: node, input: input, isImage: isImage)
        if convolution.groups == 1 {
          return try makeConvolution(geometry, filter, gatesInput: step.gate != nil)
        }
        guard step.residual == nil else {
          throw InferenceError.unsupported(node: node.name, operation: "a residual after it")
        }
        return try DepthwiseConvolution(geometry, filter, kernels: kernels)
      }
    }
  }

  /// The kind of step that computes two convolutions of which the second alone reads the first, if
  /// there is an operator for it.
  func join(
    _ first: FusedGraph.Step, _ second: FusedGraph.Step, input: TensorShape, isImage: Bool
  ) -> FusedGraph.Step.Kind? {
    guard backend != .blas, case .convolution(let expand) = first.kind,
      case .convolution(let layer) = second.kind,
      case .convolution(let one) = expand.node.operation, one.groups == 1,
      case .convolution(let two) = layer.node.operation
    else { return nil }
    if one.isPointwise && two.groups > 1 && second.residual == nil {
      return .expandDepthwise(expand: expand, depthwise: layer)
    }
    if two.isPointwise && two.groups == 1,
      let geometry = try? geometry(of: expand.node, input: input, isImage: isImage),
      WinogradVariant.best(for: geometry) != nil
    {
      return .expandProject(expand: expand, project: layer)
    }
    return nil
  }

  private typealias Layer = FusedGraph.Step.Layer

  private func geometry(
    of node: Node, input: TensorShape, isImage: Bool
  ) throws(InferenceError) -> ConvolutionGeometry {
    guard case .convolution(let convolution) = node.operation,
      convolution.groups == 1
        || (convolution.groups == input.channels && node.shape.channels == input.channels)
    else { throw .unsupported(node: node.name, operation: "a grouped convolution") }
    return ConvolutionGeometry(convolution, input: input, output: node.shape, isImage: isImage)
  }

  private func makeConvolution(
    _ geometry: ConvolutionGeometry, _ filter: ConvolutionFilter, gatesInput: Bool
  ) throws -> any Operator {
    switch backend {
    case .blas where geometry.isPointwise && geometry.outputPositions == 1 && !gatesInput:
      return try BLASLinear(
        inputs: geometry.inputChannels, outputs: geometry.outputChannels, filter, kernels: kernels)
    case .blas:
      return try BLASConvolution(geometry, filter, gatesInput: gatesInput, kernels: kernels)
    case .simd, .auto:
      if let form = WinogradVariant.best(for: geometry) {
        return try WinogradConvolution(geometry, filter, form: form, kernels: kernels)
      }
      return geometry.isPointwise
        ? try PackedPointwise(geometry, filter, gatesInput: gatesInput, kernels: kernels)
        : try DirectConvolution(geometry, filter, kernels: kernels)
    }
  }

  private func makeLinear(
    inputs: Int, outputs: Int, _ filter: ConvolutionFilter
  ) throws -> any Operator {
    switch backend {
    case .blas: try BLASLinear(inputs: inputs, outputs: outputs, filter, kernels: kernels)
    case .simd, .auto: try PackedLinear(inputs: inputs, filter, kernels: kernels)
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

extension Convolution {
  /// Whether every output is a product with the input at its own position.
  fileprivate var isPointwise: Bool { kernel == 1 && stride == 1 }
}
