import Glibc
import Host

/// A regular file mapped read-only for the lifetime of this object.
///
/// Pages are read on first access, so opening a large file takes no longer than a small one. If
/// another process truncates the file, accesses fault: call `verifyUnchanged()` before and after
/// long reads.
package final class MappedFile: Sendable {
  package let path: String
  package let count: Int
  private let descriptor: Int32
  private let identity: Identity
  // The mapping is private and read-only, and is unmapped only by deinit.
  private nonisolated(unsafe) let base: UnsafeRawPointer?

  /// Identifies a version of a file.
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
    // O_NONBLOCK keeps the open of a FIFO from waiting for a writer; regular files ignore it.
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

  /// A copy of bytes that were read from elsewhere; `path` is for messages.
  package init(bytes: [UInt8], path: String) throws(WeightsError) {
    let base =
      bytes.isEmpty
      ? nil
      : mmap(
        nil, bytes.count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard base != MAP_FAILED else {
      throw .unreadable(path: path, reason: systemMessage(errno))
    }
    bytes.withUnsafeBytes { source in
      if let start = source.baseAddress { base?.copyMemory(from: start, byteCount: source.count) }
    }
    self.path = path
    count = bytes.count
    descriptor = -1
    identity = Identity(stat())
    self.base = UnsafeRawPointer(base)
  }

  deinit {
    if let base { munmap(UnsafeMutableRawPointer(mutating: base), count) }
    if descriptor >= 0 { close(descriptor) }
  }

  /// The whole file, valid while this object lives.
  package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

  /// Throws if the file's size or modification time has changed since it was opened.
  package func verifyUnchanged() throws(WeightsError) {
    guard descriptor >= 0 else { return }
    var status = stat()
    guard fstat(descriptor, &status) == 0, Identity(status) == identity else {
      throw .changed(path: path)
    }
  }

  /// Allows the kernel to drop the pages of `range`.
  ///
  /// The bytes stay readable: the next access maps them again. Pages shared with neighbouring tensors
  /// are dropped too, so that releasing all tensors one by one releases all pages.
  package func discardPages(of range: Range<Int>) {
    guard let base, !range.isEmpty, range.lowerBound >= 0, range.upperBound <= count else { return }
    let page = sysconf(Int32(_SC_PAGESIZE))
    let start = range.lowerBound - range.lowerBound % page
    let pages = UnsafeMutableRawPointer(mutating: base + start)
    // Only advice: failure costs nothing but memory.
    _ = madvise(pages, range.upperBound - start, MADV_DONTNEED)
  }
}
