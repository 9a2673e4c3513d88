import Host
import Weights

/// What determines every bit of a run's result, so that it must be the same on resumption.
public struct RunIdentity: Equatable, Sendable {
  /// The model's name.
  public var model: String
  /// How it is trained.
  public var configuration: TrainingConfiguration
  /// A hash of the list of images, their labels and their contents.
  public var data: String
  /// A hash of the weights that training starts from.
  public var initialWeights: String
  /// The program's version and commit.
  public var program: String
  /// The instruction set of the kernels.
  public var instructionSet: String
  /// The shapes of the parameters by name.
  public var parameters: [String: [Int]]

  /// The identity of a run of a network whose parameters are those of `store`.
  package init(
    model: String, configuration: TrainingConfiguration, data: String, initialWeights: String,
    program: String, instructionSet: String, store: ParameterStore
  ) {
    self.model = model
    self.configuration = configuration
    self.data = data
    self.initialWeights = initialWeights
    self.program = program
    self.instructionSet = instructionSet
    let pairs = store.entries.map { ($0.parameter.name, $0.parameter.shape) }
    parameters = Dictionary(pairs, uniquingKeysWith: { first, _ in first })
  }
}

/// Comparing.
extension RunIdentity {
  /// Something that two runs do not have in common.
  public struct Difference: Equatable, Sendable, CustomStringConvertible {
    /// What differs, such as `configuration.epochs`.
    public let name: String
    /// Its value when the run began; `nil` if there was none.
    public let before: String?
    /// Its value now; `nil` if there is none.
    public let now: String?

    /// `name was before, is now`.
    public var description: String {
      "\(name) was \(before ?? "absent"), is \(now ?? "absent")"
    }
  }

  /// What differs in `current`, in the order of the log's header.
  public func differences(in current: RunIdentity) -> [Difference] {
    let (before, now) = (leaves, current.leaves)
    let old = Dictionary(before, uniquingKeysWith: { first, _ in first })
    let new = Dictionary(now, uniquingKeysWith: { first, _ in first })
    let names = before.map(\.0) + now.map(\.0).filter { old[$0] == nil }
    return names.compactMap { name in
      old[name] == new[name]
        ? nil : Difference(name: name, before: old[name], now: new[name])
    }
  }

  /// Every value by its path.
  private var leaves: [(String, String)] {
    var leaves: [(String, String)] = []
    func visit(_ path: String, _ value: JSON) {
      if case .object(let object) = value {
        for (key, value) in object.members { visit(path.isEmpty ? key : "\(path).\(key)", value) }
      } else if case .string(let text) = value {
        leaves.append((path, text))
      } else {
        leaves.append((path, "\(value)"))
      }
    }
    visit("", .object(json))
    return leaves
  }
}

/// In the log's header.
extension RunIdentity {
  var json: JSON.Object {
    let parameters = parameters.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    return [
      "model": .string(model), "program": .string(program),
      "instruction_set": .string(instructionSet), "data": .string(data),
      "initial_weights": .string(initialWeights), "configuration": .object(configuration.json),
      "parameters": .object(
        JSON.Object(
          parameters.map { (key: $0.key, value: .array($0.value.map(JSON.integer))) })),
    ]
  }

  init(_ members: inout [String: JSONValue]) throws(JSONFault) {
    model = try members.text("model")
    program = try members.text("program")
    instructionSet = try members.text("instruction_set")
    data = try members.text("data")
    initialWeights = try members.text("initial_weights")
    configuration = try TrainingConfiguration(json: try members.object("configuration"))
    parameters = [:]
    for (name, shape) in try members.object("parameters") {
      guard let elements = shape.elements else {
        throw JSONFault("parameters.\(name) is not a shape")
      }
      var extents: [Int] = []
      for element in elements {
        extents.append(try element.integer("parameters.\(name)", 0...(1 << 40)))
      }
      parameters[name] = extents
    }
  }
}

/// The first line of a run's log.
public struct RunHeader: Equatable, Sendable {
  /// What must stay the same.
  public var identity: RunIdentity
  /// The processor's name.
  public var processor: String
  /// The number of threads when the run began.
  public var threads: Int
  /// When the run began, in seconds since 1970.
  public var time: Int
  /// The path of the images' folder.
  public var folder: String
  /// The path of the weight file that the run writes.
  public var output: String
  /// Whether hidden files and folders are used.
  public var includesHidden: Bool
  /// The command line that began the run; empty for a program of its own.
  public var command: [String]

  /// A header.
  public init(
    identity: RunIdentity, processor: String, threads: Int, time: Int, folder: String,
    output: String, includesHidden: Bool = false, command: [String] = []
  ) {
    (self.folder, self.output, self.includesHidden) = (folder, output, includesHidden)
    self.command = command
    self.identity = identity
    self.processor = processor
    self.threads = threads
    self.time = time
  }

  private static let schema = 1

  var json: JSON.Object {
    [
      "type": .string("header"), "schema": .integer(Self.schema), "time": .integer(time),
      "processor": .string(processor), "threads": .integer(threads), "folder": .string(folder),
      "output": .string(output),
      "includes_hidden": .bool(includesHidden), "command": .array(command.map(JSON.string)),
    ] + identity.json
  }

  init(_ json: JSONValue) throws(JSONFault) {
    guard var members = json.members else { throw JSONFault("the header is not an object") }
    let type = try members.text("type")
    guard type == "header" else { throw JSONFault("type is \(type), expected header") }
    let schema = try members.integer("schema", 0...(1 << 20))
    guard schema == Self.schema else {
      throw JSONFault("schema is \(schema), but this program reads \(Self.schema)")
    }
    time = try members.integer("time", 0...(1 << 52))
    processor = try members.text("processor")
    threads = try members.integer("threads", 1...(1 << 20))
    folder = try members.text("folder")
    output = try members.text("output")
    guard case .bool(let hidden) = try members.value("includes_hidden") else {
      throw JSONFault("includes_hidden is not true or false")
    }
    includesHidden = hidden
    guard let words = try members.value("command").elements else {
      throw JSONFault("command is not an array")
    }
    command = []
    for word in words {
      guard let text = word.text else { throw JSONFault("command has a word that is not a text") }
      command.append(text)
    }
    identity = try RunIdentity(&members)
    try members.requireEmpty()
  }
}
