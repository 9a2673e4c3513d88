import CDownload
import Glibc
import Host

/// An incremental SHA-256 hash (FIPS 180-4).
package final class SHA256 {
  private let sum: OpaquePointer

  /// - Throws: `DownloadError.missingTool`.
  package init() throws(DownloadError) {
    if let reason = clibcrypto_load() { throw .missingTool(reason: String(cString: reason)) }
    guard let sum = clibcrypto_sum_new() else {
      throw .missingTool(reason: "libcrypto cannot compute SHA-256")
    }
    self.sum = sum
  }

  deinit { clibcrypto_sum_free(sum) }

  /// - Throws: `DownloadError.missingTool`, also if the installed library disables the algorithm.
  package func add(_ bytes: UnsafeRawBufferPointer) throws(DownloadError) {
    guard clibcrypto_sum_add(sum, bytes.baseAddress, bytes.count) == 1 else {
      throw .missingTool(reason: "libcrypto cannot compute SHA-256")
    }
  }

  /// The hash in 64 lower-case hexadecimal digits; nothing can be added afterwards.
  package func finish() throws(DownloadError) -> String {
    var digest = [UInt8](repeating: 0, count: 32)
    guard clibcrypto_sum_end(sum, &digest) == 1 else {
      throw .missingTool(reason: "libcrypto cannot compute SHA-256")
    }
    let digits = Array("0123456789abcdef".utf8)
    return String(
      decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  /// The hash of a text's UTF-8 bytes.
  package static func digits(of text: String) throws(DownloadError) -> String {
    let sum = try SHA256()
    try Array(text.utf8).span.bytes.withUnsafeBytes { (bytes) throws(DownloadError) in
      try sum.add(bytes)
    }
    return try sum.finish()
  }

  /// The hash of a file.
  ///
  /// - Throws: `DownloadError.cannotRead`, `.missingTool`.
  package static func digits(ofFile path: String) throws(DownloadError) -> String {
    let descriptor = Files.open(path, flags: O_NONBLOCK)
    guard descriptor >= 0 else { throw .cannotRead(path: path, reason: systemMessage()) }
    defer { close(descriptor) }
    let sum = try SHA256()
    let code = try Files.forEachBlock(of: descriptor) { (bytes) throws(DownloadError) in
      try sum.add(bytes)
    }
    guard code == 0 else { throw .cannotRead(path: path, reason: systemMessage(code)) }
    return try sum.finish()
  }
}

/// The expected SHA-256 of a file, or its first digits.
package struct ExpectedHash: Equatable, Sendable {
  /// 8 to 64 lower-case hexadecimal digits.
  package let digits: String

  /// - Returns: `nil` unless `text` is 8 to 64 hexadecimal digits.
  package init?(_ text: String) {
    let digits = text.lowercased()
    let isHexadecimal = digits.utf8.allSatisfy {
      (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
        || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
    }
    guard isHexadecimal, (8...64).contains(digits.utf8.count) else { return nil }
    self.digits = digits
  }

  /// Whether all digits are known.
  package var isComplete: Bool { digits.utf8.count == 64 }

  /// Whether a file with this hash is the expected file.
  package func matches(_ sum: String) -> Bool { sum.hasPrefix(digits) }
}
