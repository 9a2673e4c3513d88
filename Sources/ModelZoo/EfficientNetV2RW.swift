import GraphIR

/// timm's own variants of EfficientNetV2, with weights trained by its author: S in other sizes.
///
/// `s` and `m` are from before the release of the paper's code: the first stage has a projection, the
/// last is wider, and so is the head. Source: timm's `efficientnet.py`.
package enum EfficientNetV2RW: String, CaseIterable, Sendable {
  /// Tiny, which the paper does not have.
  case t
  /// Tiny with global-context attention instead of squeeze-excite.
  case gcTiny = "gc-t"
  case s, m

  /// The catalogue's name.
  package var name: String { self == .gcTiny ? "effnetv2-gc-rw-t" : "effnetv2-rw-\(rawValue)" }

  /// timm's name.
  package var implementation: String {
    self == .gcTiny ? "gc_efficientnetv2_rw_t" : "efficientnetv2_rw_\(rawValue)"
  }

  /// Side of the square image for the published figures.
  package var resolution: Int {
    switch self {
    case .t, .gcTiny: 288
    case .s: 384
    case .m: 416
    }
  }

  /// The multiplier of all widths, and that of each stage's depth.
  private var scaling: (width: Double, depths: [Double]) {
    switch self {
    case .t, .gcTiny: (0.8, [0.9, 0.9, 0.9, 0.9, 0.9, 0.9])
    case .s: (1, [1, 1, 1, 1, 1, 1])
    case .m: (1.2, [1.2, 1.2, 1.2, 1.2, 1.6, 1.6])
    }
  }

  private var isTiny: Bool { self == .t || self == .gcTiny }

  /// S's table, scaled.
  package var stages: [EfficientNetStage] {
    var rows = EfficientNetV2.s.stages
    if !isTiny {
      rows[0].projects = true
      rows[5].channels = 272
    }
    return zip(rows, scaling.depths).map { row, depth in
      var stage = row
      stage.channels = scaled(row.channels)
      stage.layers = Int((Double(row.layers) * depth).rounded(.up))
      return stage
    }
  }

  private func scaled(_ width: Int) -> Int { makeDivisible(Double(width) * scaling.width) }

  package func graph(_ configuration: ModelConfiguration) -> Graph {
    EfficientNetV2.graph(
      name: name, stem: scaled(24), stages: stages, head: scaled(isTiny ? 1280 : 1792),
      usesGlobalContext: self == .gcTiny, configuration)
  }
}
