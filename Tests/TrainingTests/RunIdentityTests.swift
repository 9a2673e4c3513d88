import Foundation
import TestSupport
import Testing
import Training

/// What must stay the same, in the log's header.
struct RunIdentityTests {
  private let folder: TemporaryFolder
  private let header: RunHeader
  private let text: String

  init() throws {
    folder = try TemporaryFolder()
    let store = try RunFixtures.store(0)
    var header = RunFixtures.header(store)
    header.identity.configuration = Self.configuration
    self.header = header
    do {
      let run = try RunFolder(new: "\(folder.path)/own.run")
      try run.begin(header, store)
    }
    let log = String(
      decoding: try RunFixtures.bytes("\(folder.path)/own.run/log.jsonl"), as: UTF8.self)
    text = String(try #require(log.split(separator: "\n").first))
  }

  /// Every value other than the default.
  static let configuration: TrainingConfiguration = {
    var configuration = TrainingConfiguration()
    configuration.epochs = 7
    configuration.batch = 5
    configuration.accumulation = 3
    configuration.imageSize = 97
    configuration.progressive = ProgressiveLearning(
      stages: 3, imageSize: 41, dropout: 0.25, randAugmentMagnitude: 7, mixupAlpha: 0.75)
    configuration.randAugmentMagnitude = 9
    configuration.randAugmentOperations = 1
    configuration.erasingProbability = 0.25
    configuration.mixupAlpha = 0.2
    configuration.cutMixAlpha = 1
    configuration.inferenceSize = 113
    configuration.patience = 4
    configuration.balance = .sampling
    configuration.validationShare = 0.25
    configuration.minimumCropArea = nil
    configuration.flips = false
    configuration.randAugmentMagnitude = 9
    configuration.randAugmentOperations = 3
    configuration.erasingProbability = 0.25
    configuration.mixupAlpha = 0.2
    configuration.cutMixAlpha = 1
    configuration.seed = .max
    configuration.loss = .sigmoid
    configuration.labelSmoothing = 0.1 + 0.2
    configuration.weightDecay = 1e-300
    configuration.averageDecay = nil
    configuration.clipNorm = 2.5
    configuration.batchNorm = .fixed
    configuration.batchNormMomentum = 1.0 / 3
    configuration.stochasticDepth = 0
    configuration.dropout = 0.5
    configuration.frozenStages = 2
    configuration.precision = .bf16
    configuration.layerDecay = 0.9
    configuration.optimizer = .adamW(beta1: 0.8, beta2: 0.99, epsilon: 1e-7)
    configuration.schedule = .staircase(rate: 0.016)
    return configuration
  }()

  /// The header read from a log whose first line is `text`.
  private func header(_ text: String) throws -> RunHeader? {
    try folder.file("read.run/log.jsonl", Array("\(text)\n".utf8))
    return try RunFolder(existing: "\(folder.path)/read.run").header
  }

  private func fault(_ text: String) -> String? {
    do {
      _ = try header(text)
      return nil
    } catch RunError.damaged(_, let reason) {
      return reason
    } catch {
      return "another error: \(error)"
    }
  }

  @Test func headerReadsBackAsWritten() throws {
    #expect(try header(text) == header)
    #expect(try header(text)?.identity.differences(in: header.identity) == [])
    let fields = Mirror(reflecting: Self.configuration).children
    let json = try #require(
      try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    let members = try #require(json["configuration"] as? [String: Any])
    // A property that is not written would not be compared either.
    #expect(members.count == fields.count)
    let defaults = Mirror(reflecting: TrainingConfiguration()).children
    for (field, byDefault) in zip(fields, defaults) {
      #expect("\(field.value)" != "\(byDefault.value)", "\(field.label ?? "") is the default")
    }
  }

  @Test(
    arguments: [
      Optimizer.sgd(momentum: 0.5, isNesterov: false), .sgd(momentum: 0.5, isNesterov: true),
      .rmsProp(decay: 0.8, momentum: 0.7, epsilon: 0.01), .adamW(),
    ],
    [
      LearningRateSchedule.constant(rate: 0.5, warmupEpochs: 0.25), .cosine(rate: 1e-9),
      .staircase(rate: 0.1, warmupEpochs: 2, factor: 0.5, epochs: 1.5),
    ])
  func optimizersReadBackAsWritten(optimizer: Optimizer, schedule: LearningRateSchedule) throws {
    let store = try RunFixtures.store(0)
    var header = header
    header.identity.configuration.optimizer = optimizer
    header.identity.configuration.schedule = schedule
    do {
      let run = try RunFolder(new: "\(folder.path)/other.run")
      try run.begin(header, store)
    }
    #expect(try RunFolder(existing: "\(folder.path)/other.run").header == header)
  }

  @Test func differencesNameEveryChange() throws {
    var current = header.identity
    current.model = "other"
    current.program = "1.1 (def)"
    current.instructionSet = "baseline"
    current.data = "d5"
    current.initialWeights = "2f"
    current.configuration.seed = 1
    current.configuration.averageDecay = 0.5
    current.configuration.loss = .softmax
    current.configuration.optimizer = .rmsProp()
    current.configuration.schedule.rate = 0.5
    current.parameters["features.0.weight"] = [5, 3, 3, 3]
    current.parameters["features.1.bias"] = nil
    current.parameters["new"] = []
    #expect(
      header.identity.differences(in: current).map(\.description) == [
        "model was tiny, is other", "program was 1.0 (abc), is 1.1 (def)",
        "instruction_set was avx2, is baseline", "data was d4, is d5",
        "initial_weights was 1f, is 2f", "configuration.seed was \(UInt64.max), is 1",
        "configuration.loss was sigmoid, is softmax",
        "configuration.average_decay was null, is 0.5",
        "configuration.optimizer.name was adamw, is rmsprop",
        "configuration.optimizer.beta1 was 0.8, is absent",
        "configuration.optimizer.beta2 was 0.99, is absent",
        "configuration.optimizer.epsilon was 1e-07, is 0.001",
        "configuration.schedule.rate was 0.016, is 0.5",
        "parameters.features.0.weight was [4,3,3,3], is [5,3,3,3]",
        "parameters.features.1.bias was [4], is absent",
        "configuration.optimizer.decay was absent, is 0.9",
        "configuration.optimizer.momentum was absent, is 0.9", "parameters.new was absent, is []",
      ])
    #expect(header.identity != current)
  }

  /// The number of threads and the processor may change.
  @Test func otherMachinesMayGoOn() throws {
    var other = header
    other.threads = 64
    other.processor = "another"
    #expect(header.identity.differences(in: other.identity) == [])
  }

  @Test func malformedHeaders() throws {
    #expect(fault(text) == nil)
    let cases = [
      ("\"type\":\"header\"", "\"type\":\"step\"", "type is step, expected header"),
      ("\"schema\":1", "\"schema\":2", "schema is 2, but this program reads 1"),
      ("\"schema\":1,", "", "schema is missing"),
      ("\"threads\":2", "\"threads\":0", "threads is not an integer from 1 to 1048576"),
      ("\"threads\":2", "\"threads\":2,\"x\":1", "x is unknown"),
      ("\"epochs\":7", "\"epochs\":7.5", "epochs is not an integer from 1 to 1000000"),
      ("\"epochs\":7", "\"epochs\":0", "epochs is not an integer from 1 to 1000000"),
      ("\"epochs\":7", "\"epoch\":7", "epochs is missing"),
      ("\"epochs\":7", "\"epochs\":7,\"x\":1", "x is unknown"),
      (
        "\"seed\":\"18446744073709551615\"", "\"seed\":\"18446744073709551616\"",
        "seed is not a number from 0 to 18446744073709551615, as text"
      ),
      ("\"loss\":\"sigmoid\"", "\"loss\":\"hinge\"", "loss is none of softmax, sigmoid"),
      ("\"dropout\":0.5", "\"dropout\":1", "dropout is out of range: expected 0 or more, below 1"),
      ("\"flips\":false", "\"flips\":0", "flips is not true or false"),
      ("\"folder\":\"images\"", "\"folder\":1", "folder is not a text"),
      (
        "\"includes_hidden\":false", "\"includes_hidden\":null",
        "includes_hidden is not true or false"
      ),
      ("\"command\":[]", "\"command\":\"x\"", "command is not an array"),
      ("\"command\":[]", "\"command\":[1]", "command has a word that is not a text"),
      ("\"dropout\":0.5", "\"dropout\":null", "dropout is not a number"),
      (
        "\"clip_norm\":2.5", "\"clip_norm\":-1",
        "clip_norm is out of range: expected a positive number"
      ),
      ("\"clip_norm\":2.5", "\"clip_norm\":true", "clip_norm is neither a number nor null"),
      ("\"adamw\"", "\"adam\"", "optimizer.name is none of sgd, nesterov, rmsprop, adamw"),
      ("\"adamw\"", "\"sgd\"", "momentum is missing"),
      (
        "\"beta1\":0.8", "\"beta1\":1",
        "optimizer.beta1 is out of range: expected 0 or more, below 1"
      ),
      ("\"beta1\":0.8", "\"beta1\":0.8,\"x\":1", "x is unknown"),
      ("1e-07", "0", "optimizer.epsilon is out of range: expected above 0, up to 1"),
      ("\"staircase\"", "\"stairs\"", "schedule.name is none of constant, cosine, staircase"),
      ("\"staircase\"", "\"cosine\"", "factor is unknown"),
      (
        "\"factor\":0.97", "\"factor\":0",
        "schedule.factor is out of range: expected above 0, up to 1"
      ),
      ("\"rate\":0.016", "\"rate\":-1", "schedule.rate is out of range: expected 0 or more"),
      ("\"model\":\"tiny\"", "\"model\":3", "model is not a text"),
      (
        "[4,3,3,3]", "[4,-3,3,3]",
        "parameters.features.0.weight is not an integer from 0 to 1099511627776"
      ),
      ("[4,3,3,3]", "4", "parameters.features.0.weight is not a shape"),
    ]
    for (found, replacement, reason) in cases {
      let changed = text.replacingOccurrences(of: found, with: replacement)
      #expect(changed != text, "\(found)")
      #expect(fault(changed) == reason)
    }
    for line in ["", "[]", "{}", text.dropLast() + "", text + "}", "null", "\u{0}"] {
      #expect(fault(String(line)) != nil, "\(line)")
    }
  }

  /// Values that a caller may set and that no run can have.
  @Test func impossibleConfigurations() throws {
    try TrainingConfiguration().validate()
    try Self.configuration.validate()
    let changes: [(String, (inout TrainingConfiguration) -> Void)] = [
      ("epochs", { $0.epochs = 0 }), ("batch", { $0.batch = 0 }),
      ("accumulation", { $0.accumulation = -1 }), ("image_size", { $0.imageSize = 2049 }),
      ("validation_share", { $0.validationShare = 1 }),
      ("minimum_crop_area", { $0.minimumCropArea = 0 }),
      ("rand_augment_magnitude", { $0.randAugmentMagnitude = 31 }),
      ("rand_augment_magnitude", { $0.randAugmentMagnitude = .nan }),
      ("rand_augment_operations", { $0.randAugmentOperations = 0 }),
      ("erasing_probability", { $0.erasingProbability = 1.5 }),
      ("mixup_alpha", { $0.mixupAlpha = -1 }), ("cutmix_alpha", { $0.cutMixAlpha = .infinity }),
      ("label_smoothing", { $0.labelSmoothing = 1 }), ("weight_decay", { $0.weightDecay = .nan }),
      ("average_decay", { $0.averageDecay = 1 }), ("clip_norm", { $0.clipNorm = .infinity }),
      ("batch_norm_momentum", { $0.batchNormMomentum = 0 }),
      ("stochastic_depth", { $0.stochasticDepth = -0.1 }), ("dropout", { $0.dropout = .nan }),
      ("frozen_stages", { $0.frozenStages = -1 }), ("layer_decay", { $0.layerDecay = 0 }),
    ]
    for (field, change) in changes {
      var configuration = TrainingConfiguration()
      change(&configuration)
      let error = #expect(throws: TrainingConfigurationError.self) {
        try configuration.validate()
      }
      #expect(error?.field == field)
    }
  }
}
