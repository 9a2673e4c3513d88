// Stands in for the optimisers and schedules until they are merged.
public struct Optimizer: Hashable, Sendable {
  public static func rmsProp() -> Optimizer { Optimizer() }
}
public enum LearningRateSchedule: Hashable, Sendable {
  case cosine(rate: Double, warmupEpochs: Double)
}
import Host
import Weights
extension Optimizer {
  func validate() throws(TrainingConfigurationError) {}
  var json: JSON.Object { [:] }
  init(json: [String: JSONValue]) throws(JSONFault) {}
}
extension LearningRateSchedule {
  func validate() throws(TrainingConfigurationError) {}
  var json: JSON.Object { [:] }
  init(json: [String: JSONValue]) throws(JSONFault) { self = .cosine(rate: 0.01, warmupEpochs: 1) }
}
