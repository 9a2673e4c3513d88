import CNNZoo

// The exit statuses of training's errors.

extension RunError: StatusCarrying {
  var status: ExitStatus {
    switch self {
    case .exists, .occupied, .changed, .inUse: .usage
    case .noRun: .missingInput
    case .damaged, .noState: .badData
    case .cannotSave(let error), .file(let error): error.status
    }
  }
}

extension TrainingDataError: StatusCarrying {
  var status: ExitStatus {
    switch self {
    case .noImages, .badList: .badData
    case .lost, .changed: .missingInput
    case .otherFolder: .usage
    }
  }
}

extension TrainerError: StatusCarrying {
  var status: ExitStatus {
    switch self {
    case .diverged, .fewImages: .badData
    case .tooLittleMemory, .tooLittleTime: .nothingDone
    }
  }
}

extension TrainingError: StatusCarrying {
  var status: ExitStatus { .usage }
}

extension TrainingConfigurationError: StatusCarrying {
  var status: ExitStatus { .usage }
}
