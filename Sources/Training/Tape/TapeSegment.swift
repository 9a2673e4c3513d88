/// What one step of a tape does at one time.
struct TapeAction {
  enum Kind {
    // For a group of images.

    /// A step other than batch norm, forwards.
    case forward
    /// Batch norm: the statistics of the group, whose maps are kept.
    case measure
    /// Batch norm: the group's maps are kept, without statistics.
    case keep
    /// Batch norm: its output.
    case apply
    /// The output again, for the backward pass.
    case recompute
    /// Batch norm: its input again, before `recompute` and `slope`, or before `combine`.
    case recomputeProduct, recomputeProductAgain
    /// A step other than batch norm, backwards.
    case backward
    /// Batch norm: the gradient of scale · z + shift, and its sums over the group.
    case slope
    /// Batch norm: the gradient of z.
    case combine

    // For the whole batch.

    /// Batch norm: the statistics of the batch.
    case statistics
    /// Copies the images that the unit leaves out.
    case passOn
    /// Products for the gradient of the weights, where groups do not compute them.
    case weightProducts
    /// Sums for the gradients of parameters.
    case parameterGradients

    /// Whether it is what its step does first in a direction.
    var beginsStep: Bool {
      switch self {
      case .forward, .measure, .keep, .backward, .slope: true
      case .apply, .recompute, .recomputeProduct, .recomputeProductAgain, .combine, .statistics,
        .passOn, .weightProducts,
        .parameterGradients:
        false
      }
    }
  }

  let kind: Kind
  /// The step's index.
  let step: Int
  /// Offset of its partial sums.
  var partials = 0
}

/// What happens between two points at which all threads wait for one another.
///
/// First each group of images passes through all actions, one after another, so that maps stay in the
/// cache of the thread that runs the group. Then come products and sums over the whole batch: batch
/// norm's statistics and their gradients are the only reason to wait, and weight gradients that are
/// larger than the maps they are computed from.
struct TapeSegment {
  /// The unit whose images it runs for.
  let unit: Int
  var actions: [TapeAction] = []
  var products: [TapeAction] = []
  var sums: [TapeAction] = []
  var sizes = GroupSizes()
}

/// How many images the groups of a segment have.
struct GroupSizes {
  /// Images of a group whose maps stay in the L2 cache.
  var largest = 1

  /// The most images in a group, which never falls when there are more images: an eighth of them, or
  /// fewer if the cache demands it.
  func size(images: Int) -> Int { min(largest, (images + 7) / 8) }

  /// The number of groups for a number of images.
  func count(images: Int) -> Int {
    guard images > 0 else { return 0 }
    let size = size(images: images)
    return (images + size - 1) / size
  }
}

/// A segment that knows what its actions call.
struct PlannedSegment {
  /// The unit whose images it runs for.
  let unit: Int
  let groupWork: [GroupWork]
  let products: [BatchWork]
  let sums: [BatchWork]
  /// Images for which a group has memory.
  let groupCapacity: Int
  private let sizes: GroupSizes

  init(_ segment: TapeSegment, _ steps: [TapeStep], batch: Int) {
    (unit, sizes) = (segment.unit, segment.sizes)
    groupWork = segment.actions.map { GroupWork($0, steps) }
    products = segment.products.map { BatchWork($0, steps) }
    sums = segment.sums.map { BatchWork($0, steps) }
    groupCapacity = sizes.size(images: batch)
  }

  /// The number of groups for a number of images.
  func groupCount(images: Int) -> Int { sizes.count(images: images) }
}
