import Glibc

/// What an earlier download that was broken off left of a file.
///
/// The name holds what it is the beginning of: the address and the validators, both as digits, then
/// a random number: `.ADDRESS-VALIDATORS-RANDOM.part`.
struct Leftover {
  let path: String
  let byteCount: Int
  fileprivate let validators: Substring
}

/// All that was left in a folder of the file at one address.
struct Leftovers {
  private let folder: String
  private let prefix: String

  init(folder: String, address: WebAddress) throws(DownloadError) {
    self.folder = folder
    prefix = ".\(try SHA256.digits(of: address.text).prefix(16))-"
  }

  /// A new file whose remains will be found here.
  func begin(_ validators: Validators?) throws(DownloadError) -> PartialFile {
    let key = try validators.map { (validators) throws(DownloadError) in try validators.key() }
    let random = String(UInt64.random(in: .min ... .max), radix: 16)
    return try PartialFile(folder: folder, name: "\(prefix)\(key ?? "none")-\(random).part")
  }

  /// All of them, longest first.
  func all() -> [Leftover] {
    FolderNames.all(in: folder).compactMap { name in
      guard name.hasPrefix(prefix), name.hasSuffix(".part") else { return nil }
      let path = "\(folder)/\(name)"
      var status = stat()
      guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
      return Leftover(
        path: path, byteCount: Int(status.st_size),
        validators: name.dropFirst(prefix.count).prefix { $0 != "-" })
    }.sorted { $0.byteCount > $1.byteCount }
  }

  /// The longest that is the beginning of a file with these validators.
  func longest(of validators: Validators) throws(DownloadError) -> Leftover? {
    let key = try validators.key()
    return all().first { $0.validators == key && $0.byteCount > 0 }
  }

  /// Removes those that nobody is writing to, except `kept`.
  func remove(except kept: String? = nil) {
    for leftover in all() where leftover.path != kept {
      let descriptor = open(leftover.path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { unlink(leftover.path) }
      close(descriptor)
    }
  }
}

/// The names in a folder.
package enum FolderNames {
  /// All of them in bytewise order, but `.` and `..`; none where the folder cannot be read.
  package static func all(in folder: String) -> [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}
