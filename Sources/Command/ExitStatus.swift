import CNNZoo

/// Exit statuses; 64 and above follow sysexits.h.
///
/// Throwing one exits without printing a message.
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
  case hangUp = 129
  case interrupted = 130
  case terminated = 143

  private var meaning: String {
    switch self {
    case .success: "success; with --on-error record, even if inputs failed"
    case .someFailed: "some inputs failed"
    case .nothingDone: "all inputs failed, there were no images, or memory ran out"
    case .usage: "usage error"
    case .badData: "the only input is damaged or of unknown format, or an index does not match"
    case .missingInput: "an input is missing or unreadable"
    case .unavailable: "weights, the download server, OpenBLAS or LAPACKE are unavailable"
    case .cannotCreate: "the output file cannot be created"
    case .inputOutput: "write error"
    case .badWeights: "the weight file is damaged or does not match the model"
    case .hangUp: "ended by SIGHUP"
    case .interrupted: "ended by SIGINT (Ctrl-C)"
    case .terminated: "ended by SIGTERM"
    }
  }

  /// The table for `--help`, from which the man page is generated.
  static let help =
    "EXIT STATUS:\n"
    + allCases.map { status in
      let number = "\(status.rawValue)"
      return "  " + String(repeating: " ", count: 3 - number.count) + "\(number)  \(status.meaning)"
    }.joined(separator: "\n")

  /// The status for an error of this package; `nil` for other errors.
  init?(for error: any Error) {
    switch error {
    case let error as any StatusCarrying: self = error.status
    case is ProcessorError: self = .usage
    case is OpenBLASError, is LAPACKEError: self = .unavailable
    case is OutOfMemory: self = .nothingDone
    default: return nil
    }
  }
}

/// An error that determines the exit status.
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
    case .unavailable: .unavailable
    case .unknownFormat, .unsupportedFormat, .malformed, .unsupported, .overLimit: .badData
    }
  }
}

extension WeightsError: StatusCarrying {
  var status: ExitStatus {
    switch self {
    case .unreadable: .missingInput
    case .malformed, .unsupported, .refused, .needsExport, .changed, .unrepresentable: .badWeights
    }
  }
}

extension FileError: StatusCarrying {
  var status: ExitStatus {
    switch self {
    case .cannotRead: .missingInput
    case .tooLong: .badData
    case .cannotCreate: .cannotCreate
    case .cannotWrite: .inputOutput
    }
  }
}

extension DownloadError: StatusCarrying {
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

extension PathListError: StatusCarrying {
  var status: ExitStatus { .missingInput }
}

extension PretrainedError: StatusCarrying {
  var status: ExitStatus {
    switch self {
    case .weightsNotFound, .nothingInstalled: .unavailable
    case .preprocessing: .usage
    case .unidentified, .otherModel, .metadata, .onlyAverages, .noClassifier: .badWeights
    }
  }
}

extension ClassifierError: StatusCarrying {
  var status: ExitStatus {
    switch self {
    case .softmaxOfOneOutput: .usage
    case .nonFiniteLogit: .badWeights
    }
  }
}

extension InferenceError: StatusCarrying {
  var status: ExitStatus {
    switch self {
    case .badParameter, .nonFinite: .badWeights
    case .precision, .unsupported: .usage
    }
  }
}

extension EmbeddingError: StatusCarrying {
  var status: ExitStatus {
    switch self {
    case .noHiddenLayer, .lostHiddenLayer: .usage
    case .nonFinite, .zero: .badWeights
    }
  }
}

extension EmbeddingIndexError: StatusCarrying {
  var status: ExitStatus { .badData }
}

extension DatasetError: StatusCarrying {
  var status: ExitStatus { .usage }
}

extension HeadTrainingError: StatusCarrying {
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

/// An invalid combination of arguments that the parser cannot detect.
struct UsageError: StatusCarrying, CustomStringConvertible {
  let description: String
  var status: ExitStatus { .usage }

  init(_ description: String) {
    self.description = description
  }
}
