import Host
import Images
import Pretrained

/// A file of a training folder.
public struct TrainingImage: Sendable {
  /// Its path in the folder, with U+FFFD for bytes that are not UTF-8.
  public let name: String
  /// Its class.
  public let classIndex: Int
  /// Whether it is for validation, not for training.
  public internal(set) var isValidation: Bool
  /// Identifies the contents; `nil` before they were read.
  var hash: ContentHash?
  let path: FilePath

  /// The file, for a `Classifier`, an `Embedder` or a `HeadTrainer`.
  public var input: ImageInput { .file(path) }
}

/// The images of a folder, with their classes, for training and validation.
///
/// The folder has one folder per class, or is divided into `train`, `val` (or `valid`,
/// `validation`) and `test`, of which `test` is not used. The order of the images is that of the
/// bytes of their paths; in a divided folder, those for training come first.
///
/// ```swift
/// var images = try TrainingImages(folder: "pets")
/// let reader = TrainingImageReader()
/// try images.scan(reader)
/// if !images.isDivided { images.divide(validationShare: 0.15, seed: 0) }
/// print(images.training.count, images.validation.count)
/// ```
public struct TrainingImages: Sendable {
  /// A file that cannot be used.
  public struct Failure: Sendable {
    /// Its path in the folder.
    public let name: String
    /// What is wrong with it.
    public let error: ImageError
    /// `nil` if it cannot be read.
    let hash: ContentHash?
  }

  /// The names of the classes, in the order of their bytes: those of the folders for training.
  public let labels: Labels
  /// The images; after `scan`, only those that can be decoded.
  public internal(set) var images: [TrainingImage] = []
  /// Files that cannot be used.
  public internal(set) var failures: [Failure] = []
  /// Files that were skipped because they are not images.
  public private(set) var skipped = 0
  /// Whether the folder itself is divided into images for training and for validation.
  public let isDivided: Bool

  /// The path of the folder, with a trailing slash.
  private let folder: String

  /// Lists the images in a folder.
  ///
  /// - Parameters:
  ///   - folder: The path.
  ///   - includesHidden: Whether to include files and folders whose names begin with a dot.
  /// - Throws: `ImageError.unreadable` if it is not a folder or cannot be read; `HeadTrainingError`
  ///   for names that cannot be classes; `ClassNameError` if a folder for validation is not among
  ///   the classes; `DatasetError` if the folder is divided, but has no split `train`.
  public init(folder: String, includesHidden: Bool = false) throws {
    try self.init(FilePath(folder.utf8), includesHidden: includesHidden)
  }

  package init(_ folder: FilePath, includesHidden: Bool) throws {
    let dataset = try Dataset(folder, includesHidden: includesHidden)
    let training = try dataset.classes(of: dataset.splits.isEmpty ? nil : .train)
    labels = Labels(try HeadTrainingError.checked(training.names), source: "the classes' names")
    isDivided = dataset.splits.contains(.val)
    self.folder = folder.appending([]).shown
    try append(
      training, classes: Array(labels.names.indices), isValidation: false,
      includesHidden: includesHidden)
    if isDivided {
      let validation = try dataset.classes(of: .val)
      try append(
        validation, classes: try ClassNames(labels).classes(ofFolders: validation.names),
        isValidation: true, includesHidden: includesHidden)
    }
  }

  /// Appends the images of some classes.
  private mutating func append(
    _ folders: ClassFolders, classes: [Int], isValidation: Bool, includesHidden: Bool
  ) throws {
    for error in folders.unreadable {
      if case .unreadable(let source, _) = error { fail(source, error) }
    }
    skipped += folders.skipped
    for (path, index) in zip(folders.paths, classes) {
      let inputs = ImageInputs(arguments: [path], list: nil, includesHidden: includesHidden)
      while let input = try inputs.next() {
        switch input.content {
        case .file(let path):
          images.append(
            TrainingImage(
              name: name(of: input.name), classIndex: index, isValidation: isValidation,
              path: path))
        case .failure(let error): fail(input.name, error)
        case .bytes, .image, .standardInput: preconditionFailure("a folder contains files")
        }
      }
      skipped += inputs.skipped
    }
  }

  private mutating func fail(_ path: String, _ error: ImageError) {
    failures.append(Failure(name: name(of: path), error: error, hash: nil))
  }

  /// A path in the folder, without that of the folder.
  private func name(of path: String) -> String {
    guard path.utf8.starts(with: folder.utf8) else { return path }
    return String(Substring(path.utf8.dropFirst(folder.utf8.count)))
  }

  /// The images for training, as indices of ``images``.
  public var training: [Int] { images.indices.filter { !images[$0].isValidation } }

  /// The images for validation, as indices of ``images``.
  public var validation: [Int] { images.indices.filter { images[$0].isValidation } }
}

extension TrainingImages {
  /// Decodes every image once, and moves those that cannot be decoded from ``images`` to
  /// ``failures``.
  ///
  /// - Parameters:
  ///   - reader: Keeps decoded images as far as there is room.
  ///   - threads: Decoding threads.
  ///   - receive: Called with each image in order: its warnings, its fingerprint if the reader's
  ///     options ask for it, and the `ImageError` if it cannot be decoded.
  /// - Throws: Errors of `receive`; `TrainingDataError.noImages` if a class is left without images
  ///   for training.
  public mutating func scan(
    _ reader: TrainingImageReader, threads: Int = HostInfo.allowedThreads,
    receive: (ImageResult<TrainingImage>) throws -> Void = { _ in }
  ) throws {
    let workers = OrderedWorkers<TrainingImage, TrainingImageReader.Scan>(
      threads: threads, capacity: 4 * threads
    ) { image, _ in reader.scan(image) }
    var rest = images[...]
    var intact: [TrainingImage] = []
    var damaged: [Failure] = []
    try workers.forEach(images) { scan in
      var image = rest.removeFirst()
      image.hash = scan.hash
      switch scan.result {
      case .success: intact.append(image)
      case .failure(let error):
        damaged.append(Failure(name: image.name, error: error, hash: scan.hash))
      }
      let decoded = try? scan.result.get()
      try receive(
        ImageResult(
          input: image.input, warnings: decoded?.warnings ?? [], fingerprint: decoded?.fingerprint,
          result: scan.result.map { _ in image }.mapError { $0 }))
    }
    images = intact
    failures += damaged
    try checkClasses()
  }

  /// Throws unless each class has an image for training.
  func checkClasses() throws(TrainingDataError) {
    if let index = trainingCounts.firstIndex(of: 0) { throw .noImages(class: labels[index]) }
  }
}
