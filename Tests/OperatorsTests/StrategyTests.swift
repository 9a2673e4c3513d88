import InstructionSets
import Operators
import Testing

/// What `ConvolutionStrategy` chooses, from shapes alone.
struct StrategyTests {
  private static let set = InstructionSet.supported[0]

  private func layer(
    _ size: Int, _ input: Int, _ output: Int, kernel: Int = 1, stride: Int = 1,
    kind: ConvolutionLayer.Kind = .convolution, _ nonlinearity: Nonlinearity = .relu
  ) -> ConvolutionLayer {
    ConvolutionLayer(
      kind: kind,
      geometry: ConvolutionGeometry(
        inputHeight: size, inputWidth: size, inputChannels: input,
        inputStride: channelStride(input),
        outputHeight: (size + stride - 1) / stride, outputWidth: (size + stride - 1) / stride,
        outputChannels: output, kernel: kernel, stride: stride, paddingTop: kernel / 2,
        paddingLeft: kernel / 2), nonlinearity: nonlinearity)
  }

  private func choose(
    _ layer: ConvolutionLayer, isGated: Bool = false, hasResidual: Bool = false
  ) -> ConvolutionStrategy? {
    .choose(
      for: layer, isGated: isGated, hasResidual: hasResidual, feedsResiduals: false,
      on: .kernels(Self.set))
  }

  private func fuse(
    _ first: ConvolutionLayer, _ second: ConvolutionLayer, hasResidual: Bool = false
  ) -> ConvolutionStrategy? {
    .fuse(
      first, second, hasResidual: hasResidual, feedsResiduals: false, on: .kernels(Self.set))
  }

  @Test func singleLayers() {
    #expect(choose(layer(14, 40, 80)) == .gemm(.f32))
    #expect(choose(layer(14, 40, 80), isGated: true, hasResidual: true) == .gemm(.f32))
    #expect(choose(layer(14, 40, 80, stride: 2)) == .direct)
    #expect(choose(layer(112, 3, 24, kernel: 3, stride: 2)) == .direct)
    #expect(choose(layer(14, 40, 40, kernel: 5, kind: .depthwise)) == .depthwise)
    #expect(choose(layer(1, 1280, 1000, kind: .linear)) == .linear(.f32))
  }

  /// Which part of two fused layers has which precision.
  @Test func arithmetic() {
    let expand = layer(14, 80, 480)
    let depthwise = layer(14, 480, 480, kernel: 5, kind: .depthwise)
    let (expanded, spread) = (14 * 14 * 80 * 480, 14 * 14 * 25 * 480)
    func arithmetic(
      _ strategy: ConvolutionStrategy, _ layers: [ConvolutionLayer], _ total: Int
    ) -> [Precision: Int] { strategy.arithmetic(of: layers, total: total) }
    #expect(arithmetic(.gemm(.f32), [expand], expanded) == [.f32: expanded])
    #expect(arithmetic(.gemm(.int8), [expand], expanded) == [.int8: expanded])
    #expect(arithmetic(.gemm(.bf16x3), [expand], expanded) == [.bf16: 3 * expanded])
    #expect(
      arithmetic(.expandDepthwise(.bf16), [expand, depthwise], expanded + spread)
        == [.bf16: expanded, .f32: spread])
    #expect(
      arithmetic(.expandDepthwise(.f32), [expand, depthwise], expanded + spread)
        == [.f32: expanded + spread])
    let project = layer(14, 480, 80)
    #expect(
      arithmetic(
        .winogradProject(.four, .f32, project: .bf16), [expand, project], 1000 + expanded)
        == [.f32: 1000, .bf16: expanded])
    #expect(
      arithmetic(
        .winogradProject(.four, .int16, project: .f32), [expand, project], 1000 + expanded)
        == [.bf16: 1000, .f32: expanded])
    #expect(
      arithmetic(.convertedProject(.f32), [expand, project], 1000 + expanded)
        == [.bf16: 1000, .f32: expanded])
    #expect(arithmetic(.winograd(.six, .f32), [expand], 7) == [.f32: 7])
  }

  @Test func impossibleLayers() {
    #expect(choose(layer(14, 40, 40, kernel: 5, kind: .depthwise), hasResidual: true) == nil)
    #expect(choose(layer(14, 40, 40, kernel: 3), isGated: true) == nil)
    #expect(choose(layer(1, 40, 40, kind: .linear), isGated: true) == nil)
  }

  /// Small maps use small tiles; if the transforms do not pay off or are impossible, the direct
  /// method.
  @Test func winogradVariants() {
    func choice(_ size: Int, channels: Int = 16, stride: Int = 1) -> ConvolutionStrategy? {
      choose(layer(size, channels, 16, kernel: 3, stride: stride))
    }
    #expect(choice(48) == .winograd(.six, .f32))
    #expect(choice(8) == .winograd(.four, .f32))
    #expect(choice(48, stride: 2) == .winograd(.fourStrided, .f32))
    #expect(choice(48, channels: 12) == .direct)
    #expect(choice(48, channels: 8) == .direct)
    #expect(choice(48, stride: 3) == .direct)
    #expect(choice(7) == .direct)
  }

  @Test func fusions() {
    let expand = layer(14, 40, 240)
    let depthwise = layer(14, 240, 240, kernel: 3, kind: .depthwise)
    let wide = layer(48, 48, 192, kernel: 3)
    let project = layer(48, 192, 48)
    #expect(fuse(expand, depthwise) == .expandDepthwise(.f32))
    #expect(fuse(expand, depthwise, hasResidual: true) == nil)
    #expect(fuse(wide, project, hasResidual: true) == .winogradProject(.six, .f32, project: .f32))
    #expect(fuse(expand, project) == nil)
    #expect(fuse(depthwise, project) == nil)
    #expect(fuse(layer(48, 12, 192, kernel: 3), project) == nil)
    #expect(fuse(wide, layer(48, 192, 48, kernel: 3)) == nil)
  }

  /// Winograd, depthwise and k×k layers stay in f32; bf16 needs 40 inputs to pay, int8 96.
  ///
  /// Where bf16 is emulated, it does not take int8's place.
  @Test(arguments: Precision.allCases)
  func precisions(_ precision: Precision) {
    let target = ComputeTarget(
      gemm: .kernels, kernels: Self.set.kernels(with: []), precision: precision)
    func choose(_ layer: ConvolutionLayer) -> ConvolutionStrategy? {
      .choose(
        for: layer, isGated: false, hasResidual: false, feedsResiduals: false, on: target)
    }
    func fuse(_ first: ConvolutionLayer, _ second: ConvolutionLayer) -> ConvolutionStrategy? {
      .fuse(first, second, hasResidual: false, feedsResiduals: false, on: target)
    }
    let product = ProductPrecision(precision)
    let shallow = product == .int8 ? .f32 : product
    #expect(choose(layer(14, 39, 80)) == .gemm(.f32))
    #expect(choose(layer(14, 40, 80)) == .gemm(shallow))
    #expect(choose(layer(14, 95, 80)) == .gemm(shallow))
    #expect(choose(layer(14, 96, 80)) == .gemm(product))
    #expect(choose(layer(1, 1280, 1000, kind: .linear)) == .linear(product))
    #expect(choose(layer(48, 16, 16, kernel: 3)) == .winograd(.six, .f32))
    #expect(choose(layer(112, 3, 24, kernel: 3, stride: 2)) == .direct)
    #expect(
      fuse(layer(14, 39, 240), layer(14, 240, 240, kernel: 3, kind: .depthwise))
        == .expandDepthwise(.f32))
    #expect(
      fuse(layer(14, 40, 240), layer(14, 240, 240, kernel: 3, kind: .depthwise))
        == .expandDepthwise(shallow))
    #expect(
      fuse(layer(14, 80, 480), layer(14, 480, 480, kernel: 3, kind: .depthwise))
        == .expandDepthwise(shallow))
    #expect(
      fuse(layer(48, 48, 192, kernel: 3), layer(48, 192, 48))
        == .winogradProject(.six, .f32, project: product))
  }

  /// With bf16 instructions, bf16 takes the place of int8 from 16 inputs on, and in first projections to
  /// more than 48 channels.
  @Test(
    .enabled(
      if: InstructionSet.avx512.isSupported
        && InstructionSet.avx512.supportedExtensions.contains(.bf16),
      "this processor lacks AVX-512 BF16"),
    arguments: Precision.allCases)
  func bf16InPlaceOfInt8(_ precision: Precision) {
    let target = ComputeTarget(
      gemm: .kernels, kernels: InstructionSet.avx512.kernels(with: [.bf16, .vnni]),
      precision: precision)
    func choose(_ inputs: Int, _ outputs: Int, feedsResiduals: Bool) -> ConvolutionStrategy? {
      .choose(
        for: layer(14, inputs, outputs), isGated: false, hasResidual: false,
        feedsResiduals: feedsResiduals, on: target)
    }
    let product = ProductPrecision(precision)
    let instead = product == .int8 ? .bf16 : product
    let onlyForInt8: ProductPrecision = precision == .int8 ? .bf16 : .f32
    let almostF32: ProductPrecision = precision == .f32 ? .f32 : .int16
    #expect(choose(15, 80, feedsResiduals: false) == .gemm(.f32))
    #expect(choose(16, 80, feedsResiduals: false) == .gemm(onlyForInt8))
    // Small maps are quantized to 16 bits.
    let small: ProductPrecision = precision == .bf16 ? .int16 : instead
    #expect(choose(40, 80, feedsResiduals: false) == .gemm(small))
    #expect(choose(81, 80, feedsResiduals: false) == .gemm(small))
    #expect(choose(82, 80, feedsResiduals: false) == .gemm(instead))
    #expect(choose(96, 80, feedsResiduals: false) == .gemm(product))
    for (inputs, products) in [(32, ProductPrecision.f32), (40, almostF32)] {
      #expect(
        ConvolutionStrategy.choose(
          for: layer(48, inputs, 64, kernel: 3), isGated: false, hasResidual: false,
          feedsResiduals: false, on: target) == .winograd(.six, products))
    }
    #expect(choose(144, 48, feedsResiduals: true) == .gemm(almostF32))
    // Quantizing costs more than such narrow products save.
    #expect(choose(96, 24, feedsResiduals: true) == .gemm(.f32))
    #expect(choose(144, 49, feedsResiduals: true) == .gemm(precision == .int8 ? .bf16 : almostF32))
  }

  /// What feeds residuals and projections to few channels stay in f32, or close to it where that is faster.
  @Test(arguments: Precision.allCases)
  func sensitiveProjections(_ precision: Precision) {
    for set in InstructionSet.supported {
      let kernels = set.kernels
      let target = ComputeTarget(gemm: .kernels, kernels: kernels, precision: precision)
      let expected: ProductPrecision =
        precision == .f32
        ? .f32 : kernels.bf16x3 != nil ? .bf16x3 : kernels.int16 != nil ? .int16 : .f32
      let isTiled = kernels.bf16x3 != nil
      for (inputs, product) in [(144, expected), (39, .f32)] {
        #expect(
          ConvolutionStrategy.choose(
            for: layer(14, inputs, 40), isGated: false, hasResidual: false, feedsResiduals: true,
            on: target) == .gemm(product))
      }
      let usual = ProductPrecision(precision)
      for (outputs, nonlinearity, product) in [
        (24, Nonlinearity.identity, expected), (25, .identity, usual), (24, .relu, usual),
      ] {
        #expect(
          ConvolutionStrategy.choose(
            for: layer(14, 144, outputs, nonlinearity), isGated: false, hasResidual: true,
            feedsResiduals: false, on: target) == .gemm(product))
      }
      let fused = ConvolutionStrategy.fuse(
        layer(48, 48, 192, kernel: 3), layer(48, 192, 48), hasResidual: false,
        feedsResiduals: true, on: target)
      #expect(
        fused
          == (isTiled && precision != .f32
            ? .convertedProject(expected)
            : .winogradProject(.six, expected == .int16 ? .int16 : .f32, project: expected)))
    }
  }

  /// Products of tiles beat Winograd's method in bf16.
  @Test(
    .enabled(
      if: InstructionSet.avx512.isSupported
        && InstructionSet.avx512.supportedExtensions.contains(.amx), "this processor lacks AMX"),
    arguments: Precision.allCases)
  func tilesReplaceWinograd(_ precision: Precision) {
    let target = ComputeTarget(
      gemm: .kernels, kernels: InstructionSet.avx512.kernels(with: [.amx]), precision: precision)
    func choose(_ layer: ConvolutionLayer) -> ConvolutionStrategy? {
      .choose(
        for: layer, isGated: false, hasResidual: false, feedsResiduals: false, on: target)
    }
    let isLow = precision != .f32
    #expect(choose(layer(14, 39, 80)) == .gemm(.f32))
    #expect(choose(layer(14, 40, 80)) == .gemm(isLow ? .bf16 : .f32))
    #expect(choose(layer(48, 16, 16, kernel: 3)) == (isLow ? .converted : .winograd(.six, .f32)))
    #expect(choose(layer(112, 3, 24, kernel: 3, stride: 2)) == .direct)
    #expect(
      ConvolutionStrategy.fuse(
        layer(48, 48, 192, kernel: 3), layer(48, 192, 48), hasResidual: true, feedsResiduals: false,
        on: target)
        == (isLow
          ? .convertedProject(ProductPrecision(precision))
          : .winogradProject(.six, .f32, project: .f32)))
  }

  @Test func openBLASComputesLayersOneByOne() throws {
    let target = try ComputeTarget.openBLAS(Self.set)
    func choose(_ layer: ConvolutionLayer, isGated: Bool = false) -> ConvolutionStrategy? {
      .choose(
        for: layer, isGated: isGated, hasResidual: false, feedsResiduals: false, on: target)
    }
    #expect(choose(layer(14, 40, 80)) == .sgemm)
    #expect(choose(layer(14, 40, 80, kernel: 3)) == .im2colSgemm)
    #expect(choose(layer(1, 40, 10)) == .sgemv)
    #expect(choose(layer(1, 40, 10), isGated: true) == .sgemm)
    #expect(choose(layer(1, 1280, 1000, kind: .linear)) == .sgemv)
    let expand = layer(14, 40, 240)
    let depthwise = layer(14, 240, 240, kernel: 3, kind: .depthwise)
    #expect(
      ConvolutionStrategy.fuse(
        expand, depthwise, hasResidual: false, feedsResiduals: false, on: target) == nil)
  }
}
