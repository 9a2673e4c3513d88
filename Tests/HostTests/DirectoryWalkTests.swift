import Foundation
import Glibc
import Host
import TestSupport
import Testing

struct DirectoryWalkTests {
  private let directory: TemporaryFolder

  init() throws { directory = try TemporaryFolder() }

  private var root: String { directory.path }

  private func file(_ name: String) throws {
    let path = "\(root)/\(name)"
    try FileManager.default.createDirectory(
      atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try Data().write(to: URL(fileURLWithPath: path))
  }

  /// What the walk finds, relative to the root; special files with `|`, unreadable ones with `!`.
  private func found(includesHidden: Bool = false) -> [String] {
    var walk = DirectoryWalk(FilePath(root.utf8), includesHidden: includesHidden)
    var names: [String] = []
    while let entry = walk.next() {
      let (mark, path) =
        switch entry {
        case .file(let path): ("", path)
        case .special(let path): ("|", path)
        case .unreadable(let path, _): ("!", path)
        }
      names.append(mark + path.shown.dropFirst(root.count + 1))
    }
    return names
  }

  @Test func entriesAreSortedByPathBytes() throws {
    for name in ["b/x", "b/y/z", "b.ppm", "a", "b0", "B", "é"] { try file(name) }
    #expect(found() == ["B", "a", "b.ppm", "b/x", "b/y/z", "b0", "é"])
  }

  @Test(arguments: [false, true])
  func hiddenEntries(included: Bool) throws {
    for name in [".a", ".b/c", "d/.e", "d/f", "..g"] { try file(name) }
    #expect(
      found(includesHidden: included)
        == (included ? ["..g", ".a", ".b/c", "d/.e", "d/f"] : ["d/f"]))
  }

  @Test func cyclesEndAndFIFOsAreNotFiles() throws {
    try file("a/b/c")
    for (name, target) in [("a/b/up", ".."), ("self", "."), ("twice", "a"), ("gone", "none")] {
      try FileManager.default.createSymbolicLink(
        atPath: "\(root)/\(name)", withDestinationPath: target)
    }
    #expect(mkfifo("\(root)/pipe", 0o600) == 0)
    #expect(found() == ["a/b/c", "!gone", "|pipe"])
  }

  @Test func aMissingFolderIsUnreadable() {
    var walk = DirectoryWalk(FilePath("/no/folder".utf8))
    guard case .unreadable(_, let reason)? = walk.next() else {
      Issue.record("the walk finds something")
      return
    }
    #expect(reason == "cannot open: No such file or directory")
    #expect(walk.next() == nil)
  }
}
