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
    let entries: [[UInt8]]
    do {
      entries = try folder.names().filter { $0.first != UInt8(ascii: ".") }
    } catch {
      throw .unreadable(
        source: folder.shown, reason: "cannot open the folder: \(error.reason)")
    }
    let classes = entries.filter { folder.appending($0).kind == S_IFDIR }
    let others = entries.count - classes.count
    if others > 0 {
      Diagnostics.tell(
        "\(folder.shown.terminalSafe()): passed over \(others) \(others == 1 ? "file" : "files")"
          + " that \(others == 1 ? "is" : "are") in no class's folder")
    }
    names = classes.map { String(decoding: $0, as: UTF8.self) }
    paths = classes.map { folder.appending($0) }
  }
}
