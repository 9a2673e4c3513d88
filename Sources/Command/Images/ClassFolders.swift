import Host
import CNNZoo
import Glibc

/// The folders in a folder, each of which holds the images of one class.
struct ClassFolders {
  /// Their names, in the order of their bytes.
  private(set) var names: [String] = []
  /// Their paths, in the same order.
  private(set) var paths: [FilePath] = []

  /// Looks into `folder`.
  ///
  /// Entries whose names begin with a dot are left out silently, as file managers and version control
  /// leave such; other files beside the classes are told.
  ///
  /// - Throws: `ImageError.unreadable` where it is no folder or cannot be read.
  init(in folder: FilePath) throws(ImageError) {
    guard let stream = opendir(folder.bytes) else {
      throw .unreadable(
        source: folder.shown, reason: "cannot open the folder: \(String(cString: strerror(errno)))")
    }
    defer { closedir(stream) }
    var found: [[UInt8]] = []
    var others = 0
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      if name.first == UInt8(ascii: ".") { continue }
      if folder.appending(name).kind == S_IFDIR { found.append(name) } else { others += 1 }
    }
    if others > 0 {
      Diagnostics.tell(
        "\(folder.shown.terminalSafe()): passed over \(others) \(others == 1 ? "file" : "files")"
          + " that \(others == 1 ? "is" : "are") in no class's folder")
    }
    for name in found.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      names.append(String(decoding: name, as: UTF8.self))
      paths.append(folder.appending(name))
    }
  }
}
