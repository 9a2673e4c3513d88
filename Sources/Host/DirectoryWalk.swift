import Glibc

/// An entry of a directory, symbolic links followed.
package struct DirectoryEntry: Sendable {
  /// The type of an entry, after following links.
  package enum Kind: Sendable {
    case file
    case directory(FileIdentity)
    /// A FIFO, a socket or a device.
    case special
    /// For example a broken link.
    case unreadable(reason: String)
  }

  /// The last component of the path.
  package let name: [UInt8]
  package let path: FilePath
  package let kind: Kind
}

/// Identifies a file independently of its path.
package struct FileIdentity: Hashable, Sendable {
  private let device: UInt
  private let inode: UInt

  init(_ status: stat) {
    device = UInt(status.st_dev)
    inode = UInt(status.st_ino)
  }
}

extension FilePath {
  /// The entries of this directory, sorted by the bytes of the paths below them.
  ///
  /// - Parameter includesHidden: Whether to include names that begin with a dot.
  /// - Throws: `FileError.cannotRead`.
  package func entries(includesHidden: Bool = false) throws(FileError) -> [DirectoryEntry] {
    var found: [(key: [UInt8], entry: DirectoryEntry)] = []
    for name in try names() where includesHidden || name.first != UInt8(ascii: ".") {
      let path = appending(name)
      let kind = DirectoryEntry.Kind(of: path)
      // A directory is sorted as if its name ended with the slash in the paths below it.
      let key = if case .directory = kind { name + [UInt8(ascii: "/")] } else { name }
      found.append((key, DirectoryEntry(name: name, path: path, kind: kind)))
    }
    found.sort { $0.key.lexicographicallyPrecedes($1.key) }
    return found.map(\.entry)
  }
}

extension DirectoryEntry.Kind {
  init(of path: FilePath) {
    var status = stat()
    guard stat(path.bytes, &status) == 0 else {
      self = .unreadable(reason: "cannot open: \(systemMessage())")
      return
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: self = .file
    case S_IFDIR: self = .directory(FileIdentity(status))
    default: self = .special
    }
  }
}

/// The files below a directory, sorted by the bytes of their paths.
///
/// Symbolic links are followed. Each directory is visited once, under the first of its paths, so
/// the walk ends even if links form a cycle.
package struct DirectoryWalk {
  /// An item that the walk finds.
  package enum Entry {
    case file(FilePath)
    /// A FIFO, a socket or a device.
    case special(FilePath)
    /// An unreadable directory or link.
    case unreadable(FilePath, reason: String)
  }

  private let includesHidden: Bool
  /// The entries still to visit, with the next one last.
  private var pending: [DirectoryEntry]
  private var visited: Set<FileIdentity> = []

  /// A walk through `directory`, which may itself be hidden.
  package init(_ directory: FilePath, includesHidden: Bool = false) {
    self.includesHidden = includesHidden
    pending = [DirectoryEntry(name: [], path: directory, kind: DirectoryEntry.Kind(of: directory))]
  }

  package mutating func next() -> Entry? {
    while let entry = pending.popLast() {
      switch entry.kind {
      case .file: return .file(entry.path)
      case .special: return .special(entry.path)
      case .unreadable(let reason): return .unreadable(entry.path, reason: reason)
      case .directory(let identity):
        guard visited.insert(identity).inserted else { continue }
        do {
          pending += try entry.path.entries(includesHidden: includesHidden).reversed()
        } catch {
          return .unreadable(entry.path, reason: error.reason)
        }
      }
    }
    return nil
  }
}
