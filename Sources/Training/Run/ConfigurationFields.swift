import GraphIR
import Host
import Weights

/// A value of a training configuration that is out of range.
public struct TrainingConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The field, such as `label_smoothing`.
  public let field: String
  /// The values that it may have.
  public let expected: String

  /// One line: the field and what it may be.
  public var description: String { "\(field) is out of range: expected \(expected)" }

  static func require(
    _ isValid: Bool, _ field: String, _ expected: String
  ) throws(TrainingConfigurationError) {
    if !isValid { throw TrainingConfigurationError(field: field, expected: expected) }
  }
}

extension TrainingConfiguration {
  /// Checks the range of every value.
  ///
  /// - Throws: `TrainingConfigurationError` for the first that is out of range.
  public func validate() throws(TrainingConfigurationError) {
    for field in Self.fields where !field.isValid(self) {
      throw TrainingConfigurationError(field: field.name, expected: field.expected)
    }
    try progressive?.validate()
    try optimizer.validate()
    try schedule.validate()
  }

  /// Checks what depends on the network: the number of frozen stages.
  ///
  /// - Throws: `TrainingConfigurationError`.
  package func validate(for graph: Graph) throws(TrainingConfigurationError) {
    let stages = (graph.nodes.compactMap(\.stage).max() ?? -1) + 1
    guard frozenStages <= stages else {
      throw TrainingConfigurationError(
        field: "frozen_stages",
        expected: stages == 0 ? "0, because the network has no stages" : "0 to \(stages)")
    }
  }

  /// The configuration in a log's header.
  var json: JSON.Object {
    JSON.Object(Self.fields.map { (key: $0.name, value: $0.write(self)) })
      + [
        "progressive": progressive.map { .object($0.json) } ?? .null,
        "optimizer": .object(optimizer.json), "schedule": .object(schedule.json),
      ]
  }

  /// The configuration as JSON on one line, as the metadata of the result has it.
  package var description: String { "\(JSON.object(json))" }

  /// Every setting with its value, as the header names them.
  package var entries: [(name: String, value: String)] {
    func entries(_ object: JSON.Object, _ prefix: String) -> [(name: String, value: String)] {
      object.members.flatMap { name, value in
        switch value {
        case .object(let object): entries(object, "\(prefix)\(name).")
        case .string(let text): [(name: prefix + name, value: text)]
        case .null: [(name: prefix + name, value: "none")]
        default: [(name: prefix + name, value: "\(value)")]
        }
      }
    }
    return entries(json, "")
  }

  /// Reads the configuration from a log's header.
  init(json members: [String: JSONValue]) throws(JSONFault) {
    var members = members
    self.init()
    for field in Self.fields { try field.read(&self, try members.value(field.name)) }
    progressive = try ProgressiveLearning(json: try members.value("progressive"))
    optimizer = try Optimizer(json: try members.object("optimizer"))
    schedule = try LearningRateSchedule(json: try members.object("schedule"))
    try members.requireEmpty()
    do {
      try validate()
    } catch {
      throw JSONFault("\(error)")
    }
  }

  /// Every property except `progressive`, `optimizer` and `schedule`.
  static var fields: [Field] {
    [
      .integer("epochs", \.epochs, 1...1_000_000),
      .integer("batch", \.batch, 1...65_536),
      .integer("accumulation", \.accumulation, 1...65_536),
      .integer("image_size", \.imageSize, 1...2048),
      .optional("inference_size", \.inferenceSize, 1...2048),
      .optional("patience", \.patience, 1...1_000_000),
      .name("balance", \.balance),
      .number("validation_share", \.validationShare, "0 or more, below 1") { 0..<1 ~= $0 },
      .optional("minimum_crop_area", \.minimumCropArea, "above 0, up to 1") { $0 > 0 && $0 <= 1 },
      .flag("flips", \.flips),
      .optional("rand_augment_magnitude", \.randAugmentMagnitude, "0 to 30") { 0...30 ~= $0 },
      .integer("rand_augment_operations", \.randAugmentOperations, 1...16),
      .number("erasing_probability", \.erasingProbability, "0 to 1") { 0...1 ~= $0 },
      .number("mixup_alpha", \.mixupAlpha, "0 to 10") { 0...10 ~= $0 },
      .number("cutmix_alpha", \.cutMixAlpha, "0 to 10") { 0...10 ~= $0 },
      .seed("seed", \.seed),
      .name("precision", \.precision, "f32 or bf16") { $0 != .int8 },
      .name("loss", \.loss),
      .number("label_smoothing", \.labelSmoothing, "0 or more, below 1") { 0..<1 ~= $0 },
      .number("weight_decay", \.weightDecay, "0 to 1") { 0...1 ~= $0 },
      .optional("average_decay", \.averageDecay, "0 or more, below 1") { 0..<1 ~= $0 },
      .optional("clip_norm", \.clipNorm, "a positive number") { $0 > 0 && $0.isFinite },
      .name("batch_norm", \.batchNorm),
      .number("batch_norm_momentum", \.batchNormMomentum, "above 0, up to 1") { $0 > 0 && $0 <= 1 },
      .number("stochastic_depth", \.stochasticDepth, "0 or more, below 1") { 0..<1 ~= $0 },
      .number("dropout", \.dropout, "0 or more, below 1") { 0..<1 ~= $0 },
      .integer("frozen_stages", \.frozenStages, 0...1000),
      .number("layer_decay", \.layerDecay, "above 0, up to 1") { $0 > 0 && $0 <= 1 },
    ]
  }
}

extension TrainingConfiguration {
  /// A property in JSON.
  struct Field {
    let name: String
    /// The values that it may have.
    let expected: String
    let isValid: (Root) -> Bool
    let write: (Root) -> JSON
    /// Checks the type; the range is that of `isValid`.
    let read: (inout Root, JSONValue) throws(JSONFault) -> Void

    typealias Root = TrainingConfiguration
  }
}

extension TrainingConfiguration.Field {
  static func integer(
    _ name: String, _ property: WritableKeyPath<Root, Int>, _ range: ClosedRange<Int>
  ) -> Self {
    Self(
      name: name, expected: "\(range.lowerBound) to \(range.upperBound)",
      isValid: { range.contains($0[keyPath: property]) },
      write: { .integer($0[keyPath: property]) },
      read: { (root, value) throws(JSONFault) in
        root[keyPath: property] = try value.integer(name, range)
      })
  }

  static func number(
    _ name: String, _ property: WritableKeyPath<Root, Double>, _ expected: String,
    _ isValid: @escaping (Double) -> Bool
  ) -> Self {
    Self(
      name: name, expected: expected, isValid: { isValid($0[keyPath: property]) },
      write: { .number($0[keyPath: property]) },
      read: { (root, value) throws(JSONFault) in
        guard let number = value.number else { throw JSONFault("\(name) is not a number") }
        root[keyPath: property] = number
      })
  }

  /// A number, or null.
  static func optional(
    _ name: String, _ property: WritableKeyPath<Root, Double?>, _ expected: String,
    _ isValid: @escaping (Double) -> Bool
  ) -> Self {
    Self(
      name: name, expected: expected,
      isValid: { $0[keyPath: property].map(isValid) ?? true },
      write: { $0[keyPath: property].map(JSON.number) ?? .null },
      read: { (root, value) throws(JSONFault) in
        guard value == .null || value.number != nil else {
          throw JSONFault("\(name) is neither a number nor null")
        }
        root[keyPath: property] = value.number
      })
  }

  /// An integer, or null.
  static func optional(
    _ name: String, _ property: WritableKeyPath<Root, Int?>, _ range: ClosedRange<Int>
  ) -> Self {
    Self(
      name: name, expected: "\(range.lowerBound) to \(range.upperBound)",
      isValid: { $0[keyPath: property].map(range.contains) ?? true },
      write: { $0[keyPath: property].map(JSON.integer) ?? .null },
      read: { (root, value) throws(JSONFault) in
        root[keyPath: property] = value == .null ? nil : try value.integer(name, range)
      })
  }

  /// True or false.
  static func flag(_ name: String, _ property: WritableKeyPath<Root, Bool>) -> Self {
    Self(
      name: name, expected: "true or false", isValid: { _ in true },
      write: { .bool($0[keyPath: property]) },
      read: { (root, value) throws(JSONFault) in
        guard case .bool(let flag) = value else { throw JSONFault("\(name) is not true or false") }
        root[keyPath: property] = flag
      })
  }

  /// A number beyond the precision of JSON's, as text.
  static func seed(_ name: String, _ property: WritableKeyPath<Root, UInt64>) -> Self {
    Self(
      name: name, expected: "0 to \(UInt64.max)", isValid: { _ in true },
      write: { .string("\($0[keyPath: property])") },
      read: { (root, value) throws(JSONFault) in
        guard let text = value.text, let seed = UInt64(text), "\(seed)" == text else {
          throw JSONFault("\(name) is not a number from 0 to \(UInt64.max), as text")
        }
        root[keyPath: property] = seed
      })
  }

  /// One of several names.
  static func name<Value: RawRepresentable<String> & CaseIterable>(
    _ name: String, _ property: WritableKeyPath<Root, Value>, _ expected: String? = nil,
    _ isValid: @escaping (Value) -> Bool = { _ in true }
  ) -> Self {
    let expected = expected ?? Value.allCases.map(\.rawValue).joined(separator: ", ")
    return Self(
      name: name, expected: expected, isValid: { isValid($0[keyPath: property]) },
      write: { .string($0[keyPath: property].rawValue) },
      read: { (root, value) throws(JSONFault) in
        guard let value = value.text.flatMap(Value.init(rawValue:)) else {
          throw JSONFault("\(name) is none of \(expected)")
        }
        root[keyPath: property] = value
      })
  }
}
