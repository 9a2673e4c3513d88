import Glibc

/// An entry of a directory, symbolic links followed.
package struct DirectoryEntry: Sendable {
  /// What an entry leads to.
  package enum Kind: Sendable {
    case file
    case directory(FileIdentity)
    /// A FIFO, a socket or a device.
    case special
    /// For example a link that leads nowhere.
    case unreadable(reason: String)
  }

  /// The last component of the path.
  package let name: [UInt8]
  package let path: FilePath
  package let kind: Kind
}

/// What a path leads to, the same under every name.
package struct FileIdentity: Hashable, Sendable {
  private let device: UInt
  private let inode: UInt

  init(_ status: stat) {
    device = UInt(status.st_dev)
    inode = UInt(status.st_ino)
  }
}

extension FilePath {
  /// The entries of this directory, in the order of the bytes of the paths in it.
  ///
  /// - Parameter includesHidden: Whether to include names that begin with a dot.
  /// - Throws: `FileError.cannotRead`.
  package func entries(includesHidden: Bool = false) throws(FileError) -> [DirectoryEntry] {
    var found: [(key: [UInt8], entry: DirectoryEntry)] = []
    for name in try names() where includesHidden || name.first != UInt8(ascii: ".") {
      let path = appending(name)
      let kind = DirectoryEntry.Kind(of: path)
      // A directory sorts by the slash that follows its name in the paths below it.
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

/// The files below a directory, in the order of their paths' bytes.
///
/// Symbolic links are followed. Each directory is visited once, under the first of its paths, so the walk
/// ends even if links form a cycle.
package struct DirectoryWalk {
  /// What the walk finds.
  package enum Entry {
    case file(FilePath)
    /// A FIFO, a socket or a device.
    case special(FilePath)
    /// A directory, or a link, that cannot be read.
    case unreadable(FilePath, reason: String)
  }

  private let includesHidden: Bool
  /// What is still to be visited, the next entry last.
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
