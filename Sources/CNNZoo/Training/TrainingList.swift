import Host
import Images
import Weights

/// The list of a run's images: a line of JSON for each file, to recognise the folder when the run
/// is resumed.
///
/// Files are compared by their contents, not by their times: a copied or unpacked folder is the
/// same data, and each changed byte is noticed. A fast hash is enough, because nobody attacks their
/// own images, and a scan reads every file anyway.
extension TrainingImages {
  /// The largest list that is read: some millions of images.
  private static let longestList = 1 << 30

  /// The list, one line per file.
  public var list: String {
    let images = images.map { image -> JSON.Object in
      [
        "file": .string(image.name), "class": .string(labels[image.classIndex]),
        "split": .string((image.isValidation ? DatasetSplit.val : .train).rawValue),
        "hash": .optional(image.hash?.description),
      ]
    }
    let failures = failures.map { failure -> JSON.Object in
      [
        "file": .string(failure.name), "error": .string(failure.error.reason),
        "hash": .optional(failure.hash?.description),
      ]
    }
    return (images + failures).map { "\(JSON.object($0))\n" }.joined()
  }

  /// 32 hexadecimal digits that identify ``list``.
  public var digest: String { ContentHash(Array(list.utf8)).description }

  /// Writes the list to a file, replacing an existing one.
  ///
  /// - Throws: `FileError`.
  public func writeList(to path: String) throws(FileError) {
    try AtomicFile.write(Array(list.utf8), to: path)
  }

  /// The images of a run that is resumed.
  ///
  /// Reads all files, but decodes none.
  ///
  /// - Parameters:
  ///   - folder: The path.
  ///   - list: The path of the list written by `writeList(to:)`.
  ///   - reader: The reader of the run.
  ///   - threads: Reading threads.
  /// - Throws: `TrainingDataError.otherFolder` if the folder has other files, or other contents;
  ///   `TrainingDataError.badList`; errors of `init(folder:includesHidden:)`.
  public init(
    folder: String, includesHidden: Bool = false, resuming list: String,
    reader: TrainingImageReader, threads: Int = HostInfo.allowedThreads
  ) throws {
    try self.init(
      FilePath(folder.utf8), includesHidden: includesHidden, resuming: list, reader: reader,
      threads: threads)
  }

  package init(
    _ folder: FilePath, includesHidden: Bool, resuming list: String, reader: TrainingImageReader,
    threads: Int
  ) throws {
    let lines = try Self.lines(of: list)
    try self.init(folder, includesHidden: includesHidden)
    let workers = OrderedWorkers<FilePath, ContentHash?>(threads: threads, capacity: 4 * threads) {
      path, _ in reader.hash(of: path)
    }
    var index = 0
    workers.forEach(images.map(\.path)) { hash in
      images[index].hash = hash
      index += 1
    }
    try match(lines)
  }

  /// One line of the list.
  private struct Line {
    let name: String
    let hash: ContentHash?
    let use: Use

    enum Use {
      case image(class: String, isValidation: Bool)
      case failure(String)
    }
  }

  private static func lines(of path: String) throws(TrainingDataError) -> [Line] {
    let values: [JSONValue]
    do throws(WeightsError) {
      values = try JSONValue.values(in: path, limit: longestList)
    } catch {
      switch error {
      case .unreadable(_, let reason), .malformed(_, let reason), .unsupported(_, let reason),
        .refused(_, let reason):
        throw .badList(path: path, reason: reason)
      case .changed, .needsExport, .unrepresentable: throw .badList(path: path, reason: "\(error)")
      }
    }
    var lines: [Line] = []
    for (index, value) in values.enumerated() {
      guard let line = line(value) else {
        throw .badList(path: path, reason: "line \(index + 1) does not describe a file")
      }
      lines.append(line)
    }
    return lines
  }

  private static func line(_ value: JSONValue) -> Line? {
    guard let name = value["file"]?.text else { return nil }
    let hash = value["hash"]?.text.flatMap { ContentHash($0) }
    guard (hash == nil) == (value["hash"] == nil) else { return nil }
    if let error = value["error"]?.text {
      return Line(name: name, hash: hash, use: .failure(error))
    }
    guard let label = value["class"]?.text, hash != nil,
      let split = value["split"]?.text.flatMap({ DatasetSplit(rawValue: $0) }), split != .test
    else { return nil }
    return Line(name: name, hash: hash, use: .image(class: label, isValidation: split == .val))
  }

  /// Takes over the uses in the list, which describes the same files.
  private mutating func match(_ lines: [Line]) throws(TrainingDataError) {
    var differences: [TrainingDataError.Difference] = []
    // Names with bytes that are not UTF-8 may look the same.
    var known = Dictionary(grouping: lines, by: \.name).mapValues { $0[...] }
    var usable: [TrainingImage] = []
    var failed: [Failure] = []
    for var image in images {
      guard let line = known[image.name]?.popFirst() else {
        differences.append(.added(path: image.name))
        continue
      }
      switch line.use {
      case .image(labels[image.classIndex], let isValidation)
      where line.hash == image.hash && (!isDivided || isValidation == image.isValidation):
        image.isValidation = isValidation
        usable.append(image)
      case .failure(let reason) where line.hash == image.hash:
        let error = ImageError.unreadable(source: image.path.shown, reason: reason)
        failed.append(Failure(name: image.name, error: error, hash: image.hash))
      default: differences.append(.changed(path: image.name))
      }
    }
    for failure in failures {
      switch known[failure.name]?.popFirst()?.use {
      case .failure: break
      case .image: differences.append(.changed(path: failure.name))
      case nil: differences.append(.added(path: failure.name))
      }
    }
    for line in lines where known[line.name]?.isEmpty == false {
      known[line.name]?.removeFirst()
      differences.append(.removed(path: line.name))
    }
    if let first = differences.first {
      throw .otherFolder(difference: first, count: differences.count)
    }
    images = usable
    failures += failed
    try checkClasses()
  }
}
