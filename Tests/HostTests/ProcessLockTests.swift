import Foundation
import Host
import TestSupport
import Testing

struct ProcessLockTests {
  @Test func excludesOthersUntilReleased() throws {
    let folder = try TemporaryFolder()
    var lock = try ProcessLock(folder: folder.path, name: "a") { false }
    #expect(lock != nil)
    #expect(try ProcessLock(folder: folder.path, name: "a") { false } == nil)
    #expect(try ProcessLock(folder: folder.path, name: "b") { false } != nil)
    var waits = 0
    let second = try ProcessLock(folder: folder.path, name: "a") {
      waits += 1
      lock = nil
      return waits < 10
    }
    #expect(second != nil && waits == 1)
    #expect(try folder.contents == [".a.lock"])
  }

  @Test func releasedLocksLeaveNothing() throws {
    let folder = try TemporaryFolder()
    do { _ = try ProcessLock(folder: folder.path, name: "a") { false } }
    #expect(try folder.contents.isEmpty)
    #expect(
      throws: FileError.cannotCreate(
        path: "\(folder.path)/none/.a.lock", reason: "No such file or directory")
    ) { try ProcessLock(folder: "\(folder.path)/none", name: "a") { false } }
  }
}
