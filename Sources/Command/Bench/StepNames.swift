import CNNZoo

// What the reports of a training step call its parts.

extension TrainingLayer {
  /// `stem`, `stage 1` … or `head`.
  var stageName: String {
    if let stage = block?.stage { return "stage \(stage + 1)" }
    return role == .stem ? "stem" : "head"
  }
}

/// The blocks of a stage, as `4 × Fused-MBConv`.
func blockNames(_ layers: ArraySlice<TrainingLayer>) -> String {
  let blocks = layers.compactMap(\.block)
  let kinds = blocks.map(\.kindName).reduce(into: [String]()) { kinds, kind in
    if !kinds.contains(kind) { kinds.append(kind) }
  }
  return kinds.map { kind in
    let numbers = Set(blocks.filter { $0.kindName == kind }.map(\.number))
    return "\(numbers.count) × \(kind)"
  }.joined(separator: ", ")
}

extension Block {
  /// The papers' name.
  var kindName: String {
    switch kind {
    case .single, .fused: "Fused-MBConv"
    case .separable, .inverted: "MBConv"
    }
  }
}

extension TrainingWork {
  /// The name in tables.
  var name: String {
    switch self {
    case .product: "convolutions"
    case .normalization: "batch norm, activations"
    case .recomputation: "recomputation"
    case .normalizationGradient: "batch norm, activations"
    case .weightGradient: "weight gradients"
    case .inputGradient: "input gradients"
    case .packing: "packing"
    case .loss: "loss"
    case .update: "optimiser, average"
    }
  }

  /// The key in JSON.
  var key: String {
    switch self {
    case .product: "forward_convolutions"
    case .normalization: "forward_normalization"
    case .recomputation: "backward_recomputation"
    case .normalizationGradient: "backward_normalization"
    case .weightGradient: "backward_weight_gradients"
    case .inputGradient: "backward_input_gradients"
    case .packing: "packing"
    case .loss: "loss"
    case .update: "update"
    }
  }
}

extension TrainingWork.Direction {
  var name: String {
    switch self {
    case .forward: "forward"
    case .backward: "backward"
    case .whole: ""
    }
  }
}

extension TrainingMemory {
  /// A part of the total.
  struct Part {
    /// The name in JSON and CSV.
    let name: String
    let heading: String
    /// The less, the earlier it is hidden on a narrow terminal.
    let importance: Int
    let bytes: KeyPath<TrainingMemory, Int>
  }

  /// The parts of the total.
  static var parts: [Part] {
    [
      Part(name: "parameters", heading: "parameters", importance: 5, bytes: \.parameters),
      Part(name: "gradients", heading: "gradients", importance: 4, bytes: \.gradients),
      Part(name: "optimizer", heading: "optimiser", importance: 5, bytes: \.optimizer),
      Part(name: "average", heading: "average", importance: 4, bytes: \.average),
      Part(name: "kept_maps", heading: "kept maps", importance: 6, bytes: \.keptMaps),
      Part(name: "passing_maps", heading: "other maps", importance: 3, bytes: \.passingMaps),
      Part(name: "packed_weights", heading: "packed", importance: 3, bytes: \.packedWeights),
      Part(name: "scratch", heading: "scratch", importance: 2, bytes: \.scratch),
    ]
  }

  /// The total's ratio to the lean schedule's.
  var ratioToLean: Double { lean > 0 ? Double(total) / Double(lean) : 0 }
}
