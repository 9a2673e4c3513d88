import Glibc
import Host

/// A regular file mapped read-only for as long as this object lives.
///
/// Nothing is read until a page is touched, so opening is as quick for a gigabyte as for a byte.
/// A file that another process truncates while it is mapped faults on access: check
/// `verifyUnchanged()` before and after long reads.
package final class MappedFile: Sendable {
  package let path: String
  package let count: Int
  private let descriptor: Int32
  private let identity: Identity
  // The mapping is private and read-only, and is unmapped only by deinit.
  private nonisolated(unsafe) let base: UnsafeRawPointer?

  /// What tells one state of a file from another.
  private struct Identity: Equatable {
    var size: Int
    var seconds: Int
    var nanoseconds: Int

    init(_ status: stat) {
      size = Int(status.st_size)
      seconds = Int(status.st_mtim.tv_sec)
      nanoseconds = Int(status.st_mtim.tv_nsec)
    }
  }

  package init(path: String) throws(WeightsError) {
    // O_NONBLOCK: opening a FIFO must not wait for its writer; it has no effect on regular files.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw .unreadable(path: path, reason: systemMessage(errno))
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let reason = systemMessage(errno)
      close(descriptor)
      throw .unreadable(path: path, reason: reason)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      let kind = status.st_mode & S_IFMT == S_IFDIR ? "is a folder" : "is not a regular file"
      throw .unreadable(path: path, reason: kind)
    }
    let count = Int(status.st_size)
    var base: UnsafeMutableRawPointer?
    if count > 0 {
      base = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0)
      if base == MAP_FAILED {
        let reason = systemMessage(errno)
        close(descriptor)
        throw .unreadable(path: path, reason: reason)
      }
    }
    self.path = path
    self.count = count
    self.descriptor = descriptor
    self.identity = Identity(status)
    self.base = UnsafeRawPointer(base)
  }

  deinit {
    if let base { munmap(UnsafeMutableRawPointer(mutating: base), count) }
    close(descriptor)
  }

  /// The whole file, valid while this object lives.
  package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

  /// Throws where the file's size or modification time is no longer what it was when opened.
  package func verifyUnchanged() throws(WeightsError) {
    var status = stat()
    guard fstat(descriptor, &status) == 0, Identity(status) == identity else {
      throw .changed(path: path)
    }
  }

  /// Tells the kernel that the pages holding `range` need not stay in memory.
  ///
  /// The bytes stay readable: the next access maps them again. Pages shared with the neighbours
  /// are dropped too, so that tensors released one by one leave nothing behind.
  package func discardPages(of range: Range<Int>) {
    guard let base, !range.isEmpty, range.lowerBound >= 0, range.upperBound <= count else { return }
    let page = sysconf(Int32(_SC_PAGESIZE))
    let start = range.lowerBound - range.lowerBound % page
    let pages = UnsafeMutableRawPointer(mutating: base + start)
    // Advice only: a failure changes nothing but the memory in use.
    _ = madvise(pages, range.upperBound - start, MADV_DONTNEED)
  }
}
