import Glibc
import Host

/// Builds an index from a stream of images and takes the embeddings of unchanged files from an older
/// one.
///
/// It is the source of the images that remain to be embedded; `append` takes the answers, in order.
public final class EmbeddingIndexBuilder: ImageSource {
  /// The images so far.
  public private(set) var index: EmbeddingIndex
  /// Images whose embedding was found in the older index.
  public private(set) var reused = 0

  /// An image whose row is still to come.
  private enum Slot {
    /// Row of the older index.
    case known(Int)
    case pending(EmbeddingIndex.File)
  }

  private let source: any ImageSource
  private let old: EmbeddingIndex?
  private let keepsFailures: Bool
  /// Rows of the older index that have an embedding.
  private let rows: [EmbeddingIndex.File: Int]
  /// Images behind one that is being embedded, and that one.
  private var slots: [Slot] = []

  /// - Parameters:
  ///   - source: All images of the new index.
  ///   - old: An index of the same origin; `nil` embeds everything.
  ///   - keepsFailures: Whether images that fail have a row.
  public init(
    _ source: some ImageSource, origin: EmbeddingIndex.Origin, dimension: Int,
    reusing old: EmbeddingIndex? = nil, keepsFailures: Bool = false
  ) {
    precondition(old == nil || old?.origin == origin && old?.dimension == dimension)
    index = EmbeddingIndex(origin: origin, dimension: dimension)
    self.source = source
    self.old = old
    self.keepsFailures = keepsFailures
    var rows: [EmbeddingIndex.File: Int] = [:]
    if let old {
      for (row, file) in old.files.enumerated() where !old.isFailure(row) { rows[file] = row }
    }
    self.rows = rows
  }

  /// Whether `next()` returns without waiting, as far as the source tells.
  public var isReady: Bool { source.isReady }

  /// The next image to embed.
  ///
  /// - Throws: what the source throws.
  public func next() throws -> ImageInput? {
    while let input = try source.next() {
      let file = EmbeddingIndex.File(input)
      guard let row = file.byteCount < 0 ? nil : rows[file] else {
        slots.append(.pending(file))
        return input
      }
      reused += 1
      if slots.isEmpty { take(row) } else { slots.append(.known(row)) }
    }
    return nil
  }

  /// Adds the embedding of the next image that `next()` returned; `nil` if it failed.
  public func append(_ embedding: [Float]?) {
    guard case .pending(let file) = slots.first else {
      preconditionFailure("more embeddings than images")
    }
    if embedding != nil || keepsFailures { index.append(file, embedding) }
    var done = 1
    while done < slots.count, case .known(let row) = slots[done] {
      take(row)
      done += 1
    }
    slots.removeFirst(done)
  }

  private func take(_ row: Int) {
    guard let old else { return }
    index.append(old.files[row], old.row(row))
  }
}

extension EmbeddingIndex.File {
  /// The file of `input` as it is now; without size and time if it is none.
  init(_ input: ImageInput) {
    var status = stat()
    guard case .file(let path) = input.content else {
      self.init(bytes: Array(input.name.utf8), byteCount: -1, modified: 0)
      return
    }
    let bytes = path.bytes.dropLast().map(UInt8.init(bitPattern:))
    guard stat(path.bytes, &status) == 0 else {
      self.init(bytes: bytes, byteCount: -1, modified: 0)
      return
    }
    // File systems may keep times beyond the range.
    let modified = status.st_mtim.tv_sec &* 1_000_000_000 &+ status.st_mtim.tv_nsec
    self.init(bytes: bytes, byteCount: Int(status.st_size), modified: modified)
  }
}
