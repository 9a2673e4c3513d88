import Kernels

/// How a 3×3 convolution is cut into Winograd tiles.
package typealias WinogradVariant = Kernels.WinogradVariant

extension WinogradVariant {
  /// The form for `geometry`, or nil where the direct method is the better one.
  ///
  /// With stride 1, the one that takes fewer multiplications, tiles that overhang counted whole:
  /// 6 × 6 on all but small maps. Milliseconds of EfficientNetV2-S's blocks, their projection
  /// included, on one core of a Zen 4 with AVX-512 (113 GFLOP/s):
  ///
  ///     map  channels        direct   4 × 4   6 × 6   stride 2
  ///     192  24 → 24                   1.85    1.57
  ///      96  48 → 192 → 48             6.2     5.5
  ///      48  64 → 256 → 64             2.6     2.35
  ///      96  24 → 96 → 48      5.6                       3.9
  ///      48  48 → 192 → 64     4.4                       3.0
  ///
  /// Fewer than 16 input channels leave the transforms dearer than the multiplications saved.
  package static func best(for geometry: ConvolutionGeometry) -> WinogradVariant? {
    guard geometry.kernel == 3, geometry.inputChannels >= 16, geometry.inputChannels % 8 == 0,
      geometry.outputPositions >= 64
    else { return nil }
    return allCases.filter { $0.stride == geometry.stride }
      .min { $0.multiplications(geometry) < $1.multiplications(geometry) }
  }

  /// Multiplications for each pair of channels.
  private func multiplications(_ geometry: ConvolutionGeometry) -> Int {
    let across = (geometry.outputWidth + outputs - 1) / outputs
    let down = (geometry.outputHeight + outputs - 1) / outputs
    return across * down * inputs * inputs
  }

  /// In a few words.
  var description: String {
    switch self {
    case .four: "winograd 4×4"
    case .six: "winograd 6×6"
    case .fourStrided: "winograd 4×4 /2"
    }
  }
}
