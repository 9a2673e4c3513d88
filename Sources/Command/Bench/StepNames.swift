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
  /// The parts of the total.
  static var parts: [(name: String, heading: String, bytes: KeyPath<TrainingMemory, Int>)] {
    [
      ("parameters", "parameters", \.parameters), ("gradients", "gradients", \.gradients),
      ("optimizer", "optimiser", \.optimizer), ("average", "average", \.average),
      ("kept_maps", "kept maps", \.keptMaps), ("passing_maps", "other maps", \.passingMaps),
      ("packed_weights", "packed", \.packedWeights), ("scratch", "scratch", \.scratch),
    ]
  }

  /// The total's ratio to the lean schedule's.
  var ratioToLean: Double { lean > 0 ? Double(total) / Double(lean) : 0 }
}
