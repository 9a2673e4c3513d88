import Glibc
import Host

/// An image to read: a file, encoded bytes, decoded pixels, or standard input.
public struct ImageInput: Sendable {
  package enum Content: Sendable {
    case file(FilePath)
    case bytes([UInt8])
    case image(Image)
    case standardInput
    case failure(ImageError)
  }

  /// The name in results and messages; for a file, its path.
  public let name: String
  let content: Content

  package init(_ content: Content, name: String) {
    self.content = content
    self.name = name
  }

  /// The file at `path`.
  public static func file(_ path: String) -> ImageInput {
    guard !path.utf8.contains(0) else {
      return .unreadable(path, reason: "a path cannot contain a NUL byte")
    }
    return .file(FilePath(path.utf8))
  }

  package static func file(_ path: FilePath) -> ImageInput {
    // Even an empty path ends with a NUL byte.
    if path.bytes.count == 1 { return .unreadable("", reason: "the path is empty") }
    return ImageInput(.file(path), name: path.shown)
  }

  /// A whole encoded file in memory.
  public static func bytes(_ bytes: [UInt8], name: String = "image") -> ImageInput {
    ImageInput(.bytes(bytes), name: name)
  }

  /// An image that is already decoded.
  public static func image(_ image: Image, name: String = "image") -> ImageInput {
    ImageInput(.image(image), name: name)
  }

  /// The encoded file on standard input, called `-`.
  public static let standardInput = ImageInput(.standardInput, name: "-")

  static func unreadable(_ name: String, reason: String) -> ImageInput {
    ImageInput(.failure(.unreadable(source: name, reason: reason)), name: name)
  }

  /// Reads and decodes the image.
  public func decoded(_ options: DecodingOptions = DecodingOptions()) throws(ImageError) -> Image {
    if case .image(let image) = content { return image }
    return try encoded(options).decode()
  }

  /// The encoded image, after reading its headers.
  ///
  /// - Precondition: The image is not already decoded.
  func encoded(_ options: DecodingOptions) throws(ImageError) -> EncodedImage {
    let (limits, orient) = (options.limits, options.appliesOrientation)
    switch content {
    case .file(let path):
      return try EncodedImage(
        contentsOfCPath: path.bytes, limits: limits, applyOrientation: orient)
    case .bytes(let bytes):
      return try EncodedImage(bytes, named: name, limits: limits, applyOrientation: orient)
    case .standardInput:
      return try EncodedImage(
        readingFrom: STDIN_FILENO, named: name, limits: limits, applyOrientation: orient)
    case .failure(let error): throw error
    case .image: preconditionFailure("the image is already decoded")
    }
  }
}

/// How images are read.
public struct DecodingOptions: Sendable {
  /// Limits on images, checked before memory is allocated.
  public var limits = DecodingLimits.standard
  /// Whether to apply the EXIF orientation.
  public var appliesOrientation = true
  /// How faithfully images are decoded; results with fingerprints are exact in any case.
  public var mode = DecodingMode.exact
  /// Whether results carry an `ImageFingerprint`, for a `DuplicateFinder`.
  public var fingerprints = false

  /// The defaults.
  public init() {}
}

/// A stream of images to process in order.
///
/// `ImageInputs` covers files, folders and lists; conform your own type to process images from a
/// database or a camera. It is called from one thread only.
public protocol ImageSource: AnyObject {
  /// The next image, or `nil` at the end.
  ///
  /// - Throws: An error that ends the run. An image that cannot be read is not such an error: it
  ///   fails when it is decoded, without affecting the others.
  func next() throws -> ImageInput?

  /// Whether `next()` returns without waiting for another party.
  ///
  /// While it would have to wait, available images are processed instead of waiting for a full
  /// batch.
  var isReady: Bool { get }
}

/// Files, the images in folders, and the files of a list, as one stream.
public final class ImageInputs: ImageSource {
  /// Files in folders that were skipped so far because they are not images.
  public private(set) var skipped = 0

  private var roots: () -> ImageInput?
  private var list: PathList?
  private let includesHidden: Bool
  private var folder: (walk: DirectoryWalk, path: FilePath, isEmpty: Bool)?
  private var rootsAreDone = false

  /// The given images; the sequence is read on demand.
  public init(_ inputs: some Sequence<ImageInput>) {
    var iterator = inputs.makeIterator()
    roots = { iterator.next() }
    includesHidden = false
  }

  /// The images at `paths`.
  ///
  /// A folder means all images in it and in its subfolders, sorted by the bytes of their paths; `-`
  /// is standard input. Files in folders are recognised as images by their extension or first
  /// bytes. Symbolic links are followed, each folder is read once, and a broken link counts as an
  /// image that cannot be read.
  ///
  /// - Parameter includesHidden: Whether to include files and folders whose names begin with a dot.
  public convenience init(paths: [String], includesHidden: Bool = false) {
    self.init(
      arguments: paths.map { FilePath($0.utf8) }, list: nil, includesHidden: includesHidden)
  }

  /// The images at `arguments`, then one for each path in `list`, in which folders count as
  /// failures.
  package init(arguments: [FilePath], list: PathList?, includesHidden: Bool = false) {
    var rest = arguments[...]
    roots = { rest.popFirst().map { $0.shown == "-" ? .standardInput : .file($0) } }
    self.list = list
    self.includesHidden = includesHidden
  }

  /// The next image, or `nil` at the end.
  ///
  /// - Throws: `PathListError` if a list of paths cannot be read.
  public func next() throws -> ImageInput? {
    while true {
      if let input = nextInFolder() { return input }
      guard let root = rootsAreDone ? nil : roots() else {
        rootsAreDone = true
        return try list?.next().map { .file(FilePath($0)) }
      }
      guard case .file(let path) = root.content, path.kind == S_IFDIR else { return root }
      folder = (DirectoryWalk(path, includesHidden: includesHidden), path, true)
    }
  }

  /// False only while a list is waiting for its next path.
  public var isReady: Bool { folder != nil || !rootsAreDone || list?.isReady ?? true }

  private func nextInFolder() -> ImageInput? {
    while let entry = folder?.walk.next() {
      folder?.isEmpty = false
      switch entry {
      case .file(let path) where Self.isImage(path): return .file(path)
      case .file, .special: skipped += 1
      case .unreadable(let path, let reason): return .unreadable(path.shown, reason: reason)
      }
    }
    guard let finished = folder else { return nil }
    folder = nil
    return finished.isEmpty
      ? .unreadable(finished.path.shown, reason: "the folder contains no files") : nil
  }

  /// Whether the extension or the first bytes are those of an image.
  ///
  /// A file that cannot be opened counts as an image, because skipping it would hide the problem.
  private static func isImage(_ path: FilePath) -> Bool {
    let name = path.shown.split(separator: "/").last ?? ""
    if let dot = name.lastIndex(of: "."),
      ImageFormat.fileExtensions.contains(name[name.index(after: dot)...].lowercased())
    {
      return true
    }
    let descriptor = open(path.bytes, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return true }
    defer { close(descriptor) }
    return withUnsafeTemporaryAllocation(byteCount: ImageFormat.magicLength, alignment: 1) {
      bytes in
      let count = read(descriptor, bytes.baseAddress, bytes.count)
      return count < 0
        || ImageFormat.recognizes(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
    }
  }

  /// The number of images at `arguments`, or `nil` if there are more than `limit`.
  package static func count(
    _ arguments: [FilePath], includesHidden: Bool, limit: Int
  ) -> Int? {
    let inputs = ImageInputs(arguments: arguments, list: nil, includesHidden: includesHidden)
    var count = 0
    while (try? inputs.next()) != nil {
      count += 1
      if count > limit { return nil }
    }
    return count
  }
}
