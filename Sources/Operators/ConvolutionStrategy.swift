import Kernels

/// How a layer, or two fused layers, are computed.
///
/// Only `choose` and `fuse` select a strategy. They depend only on shapes and the compute target,
/// so that the choice can be printed, compared and tested before any weights are read.
package enum ConvolutionStrategy: Hashable, Sendable {
  /// 1×1 by our packed GEMM, reading the feature map in place at f32.
  case gemm(ProductPrecision)
  /// The same by OpenBLAS.
  case sgemm
  /// k×k by OpenBLAS, gathering a panel of positions at a time.
  case im2colSgemm
  /// k×k by our packed GEMM, reading the feature map in place.
  case direct
  /// 3×3 in the Winograd domain.
  case winograd(WinogradVariant, ProductPrecision)
  /// k×k in bf16 by products of tiles, from converted rows.
  case converted
  case depthwise
  /// A fully connected layer by our packed GEMM.
  case linear(ProductPrecision)
  /// A fully connected layer by OpenBLAS, image by image.
  case sgemv
  /// 1×1, then depthwise, through the cache.
  case expandDepthwise(ProductPrecision)
  /// 3×3 in the Winograd domain, then 1×1, through the cache.
  case winogradProject(WinogradVariant, ProductPrecision, project: ProductPrecision)
  /// k×k in bf16 by products of tiles, then 1×1, through the cache.
  case convertedProject(ProductPrecision)

  /// The strategy for one layer; `nil` if there is none.
  ///
  /// - Parameters:
  ///   - isGated: whether squeeze-excite's gate multiplies the input.
  ///   - hasResidual: whether a residual is added to the output.
  ///   - feedsResiduals: whether later layers add to the output, so that its errors stay.
  package static func choose(
    for layer: ConvolutionLayer, isGated: Bool, hasResidual: Bool, feedsResiduals: Bool,
    on target: ComputeTarget
  ) -> ConvolutionStrategy? {
    let geometry = layer.geometry
    if isGated && !(layer.kind == .convolution && geometry.isPointwise) { return nil }
    switch (layer.kind, target.gemm) {
    case (.depthwise, _): return hasResidual ? nil : .depthwise
    case (.linear, .kernels): return .linear(precision(of: layer, on: target))
    case (.linear, .openBLAS): return .sgemv
    case (.convolution, .openBLAS):
      guard geometry.isPointwise else { return .im2colSgemm }
      return geometry.outputPositions == 1 && !isGated && !hasResidual ? .sgemv : .sgemm
    case (.convolution, .kernels):
      if convertsRows(layer, on: target) { return .converted }
      if let variant = winogradVariant(for: geometry) {
        return .winograd(variant, winogradPrecision(of: layer, on: target))
      }
      guard geometry.isPointwise else { return .direct }
      return .gemm(precision(of: layer, feedsResiduals: feedsResiduals, on: target))
    }
  }

  /// The strategy for fusing two layers; `nil` if they are better computed one by one.
  ///
  /// Only the second layer may read the output of the first. `hasResidual` and `feedsResiduals` are
  /// about the second.
  package static func fuse(
    _ first: ConvolutionLayer, _ second: ConvolutionLayer, hasResidual: Bool,
    feedsResiduals: Bool, on target: ComputeTarget
  ) -> ConvolutionStrategy? {
    guard case .kernels = target.gemm, first.kind == .convolution else { return nil }
    switch second.kind {
    case .depthwise:
      return first.geometry.isPointwise && !hasResidual
        ? .expandDepthwise(precision(of: first, on: target)) : nil
    case .convolution:
      guard second.geometry.isPointwise else { return nil }
      let precision = precision(of: second, feedsResiduals: feedsResiduals, on: target)
      if convertsRows(first, on: target) { return .convertedProject(precision) }
      return winogradVariant(for: first.geometry).map {
        .winogradProject($0, winogradPrecision(of: first, on: target), project: precision)
      }
    case .linear: return nil
    }
  }

  /// The precision of a layer's product.
  ///
  /// Converting a row must cost less than its product saves. With AMX, MobileNetV3-Large's expansions
  /// from 16 channels take 1.15 times as long in bf16 as in f32, those from 24 as long, and those from
  /// 40 0.7 to 0.95 times. With AVX-512 BF16 they take 0.85, 0.8 and 0.75 times; but at bf16 those from
  /// 16 and 24 would change the class of half as many images again with MobileNetV3-Small, and save 2 % of
  /// its time. Quantizing takes two passes over a row, so int8 has bf16 below 96 inputs.
  ///
  /// What feeds residuals is computed almost as in f32: the first projection of each stage, 12 % of the
  /// multiply-adds in EfficientNet-Lite0 and MobileNetV3-Large, causes 70 % of Lite0's error (the
  /// variance of the logits' differences from f32) if its operands are rounded to bf16. So are projections
  /// to at most 24 channels, 3 % of the multiply-adds, which cause a quarter of the rest. Among the larger
  /// errors of int8, those of bf16 in first projections to more than 48 channels do not count.
  ///
  /// At bf16, small maps are quantized to 16 bits: that costs 3 % of MobileNetV3-Small's time, and leaves a
  /// quarter of its error.
  ///
  /// Depthwise convolutions stay in f32, because they hardly benefit.
  private static func precision(
    of layer: ConvolutionLayer, feedsResiduals: Bool = false, on target: ComputeTarget
  ) -> ProductPrecision {
    let (inputs, outputs) = (layer.geometry.inputChannels, layer.geometry.outputChannels)
    let kernels = target.kernels
    let isInt8 = target.precision == .int8
    guard target.precision != .f32, inputs >= (isInt8 && !kernels.bf16.isTiled ? 16 : 40) else {
      return .f32
    }
    if feedsResiduals && !(isInt8 && outputs > 48)
      || layer.nonlinearity == .identity && outputs <= 24
    {
      return kernels.bf16x3 != nil ? .bf16x3 : int16IfFaster(layer, on: target)
    }
    if isInt8 {
      guard feedsResiduals || inputs < 96 else { return .int8 }
      return kernels.bf16.isEmulated ? int16IfFaster(layer, on: target) : .bf16
    }
    let isSmall = inputs * layer.geometry.outputPositions <= 16_000
    return isSmall && kernels.int16 != nil && kernels.bf16x3 == nil ? .int16 : .bf16
  }

  /// 16-bit integers where there is an instruction for them, and a product that saves more than quantizing
  /// costs.
  private static func int16IfFaster(
    _ layer: ConvolutionLayer, on target: ComputeTarget
  ) -> ProductPrecision {
    let vectors = (layer.geometry.outputChannels + 15) / 16
    return target.kernels.int16 != nil && layer.geometry.inputChannels * vectors >= 200
      ? .int16 : .f32
  }

  /// Whether a k×k convolution is fastest in bf16.
  ///
  /// Only products of tiles (AMX) have so many multiply-adds to spare that the direct method beats
  /// Winograd's. Positions are padded to 32 channels: below 16, more than half would be zeros.
  private static func convertsRows(_ layer: ConvolutionLayer, on target: ComputeTarget) -> Bool {
    target.precision != .f32 && target.kernels.bf16.isTiled && layer.kind == .convolution
      && layer.geometry.kernel > 1 && layer.geometry.inputChannels >= 16
  }

  /// The precision of Winograd's products.
  ///
  /// The transforms amplify rounding errors 5 to 15 times: too much for bf16, but products of 16-bit integers
  /// stay as accurate as other layers in bf16. With few inputs, quantizing costs more than it saves.
  private static func winogradPrecision(
    of layer: ConvolutionLayer, on target: ComputeTarget
  ) -> ProductPrecision {
    target.precision != .f32 && target.kernels.int16 != nil && layer.geometry.inputChannels >= 40
      ? .int16 : .f32
  }

  /// Winograd's variant for a convolution, or `nil` where the direct method is faster.
  ///
  /// For stride 1, this is the variant with fewer multiplications, including those of overhanging
  /// tiles: 6×6 on all but small maps. Milliseconds for EfficientNetV2-S's blocks, including the
  /// projection, on one core of a Zen 4 with AVX-512 (113 GFLOP/s):
  ///
  ///     map  channels        direct   4×4   6×6   stride 2
  ///     192  24 → 24                  1.85  1.57
  ///      96  48 → 192 → 48            6.2   5.5
  ///      48  64 → 256 → 64            2.6   2.35
  ///      96  24 → 96 → 48      5.6                3.9
  ///      48  48 → 192 → 64     4.4                3.0
  ///
  /// Below 16 input channels the transforms cost more than they save.
  private static func winogradVariant(for geometry: ConvolutionGeometry) -> WinogradVariant? {
    guard geometry.kernel == 3, geometry.inputChannels >= 16, geometry.inputChannels % 8 == 0,
      geometry.outputPositions >= 64
    else { return nil }
    func multiplications(_ variant: WinogradVariant) -> Int {
      let across = (geometry.outputWidth + variant.outputs - 1) / variant.outputs
      let down = (geometry.outputHeight + variant.outputs - 1) / variant.outputs
      return across * down * variant.inputs * variant.inputs
    }
    return WinogradVariant.allCases.filter { $0.stride == geometry.stride }
      .min { multiplications($0) < multiplications($1) }
  }

  /// The operator that computes `layers` this way.
  ///
  /// - Parameter layers: one, or two for a fused strategy, as passed to `choose` or `fuse`.
  package func makeOperator(
    for layers: [ConvolutionLayer], isGated: Bool, on target: ComputeTarget
  ) -> any Operator {
    let kernels = target.kernels
    return switch self {
    case .gemm(let precision):
      GEMMConvolution(layers[0], precision, isGated: isGated, on: target)
    case .sgemm, .im2colSgemm: GEMMConvolution(layers[0], .f32, isGated: isGated, on: target)
    case .direct: DirectConvolution(layers[0], kernels: kernels)
    case .winograd(let variant, let precision):
      WinogradConvolution(layers[0], variant, precision, kernels: kernels)
    case .converted: ConvertedConvolution(layers[0], on: target)
    case .convertedProject(let precision):
      ConvertedConvolution(layers[0], project: (layers[1], precision), on: target)
    case .depthwise: DepthwiseConvolution(layers[0], kernels: kernels)
    case .linear(let precision): LinearLayer(layers[0], precision, on: target)
    case .sgemv: LinearLayer(layers[0], .f32, on: target)
    case .expandDepthwise(let precision):
      ExpandDepthwise(layers[0], layers[1], precision, on: target)
    case .winogradProject(let variant, let precision, let projection):
      WinogradProject(layers[0], layers[1], variant, precision, project: projection, on: target)
    }
  }
}

extension ConvolutionStrategy {
  /// Multiply-adds for one image, by the precision of their operands.
  ///
  /// - Parameters:
  ///   - layers: As passed to `makeOperator`.
  ///   - total: The multiply-adds of the operator.
  package func arithmetic(of layers: [ConvolutionLayer], total: Int) -> [Precision: Int] {
    let (first, second): (ProductPrecision, ProductPrecision)
    switch self {
    case .gemm(let precision), .linear(let precision): (first, second) = (precision, .f32)
    case .converted: (first, second) = (.bf16, .f32)
    case .expandDepthwise(let precision): (first, second) = (precision, .f32)
    case .winograd(_, let precision): (first, second) = (precision, .f32)
    case .winogradProject(_, let precision, let projection):
      (first, second) = (precision, projection)
    case .convertedProject(let precision): (first, second) = (.bf16, precision)
    case .sgemm, .im2colSgemm, .direct, .depthwise, .sgemv:
      (first, second) = (.f32, .f32)
    }
    let last = layers.dropFirst().reduce(0) { $0 + $1.macs }
    var counts: [Precision: Int] = [:]
    for (precision, count) in [(first, total - last), (second, last)] where count > 0 {
      switch precision {
      case .f32: counts[.f32, default: 0] += count
      case .bf16: counts[.bf16, default: 0] += count
      case .int8: counts[.int8, default: 0] += count
      case .bf16x3: counts[.bf16, default: 0] += 3 * count
      case .int16: counts[.bf16, default: 0] += count
      }
    }
    return counts
  }
}

extension ConvolutionStrategy: CustomStringConvertible {
  /// A short name for plans and tables.
  package var description: String {
    switch self {
    case .gemm(let precision): "gemm\(Self.suffix(precision))"
    case .sgemm: "sgemm"
    case .im2colSgemm: "im2col + sgemm"
    case .direct: "direct"
    case .winograd(let variant, let precision):
      "winograd \(variant.tile)\(Self.suffix(precision))"
    case .converted: "direct bf16"
    case .convertedProject(let precision): "direct bf16 + project\(Self.suffix(precision))"
    case .depthwise: "depthwise"
    case .linear(let precision): "linear\(Self.suffix(precision))"
    case .sgemv: "sgemv"
    case .expandDepthwise(let precision): "expand\(Self.suffix(precision)) + depthwise"
    case .winogradProject(let variant, let precision, let projection):
      "winograd \(variant.tile)\(Self.suffix(precision)) + project\(Self.suffix(projection))"
    }
  }

  /// Names the precision unless it is f32.
  private static func suffix(_ precision: ProductPrecision) -> String {
    precision == .f32 ? "" : " \(precision.rawValue)"
  }
}
