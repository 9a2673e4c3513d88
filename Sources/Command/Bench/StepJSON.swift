import CNNZoo

/// The breakdown as JSON.
func stepJSON(_ step: StepBreakdown) -> JSON.Object {
  func works(_ works: [(work: TrainingWork, seconds: Double)]) -> JSON {
    .object(JSON.Object(works.map { ($0.work.key, .number(1000 * $0.seconds)) }))
  }
  return [
    "limits": .object(limitsJSON(step.limits)),
    "layers": .array(
      step.layers.map { layer in
        .object(
          [
            "name": .string(layer.layer.name), "stage": .string(layer.layer.stageName),
            "block": .optional(layer.layer.block?.kindName),
            "role": .string(layer.layer.role.rawValue),
            "strategy": .string(layer.layer.strategy),
            "output_shape": .array(
              [layer.layer.shape.height, layer.layer.shape.width, layer.layer.shape.channels]
                .map(JSON.integer)),
            "macs": .integer(layer.layer.forward.macs),
          ] + partJSON(layer.part, of: step) + ["work_ms": works(layer.works)])
      }),
    "stages": .array(
      step.stages.map { stage in
        .object(
          ["name": .string(stage.name), "blocks": .string(stage.blocks)]
            + partJSON(stage.part, of: step))
      }),
    "work_ms": works(step.works), "step_ms": .number(1000 * step.seconds),
    "step_bound_ms": .number(1000 * step.boundSeconds),
  ]
}

private func partJSON(_ part: StepBreakdown.Part, of step: StepBreakdown) -> JSON.Object {
  func direction(_ name: String, _ direction: StepBreakdown.Direction) -> JSON.Object {
    var members: JSON.Object = [
      "\(name)_ms": .number(1000 * direction.seconds),
      "\(name)_gflops": .number(direction.operationsPerSecond / 1e9),
      "\(name)_multiply_adds": .integer(direction.multiplyAdds),
      "\(name)_multiply_adds_by_precision": .object(
        Precision.allCases.reduce(into: JSON.Object()) { object, precision in
          if let count = direction.arithmetic[precision] {
            object.append(precision.rawValue, .integer(count))
          }
        }),
      "\(name)_bytes": .integer(direction.bytes),
      "\(name)_bound_ms": .number(1000 * direction.boundSeconds),
      "\(name)_share_of_bound": .number(direction.shareOfBound),
    ]
    if let bound = direction.bound { members.append("\(name)_bound_by", .string(bound.rawValue)) }
    return members
  }
  return [
    "ms": .number(1000 * part.seconds),
    "share": .number(step.seconds > 0 ? part.seconds / step.seconds : 0),
  ] + direction("forward", part.forward) + (part.backward.map { direction("backward", $0) } ?? [:])
}

func memoryJSON(_ memory: TrainingMemory) -> JSON.Object {
  JSON.Object(
    TrainingMemory.parts.map { ("\($0.name)_bytes", .integer(memory[keyPath: $0.bytes])) }) + [
      "total_bytes": .integer(memory.total), "lean_bytes": .integer(memory.lean),
      "ratio_to_lean": .number(memory.ratioToLean),
    ]
}
