import CNNZoo

/// Where the time of a training step goes, against the least that this machine needs for it.
package struct StepBreakdown {
  /// The time and work of one direction, for the whole batch.
  package struct Direction {
    package var seconds = 0.0
    /// Multiply-adds at the measured peak rates or bytes at the measured bandwidth, whichever is
    /// longer.
    package var boundSeconds = 0.0
    /// The limit that determines the bound; `nil` for a sum over layers.
    package var bound: MachineLimits.Bound?
    /// Multiply-accumulates by the layers' definition.
    package var macs = 0
    /// Multiply-adds by the algorithms in use, by the precision of their operands.
    package var arithmetic: [Precision: Int] = [:]
    /// The least number of bytes read and written.
    package var bytes = 0

    /// Multiply-adds by the algorithms in use.
    package var multiplyAdds: Int { arithmetic.values.reduce(0, +) }
    /// The bound's share of the time.
    package var shareOfBound: Double { seconds > 0 ? boundSeconds / seconds : 0 }
    /// Operations per second, two for each multiply-accumulate.
    package var operationsPerSecond: Double { seconds > 0 ? 2 * Double(macs) / seconds : 0 }

    fileprivate static func + (one: Self, other: Self) -> Self {
      Self(
        seconds: one.seconds + other.seconds, boundSeconds: one.boundSeconds + other.boundSeconds,
        bound: nil, macs: one.macs + other.macs,
        arithmetic: one.arithmetic.merging(other.arithmetic, uniquingKeysWith: +),
        bytes: one.bytes + other.bytes)
    }
  }

  /// A layer, or several of one stage.
  package struct Part {
    package var forward: Direction
    /// `nil` if the layers are frozen and those below them, too.
    package var backward: Direction?

    package var seconds: Double { forward.seconds + (backward?.seconds ?? 0) }
    package var boundSeconds: Double { forward.boundSeconds + (backward?.boundSeconds ?? 0) }
  }

  /// A layer of the network.
  package struct Layer {
    package let layer: TrainingLayer
    package let part: Part
    /// The seconds of each kind of work.
    package let works: [(work: TrainingWork, seconds: Double)]
  }

  /// The layers of a stage, of the stem or of the head.
  package struct Stage {
    /// `stem`, `stage 1` … or `head`.
    package let name: String
    /// Its blocks, such as `4 × Fused-MBConv`.
    package let blocks: String
    /// Shape of its output for one image.
    package let shape: TensorShape
    package let layers: Range<Int>
    package let part: Part
  }

  /// Work on all parameters at once.
  package struct Whole {
    package let work: TrainingWork
    package let seconds: Double
    /// `nil` if it is not worth a bound.
    package let boundSeconds: Double?
  }

  /// In the network's order.
  package let layers: [Layer]
  /// Stem, stages and head, in the network's order.
  package let stages: [Stage]
  /// Packing, loss, and update.
  package let wholes: [Whole]
  package let memory: TrainingMemory
  package let limits: MachineLimits

  /// - Parameters:
  ///   - times: The time of each layer, for the whole batch.
  ///   - packingBytes: What packing the weights moves.
  ///   - updateBytes: What optimiser and average move.
  package init(
    _ layers: [TrainingLayer], times: StepTimes, packingBytes: Int, updateBytes: Int, batch: Int,
    memory: TrainingMemory, limits: MachineLimits
  ) {
    (self.memory, self.limits) = (memory, limits)
    let parts = layers.enumerated().map { index, layer in
      func seconds(_ direction: TrainingWork.Direction) -> Double {
        TrainingWork.allCases.filter { $0.direction == direction }
          .reduce(0) { $0 + times[index, $1] }
      }
      return Part(
        forward: Direction(layer.forward, seconds(.forward), batch, limits),
        backward: layer.backward.map { Direction($0, seconds(.backward), batch, limits) })
    }
    self.layers = zip(layers, parts).enumerated().map { index, layer in
      Layer(
        layer: layer.0, part: layer.1,
        works: TrainingWork.allCases.filter { $0.direction != .whole }
          .map { ($0, times[index, $0]) })
    }
    stages = Self.stages(layers, parts)
    let bytes: [TrainingWork: Int] = [.packing: packingBytes, .update: updateBytes]
    wholes = TrainingWork.allCases.filter { $0.direction == .whole }.map { work in
      Whole(
        work: work, seconds: times[nil, work],
        boundSeconds: bytes[work].map { limits.bound(multiplyAdds: 0, bytes: $0).seconds })
    }
  }

  private static func stages(_ layers: [TrainingLayer], _ parts: [Part]) -> [Stage] {
    var starts = layers.indices.filter { index in
      index == 0 || layers[index].stageName != layers[index - 1].stageName
    }
    starts.append(layers.count)
    return zip(starts, starts.dropFirst()).map { start, end in
      Stage(
        name: layers[start].stageName, blocks: blockNames(layers[start..<end]),
        shape: layers[end - 1].shape, layers: start..<end, part: sum(parts[start..<end]))
    }
  }

  private static func sum(_ parts: ArraySlice<Part>) -> Part {
    let backward = parts.compactMap(\.backward)
    return Part(
      forward: parts.reduce(Direction()) { $0 + $1.forward },
      backward: backward.isEmpty ? nil : backward.reduce(Direction(), +))
  }

  /// All layers together.
  package var network: Part { Self.sum(layers.map(\.part)[...]) }

  /// The whole step.
  package var seconds: Double { network.seconds + wholes.reduce(0) { $0 + $1.seconds } }

  /// The least that the whole step needs.
  package var boundSeconds: Double {
    network.boundSeconds + wholes.reduce(0) { $0 + ($1.boundSeconds ?? 0) }
  }

  /// The seconds of each kind of work, over all layers.
  package var works: [(work: TrainingWork, seconds: Double)] {
    TrainingWork.allCases.map { work in
      let inLayers = layers.flatMap(\.works).filter { $0.work == work }.reduce(0) {
        $0 + $1.seconds
      }
      return (work, inLayers + (wholes.first { $0.work == work }?.seconds ?? 0))
    }
  }
}

extension StepBreakdown.Direction {
  /// Between barriers the whole batch passes through memory, so its bytes determine the bandwidth.
  fileprivate init(
    _ cost: TrainingLayer.Cost, _ seconds: Double, _ batch: Int, _ limits: MachineLimits
  ) {
    let bytes = batch * cost.bytes + cost.weightBytes
    let arithmetic = cost.arithmetic.mapValues { batch * $0 }
    let (least, limit) = limits.bound(arithmetic, bytes: bytes)
    self.init(
      seconds: seconds, boundSeconds: least, bound: limit, macs: batch * cost.macs,
      arithmetic: arithmetic, bytes: bytes)
  }
}
