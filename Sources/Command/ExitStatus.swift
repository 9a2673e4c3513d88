import CNNZoo

/// The statuses that the command exits with; 64 and above are those of sysexits.h.
///
/// Thrown, it ends the command without a further message.
enum ExitStatus: Int32, Error, CaseIterable {
  case success = 0
  case someFailed = 1
  case nothingDone = 2
  case usage = 64
  case badData = 65
  case missingInput = 66
  case unavailable = 69
  case cannotCreate = 73
  case inputOutput = 74
  case badWeights = 76
  case interrupted = 130

  private var meaning: String {
    switch self {
    case .success: "everything was done"
    case .someFailed: "some inputs failed, the others were answered"
    case .nothingDone: "all inputs failed, or none was a picture"
    case .usage: "wrong usage"
    case .badData: "the only input is damaged or of no known format"
    case .missingInput: "an input is missing or cannot be read"
    case .unavailable: "weights, their server, OpenBLAS or LAPACKE are not to be had"
    case .cannotCreate: "the output file cannot be created"
    case .inputOutput: "writing failed"
    case .badWeights: "the weight file is damaged or does not fit the model"
    case .interrupted: "interrupted (143 by SIGTERM, 129 by SIGHUP)"
    }
  }

  /// The list for `--help`.
  static let help =
    "Exit status:\n"
    + allCases.map { status in
      let number = "\(status.rawValue)"
      return "  " + String(repeating: " ", count: 3 - number.count) + "\(number)  \(status.meaning)"
    }.joined(separator: "\n")

  /// The status for an error of this package; `nil` for errors of others.
  init?(for error: any Error) {
    switch error {
    case let error as any StatusCarrying: self = error.status
    case is InstructionSetError: self = .usage
    case is BLASError, is LAPACKError: self = .unavailable
    case is OutOfMemoryError: self = .nothingDone
    default: return nil
    }
  }
}

/// An error that knows the status it makes the command exit with.
protocol StatusCarrying: Error {
  var status: ExitStatus { get }
}

extension OutputError: StatusCarrying {
  var status: ExitStatus {
    switch self {
    case .readerGone: .success
    case .failed: .inputOutput
    }
  }
}

extension ModelError: StatusCarrying {
  var status: ExitStatus { .usage }
}

extension ImageError: StatusCarrying {
  var status: ExitStatus {
    switch self {
    case .unreadable: .missingInput
    case .unknownFormat, .malformed, .unsupported, .overLimit: .badData
    }
  }
}

extension WeightsError: StatusCarrying {
  var status: ExitStatus {
    switch self {
    case .unreadable: .missingInput
    case .malformed, .unsupported, .refused, .changed, .unrepresentable: .badWeights
    case .cannotCreate: .cannotCreate
    case .cannotWrite: .inputOutput
    }
  }
}

extension PullError: StatusCarrying {
  var status: ExitStatus {
    switch self {
    case .badAddress: .usage
    case .offline, .unavailable, .badRedirection, .missingTool: .unavailable
    case .notTheFile, .wrongHash: .badWeights
    case .interrupted: .interrupted
    case .cannotCreate: .cannotCreate
    case .cannotWrite, .cannotRead: .inputOutput
    }
  }
}

extension CacheError: StatusCarrying {
  var status: ExitStatus {
    switch self {
    case .noFolder, .cannotCreate: .cannotCreate
    case .unreadable, .absent: .missingInput
    case .leadsOut: .badWeights
    case .badName, .noHash: .usage
    case .cannotRemove: .inputOutput
    }
  }
}

extension LabelsError: StatusCarrying {
  var status: ExitStatus {
    switch self {
    case .unreadable: .missingInput
    case .malformed, .wrongCount: .badData
    }
  }
}

extension ClassifierError: StatusCarrying {
  var status: ExitStatus {
    switch self {
    case .weightsNotFound: .unavailable
    case .recipe: .usage
    case .otherModel, .metadata, .nonFiniteLogit: .badWeights
    }
  }
}

extension InferenceError: StatusCarrying {
  var status: ExitStatus {
    switch self {
    case .badParameter, .nonFinite: .badWeights
    case .unsupported: .usage
    }
  }
}

extension EmbeddingError: StatusCarrying {
  var status: ExitStatus {
    switch self {
    case .noHiddenLayer: .usage
    case .nonFinite, .zero: .badWeights
    }
  }
}

extension TeachingError: StatusCarrying {
  var status: ExitStatus { .badData }
}

extension ImageEncodingError: StatusCarrying {
  var status: ExitStatus { .inputOutput }
}

extension ParameterMismatch: StatusCarrying {
  var status: ExitStatus { .badWeights }
}

extension PreprocessingError: StatusCarrying {
  var status: ExitStatus { .badWeights }
}

/// A wrong combination of arguments that the parser cannot see.
struct UsageError: StatusCarrying, CustomStringConvertible {
  let description: String
  var status: ExitStatus { .usage }

  init(_ description: String) {
    self.description = description
  }
}
