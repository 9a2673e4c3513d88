import Host
import Weights

// Progressive learning in a log's header: null without it, else the first stage's values.

extension ProgressiveLearning {
  func validate() throws(TrainingConfigurationError) {
    try Self.require((1...1000).contains(stages), "stages", "1 to 1000")
    try Self.require((1...2048).contains(imageSize), "image_size", "1 to 2048")
    try Self.require(0..<1 ~= dropout, "dropout", "0 or more, below 1")
    try Self.require(0...30 ~= randAugmentMagnitude, "rand_augment_magnitude", "0 to 30")
    try Self.require(0...10 ~= mixupAlpha, "mixup_alpha", "0 to 10")
  }

  private static func require(
    _ isValid: Bool, _ name: String, _ expected: String
  ) throws(TrainingConfigurationError) {
    if !isValid {
      throw TrainingConfigurationError(field: "progressive.\(name)", expected: expected)
    }
  }

  var json: JSON.Object {
    [
      "stages": .integer(stages), "image_size": .integer(imageSize), "dropout": .number(dropout),
      "rand_augment_magnitude": .number(randAugmentMagnitude), "mixup_alpha": .number(mixupAlpha),
    ]
  }

  init?(json: JSONValue) throws(JSONFault) {
    if json == .null { return nil }
    guard var members = json.members else {
      throw JSONFault("progressive is neither an object nor null")
    }
    self.init(
      stages: try members.integer("stages", 1...1000),
      imageSize: try members.integer("image_size", 1...2048),
      dropout: try members.number("dropout"),
      randAugmentMagnitude: try members.number("rand_augment_magnitude"),
      mixupAlpha: try members.number("mixup_alpha"))
    try members.requireEmpty()
  }
}
