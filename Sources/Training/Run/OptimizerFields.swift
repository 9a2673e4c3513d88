import Host
import Weights

// Optimisers and schedules in a log's header: an object with a name and the numbers that go with it.

extension Optimizer {
  /// The name and the numbers, as they are called in the header.
  private var fields: (name: String, numbers: [(name: String, value: Double)]) {
    switch self {
    case .sgd(let momentum, let isNesterov):
      (isNesterov ? "nesterov" : "sgd", [("momentum", momentum)])
    case .rmsProp(let decay, let momentum, let epsilon):
      ("rmsprop", [("decay", decay), ("momentum", momentum), ("epsilon", epsilon)])
    case .adamW(let beta1, let beta2, let epsilon):
      ("adamw", [("beta1", beta1), ("beta2", beta2), ("epsilon", epsilon)])
    }
  }

  func validate() throws(TrainingConfigurationError) {
    for (name, value) in fields.numbers {
      if name == "epsilon" {
        try TrainingConfigurationError.require(
          value > 0 && value <= 1, "optimizer.epsilon", "above 0, up to 1")
      } else {
        try TrainingConfigurationError.require(
          0..<1 ~= value, "optimizer.\(name)", "0 or more, below 1")
      }
    }
  }

  var json: JSON.Object {
    let (name, numbers) = fields
    return ["name": .string(name)]
      + JSON.Object(numbers.map { (key: $0.name, value: .number($0.value)) })
  }

  init(json members: [String: JSONValue]) throws(JSONFault) {
    var members = members
    let name = try members.text("name")
    switch name {
    case "sgd", "nesterov":
      self = .sgd(momentum: try members.number("momentum"), isNesterov: name == "nesterov")
    case "rmsprop":
      self = .rmsProp(
        decay: try members.number("decay"), momentum: try members.number("momentum"),
        epsilon: try members.number("epsilon"))
    case "adamw":
      self = .adamW(
        beta1: try members.number("beta1"), beta2: try members.number("beta2"),
        epsilon: try members.number("epsilon"))
    default: throw JSONFault("optimizer.name is none of sgd, nesterov, rmsprop, adamw")
    }
    try members.requireEmpty()
  }
}

extension LearningRateSchedule {
  func validate() throws(TrainingConfigurationError) {
    try TrainingConfigurationError.require(
      rate >= 0 && rate.isFinite, "schedule.rate", "0 or more")
    try TrainingConfigurationError.require(
      warmupEpochs >= 0 && warmupEpochs.isFinite, "schedule.warmup_epochs", "0 or more")
    if case .staircase(let factor, let epochs) = decay {
      try TrainingConfigurationError.require(
        factor > 0 && factor <= 1, "schedule.factor", "above 0, up to 1")
      try TrainingConfigurationError.require(
        epochs > 0 && epochs.isFinite, "schedule.step_epochs", "a positive number")
    }
  }

  var json: JSON.Object {
    let start: JSON.Object = ["rate": .number(rate), "warmup_epochs": .number(warmupEpochs)]
    switch decay {
    case .constant: return ["name": .string("constant")] + start
    case .cosine: return ["name": .string("cosine")] + start
    case .staircase(let factor, let epochs):
      return ["name": .string("staircase")] + start
        + ["factor": .number(factor), "step_epochs": .number(epochs)]
    }
  }

  init(json members: [String: JSONValue]) throws(JSONFault) {
    var members = members
    let decay: Decay
    switch try members.text("name") {
    case "constant": decay = .constant
    case "cosine": decay = .cosine
    case "staircase":
      decay = .staircase(
        factor: try members.number("factor"), epochs: try members.number("step_epochs"))
    default: throw JSONFault("schedule.name is none of constant, cosine, staircase")
    }
    self.init(
      rate: try members.number("rate"), warmupEpochs: try members.number("warmup_epochs"),
      decay: decay)
    try members.requireEmpty()
  }
}
