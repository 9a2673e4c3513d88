import Glibc

/// Reads and writes whole files block by block.
package enum FileBlocks {
  private static let size = 1 << 20

  /// Hands what can still be read from a file to `take`, at most `limit` bytes.
  ///
  /// - Throws: `DownloadError.cannotRead`.
  package static func read(
    _ descriptor: Int32, path: String, limit: Int,
    _ take: (UnsafeRawBufferPointer) throws(DownloadError) -> Void
  ) throws(DownloadError) {
    let block = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 64)
    defer { block.deallocate() }
    var rest = limit
    while rest > 0 {
      let count = Glibc.read(descriptor, block.baseAddress, min(size, rest))
      if count < 0 {
        if errno == EINTR { continue }
        throw .cannotRead(path: path, reason: DownloadError.systemReason)
      }
      if count == 0 { return }
      try take(UnsafeRawBufferPointer(rebasing: block[..<count]))
      rest -= count
    }
  }

  /// Writes all of `bytes`.
  ///
  /// - Throws: `DownloadError.cannotWrite`.
  static func write(
    _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, path: String
  ) throws(DownloadError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = UnsafeRawBufferPointer(rebasing: rest)
      let count = Glibc.write(descriptor, part.baseAddress, part.count)
      if count < 0 {
        if errno == EINTR { continue }
        throw .cannotWrite(path: path, reason: DownloadError.systemReason)
      }
      rest = rest.dropFirst(count)
    }
  }
}
