import Host

/// A part of a dataset.
package enum DatasetSplit: String, CaseIterable, Sendable {
  case train
  case val
  case test

  /// The split that a folder with this name contains.
  init?(folder name: String) {
    switch name {
    case "train": self = .train
    case "val", "valid", "validation": self = .val
    case "test": self = .test
    default: return nil
    }
  }
}

/// A dataset: a folder with one folder per class, or with one such folder per split.
package struct Dataset {
  private let folder: FilePath
  private let includesHidden: Bool
  /// The folder of each split; empty if the classes are in the folder itself.
  private let paths: [DatasetSplit: FilePath]

  /// Finds the splits or classes in `folder`.
  ///
  /// A folder is divided into splits only if it has no other folders, and each split has
  /// folders of its own: a folder `train` next to a folder `car` is a class.
  ///
  /// - Throws: `ImageError.unreadable` if it is not a folder or cannot be read.
  package init(_ folder: FilePath, includesHidden: Bool) throws(ImageError) {
    self.folder = folder
    self.includesHidden = includesHidden
    var paths: [DatasetSplit: FilePath] = [:]
    let classes = try ClassFolders(in: folder, includesHidden: includesHidden)
    for (name, path) in zip(classes.names, classes.paths) {
      guard let split = DatasetSplit(folder: name), paths[split] == nil,
        try !ClassFolders(in: path, includesHidden: includesHidden).names.isEmpty
      else {
        self.paths = [:]
        return
      }
      paths[split] = path
    }
    self.paths = paths
  }

  /// The splits that the dataset is divided into, if any.
  package var splits: [DatasetSplit] { DatasetSplit.allCases.filter { paths[$0] != nil } }

  /// The classes of a split, or of the whole dataset if it is not divided.
  ///
  /// - Throws: `DatasetError.noSplit` if the dataset has no such split, `ImageError.unreadable`.
  package func classes(of split: DatasetSplit?) throws -> ClassFolders {
    guard let split else { return try ClassFolders(in: folder, includesHidden: includesHidden) }
    guard let path = paths[split] else {
      throw DatasetError.noSplit(
        folder: folder.shown, split: split.rawValue, splits: splits.map(\.rawValue))
    }
    return try ClassFolders(in: path, includesHidden: includesHidden)
  }
}

/// The folders in a folder, one per class.
package struct ClassFolders {
  /// Their names, in the order of their bytes.
  package private(set) var names: [String] = []
  package private(set) var paths: [FilePath] = []
  /// Broken links.
  package private(set) var unreadable: [ImageError] = []
  /// Files next to the folders.
  package private(set) var skipped = 0

  /// - Throws: `ImageError.unreadable` if `folder` is not a folder or cannot be read.
  package init(in folder: FilePath, includesHidden: Bool) throws(ImageError) {
    do throws(FileError) {
      for entry in try folder.entries(includesHidden: includesHidden) {
        switch entry.kind {
        case .directory:
          names.append(String(decoding: entry.name, as: UTF8.self))
          paths.append(entry.path)
        case .unreadable(let reason):
          unreadable.append(.unreadable(source: entry.path.shown, reason: reason))
        case .file, .special: skipped += 1
        }
      }
    } catch {
      throw .unreadable(source: folder.shown, reason: error.reason)
    }
  }
}

/// Why a dataset cannot be used.
public enum DatasetError: Error, Equatable, Sendable {
  /// The folder is not divided, or into these splits only.
  case noSplit(folder: String, split: String, splits: [String])
}

extension DatasetError: CustomStringConvertible {
  /// One line: the folder and its parts.
  public var description: String {
    switch self {
    case .noSplit(let folder, let split, let splits):
      "\(folder) has no \(split) split"
        + (splits.isEmpty
          ? ": its folders are classes" : ", only \(splits.joined(separator: " and "))")
    }
  }
}
