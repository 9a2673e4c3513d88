import ModelZoo
import Weights

/// Which of a file's sets of tensors is used: a training checkpoint may contain the weights and their
/// averages over training steps (EMA).
public struct TensorChoice: Sendable {
  /// The set in use.
  public let set: TensorSet
  /// The set that `--no-ema` exchanges it for, or back, if the file contains both.
  public let alternative: TensorSet?

  /// Whether averages are in use although the file contains the weights too; `nil` if there was no
  /// choice.
  public var usesEMA: Bool? { alternative == nil ? nil : set.isAverage }

  /// What is in use and what else there is, as a sentence; `nil` if there was no choice.
  public var note: String? {
    guard let alternative, let usesEMA else { return nil }
    return usesEMA
      ? "\(set.file.path) contains weights and their averages: using the EMA (\(set.place)), not"
        + " \(alternative.place); --no-ema uses the others"
      : "\(set.file.path) contains weights and their averages: using \(set.place), not the EMA"
        + " (\(alternative.place))"
  }

  /// Chooses among sets in the file's order.
  ///
  /// Sets of the same names and shapes are alternatives. Of others, those that fit best are considered.
  ///
  /// - Parameters:
  ///   - sets: At least one.
  ///   - differences: The number of tensors by which a set differs from the network.
  /// - Throws: `PretrainedError.onlyAverages` if only averages fit but are not wanted.
  init(
    of sets: [TensorSet], usesEMA: Bool, differences: (TensorSet) -> Int
  ) throws(PretrainedError) {
    let fitting = Self.bestFitting(sets, differences)
    let averages = fitting.first(where: \.isAverage)
    let weights = fitting.first { !$0.isAverage }
    if usesEMA, let averages {
      (set, alternative) = (averages, weights)
    } else if let weights {
      (set, alternative) = (weights, averages)
    } else {
      let first = sets[0]
      throw .onlyAverages(path: first.file.path, place: (averages ?? first).place)
    }
  }

  private static func bestFitting(
    _ sets: [TensorSet], _ differences: (TensorSet) -> Int
  ) -> [TensorSet] {
    if sets.count == 1 { return sets }
    let forms = sets.map { set in
      Set(
        set.tensors.map { "\(set.name(of: $0)) \($0.shape)" }
          .filter { !$0.contains("num_batches_tracked") })
    }
    if forms.allSatisfy({ $0 == forms[0] }) { return sets }
    var counts: [Set<String>: Int] = [:]
    for (set, form) in zip(sets, forms) where counts[form] == nil {
      counts[form] = differences(set)
    }
    let least = counts.values.min()
    return zip(sets, forms).filter { counts[$1] == least }.map(\.0)
  }
}

extension WeightFile {
  /// The sets of tensors that could be a network: all tensors, if none has the name of a stem.
  var networkSets: [TensorSet] {
    let sets = sets(containing: ParameterNaming.allCases.map(\.stem))
    return sets.isEmpty ? [wholeSet] : sets
  }
}
