import Host
import Weights

// Progressive learning in a log's header: null without it, else the first stage's values.

extension ProgressiveLearning {
  func validate() throws(TrainingConfigurationError) {
    try TrainingConfigurationError.require(
      (1...1000).contains(stages), "progressive.stages", "1 to 1000")
    try TrainingConfigurationError.require(
      (1...2048).contains(imageSize), "progressive.image_size", "1 to 2048")
    try TrainingConfigurationError.require(
      0..<1 ~= dropout, "progressive.dropout", "0 or more, below 1")
    try TrainingConfigurationError.require(
      0...30 ~= randAugmentMagnitude, "progressive.rand_augment_magnitude", "0 to 30")
    try TrainingConfigurationError.require(
      0...10 ~= mixupAlpha, "progressive.mixup_alpha", "0 to 10")
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
