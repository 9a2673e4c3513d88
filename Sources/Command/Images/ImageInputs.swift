import Host
import Glibc

/// The images that a command was given, one after another.
struct ImageInputs {
  /// One of them.
  enum Input {
    case file(FilePath, isInFolder: Bool)
    case standardInput
    /// Something that is no file to be read.
    case failure(path: FilePath, reason: String)

    /// What it is called in results.
    var name: String {
      switch self {
      case .file(let path, _), .failure(let path, _): path.shown
      case .standardInput: "-"
      }
    }

    /// Whether it was found in a folder, among files of any kind.
    var isInFolder: Bool {
      if case .file(_, isInFolder: true) = self { true } else { false }
    }
  }

  private var arguments: ArraySlice<FilePath>
  private var folder: (walk: DirectoryWalk, path: FilePath, isEmpty: Bool)?
  private var list: PathList?

  /// Inputs from arguments, where folders stand for the files in them and `-` for standard input,
  /// and then from a list, where every line stands for one file.
  init(arguments: [FilePath], list: PathList?) {
    self.arguments = arguments[...]
    self.list = list
  }

  /// The next one; `nil` at the end.
  mutating func next() throws(PathListError) -> Input? {
    while let current = folder {
      var walk = current.walk
      let entry = walk.next()
      folder = entry == nil ? nil : (walk, current.path, false)
      switch entry {
      case .file(let path): return .file(path, isInFolder: true)
      case .unreadableDirectory(let path, let reason): return .failure(path: path, reason: reason)
      case nil where current.isEmpty:
        return .failure(path: current.path, reason: "the folder holds no files")
      case nil: continue
      }
    }
    guard let path = arguments.popFirst() else {
      guard let line = try list?.next() else { return nil }
      return file(FilePath(line))
    }
    if path.shown == "-" { return .standardInput }
    if path.kind == S_IFDIR {
      folder = (DirectoryWalk(path), path, true)
      return try next()
    }
    return file(path)
  }

  private func file(_ path: FilePath) -> Input {
    if path.bytes.count == 1 { return .failure(path: path, reason: "the path is empty") }
    return .file(path, isInFolder: false)
  }

  /// Whether `next()` would answer without waiting for the writer of the list.
  var isReady: Bool {
    folder != nil || !arguments.isEmpty || list?.isReady ?? true
  }
}
