import Glibc
import Host
import Images
import Synchronization

/// Reads and decodes the images of a training folder, on any number of threads.
///
/// Decoded images are kept in memory up to a budget. They stay there for the whole run, because
/// each epoch needs every image once: dropping the least recently used would drop just those needed
/// next. What is read does not depend on what is kept.
public final class TrainingImageReader: Sendable {
  /// How images are decoded.
  let decoding: DecodingOptions
  /// The largest number of bytes of decoded images to keep.
  let cacheBytes: Int

  private let memory: MemoryBudget
  private let kept = Mutex(Kept())

  /// The decoded images, by the contents of their files.
  private struct Kept {
    var images: [ContentHash: Image] = [:]
    var bytes = 0
  }

  /// - Parameters:
  ///   - decoding: The limits, and whether to apply the EXIF orientation; use those of inference.
  ///   - cacheBytes: The largest number of bytes of decoded images to keep, three for each pixel.
  public init(decoding: DecodingOptions = DecodingOptions(), cacheBytes: Int = 0) {
    self.decoding = decoding
    self.cacheBytes = cacheBytes
    memory = MemoryBudget(bytes: decoding.limits.memoryBytes)
  }

  /// The bytes of decoded images kept so far.
  public var keptBytes: Int { kept.withLock { $0.bytes } }

  /// Calls `body` with the decoded image.
  ///
  /// - Throws: `TrainingDataError.lost` if it cannot be decoded, `.changed` if it is not the file
  ///   that was scanned.
  func withImage<Value>(
    of image: TrainingImage, _ body: (Image) -> Value
  ) throws(TrainingDataError) -> Value {
    if let hash = image.hash, let kept = kept.withLock({ $0.images[hash] }) { return body(kept) }
    do throws(ImageError) {
      let encoded = try encoded(image)
      let hash = ContentHash(encoded.bytes)
      if hash == image.hash ?? hash { return try withDecoded(encoded, hash: hash, body) }
    } catch {
      throw .lost(path: image.path.shown, error: error)
    }
    throw .changed(path: image.path.shown)
  }

  /// Calls `body` with the decoded image, and keeps it if there is room.
  private func withDecoded<Value>(
    _ encoded: EncodedImage, hash: ContentHash, _ body: (Image) -> Value
  ) throws(ImageError) -> Value {
    // Large images take turns instead of filling the memory together.
    try memory.spending(encoded.decodingMemory) {
      Result { () throws(ImageError) in
        let image = try encoded.decode()
        keep(image, hash)
        return body(image)
      }
    }.get()
  }

  private func keep(_ image: Image, _ hash: ContentHash) {
    kept.withLock { kept in
      guard image.pixels.count <= cacheBytes - kept.bytes, kept.images[hash] == nil else { return }
      kept.images[hash] = image
      kept.bytes += image.pixels.count
    }
  }

  private func encoded(_ image: TrainingImage) throws(ImageError) -> EncodedImage {
    try EncodedImage(
      contentsOfCPath: image.path.bytes, limits: decoding.limits,
      applyOrientation: decoding.appliesOrientation)
  }
}

extension TrainingImageReader {
  /// What is found out about a file at the start.
  struct Scan: Sendable {
    /// `nil` if the file cannot be read.
    var hash: ContentHash?
    var result: Result<DecodingNotes, ImageError>
  }

  /// Reads and decodes an image.
  func scan(_ image: TrainingImage) -> Scan {
    do throws(ImageError) {
      let encoded = try encoded(image)
      let hash = ContentHash(encoded.bytes)
      return Scan(
        hash: hash,
        result: .success(
          try withDecoded(encoded, hash: hash) { image in
            DecodingNotes(
              warnings: image.warnings,
              fingerprint: decoding.fingerprints ? ImageFingerprint(image) : nil)
          }))
    } catch {
      return Scan(hash: hash(of: image.path), result: .failure(error))
    }
  }

  /// The hash of a file's contents; `nil` if it cannot be read.
  func hash(of path: FilePath) -> ContentHash? {
    let descriptor = Files.open(path.bytes)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    let bytes = try? Files.read(
      descriptor, named: path.shown, limit: decoding.limits.fileBytes)
    return bytes.map { ContentHash($0) }
  }
}
