/// A change to a file or a folder.
///
/// From the events of a save, a test computes what a power cut at any moment may leave behind. Open
/// files are identified by their descriptors.
package enum FileEvent {
  /// A new file; without a path it has no name yet.
  case created(Int32, path: String?)
  /// An existing file was opened for writing.
  case opened(Int32, path: String)
  /// Bytes were appended; the memory is valid only during the call.
  case wrote(Int32, UnsafeRawBufferPointer)
  /// The file was cut to this length.
  case truncated(Int32, Int)
  /// The file's contents are durable.
  case synchronized(Int32)
  /// An open file without a name got one.
  case linked(Int32, path: String)
  /// A file was renamed, replacing any file of the new name.
  case renamed(String, to: String)
  /// A name was removed.
  case removed(String)
  /// The names in the folder are durable.
  case synchronizedFolder(String)
}

/// Called after each change, in order.
package typealias FileObserver = (FileEvent) -> Void
