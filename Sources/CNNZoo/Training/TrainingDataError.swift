import Images

/// Why the images of a folder cannot be used for training, or not any longer.
public enum TrainingDataError: Error, Equatable, Sendable {
  /// A class has no usable training images.
  case noImages(class: String)
  /// An image that could be decoded at the start no longer can.
  case lost(path: String, error: ImageError)
  /// An image is not the same file as at the start.
  case changed(path: String)
  /// The folder is not the one that the run started with.
  ///
  /// `difference` is the first of `count` differences.
  case otherFolder(difference: Difference, count: Int)
  /// The list of the run's images is damaged.
  case badList(path: String, reason: String)

  /// A file that differs between the start of a run and now.
  public enum Difference: Equatable, Sendable {
    /// There is a new file.
    case added(path: String)
    /// A file is missing.
    case removed(path: String)
    /// A file has other contents, or belongs to another class.
    case changed(path: String)
  }
}

extension TrainingDataError: CustomStringConvertible {
  /// One line: the file, what is wrong and what to do.
  public var description: String {
    switch self {
    case .noImages(let name): "class \"\(name)\" has no usable training images; add some"
    case .lost(let path, let error):
      "\(path): \(error.reason); it was intact when the run started: restore it and resume"
    case .changed(let path): "\(path): changed during the run; restore it and resume"
    case .otherFolder(let difference, let count):
      switch count {
      case 1: "\(difference) since the run started; restore the folder, or start a new run"
      case 2:
        "\(difference) since the run started, and there is one more difference;"
          + " restore the folder, or start a new run"
      default:
        "\(difference) since the run started, and there are \(count - 1) more differences;"
          + " restore the folder, or start a new run"
      }
    case .badList(let path, let reason): "\(path): not a list of training images: \(reason)"
    }
  }
}

extension TrainingDataError.Difference: CustomStringConvertible {
  /// The file, and what happened to it.
  public var description: String {
    switch self {
    case .added(let path): "\(path) was added"
    case .removed(let path): "\(path) was removed"
    case .changed(let path): "\(path) was changed"
    }
  }
}

extension ImageError {
  /// What is wrong, without the source and what to do.
  var reason: String {
    switch self {
    case .unreadable(_, let reason): reason
    case .unknownFormat: "not an image in a supported format"
    case .unsupportedFormat(_, let name): "\(name) is not supported"
    case .unavailable(_, let format, let reason): "cannot decode \(format): \(reason)"
    case .malformed(_, let format, let reason): "damaged \(format) data: \(reason)"
    case .unsupported(_, let format, let reason): "unsupported \(format) data: \(reason)"
    case .overLimit(_, _, let reason): "over a limit: \(reason)"
    }
  }
}
