import Glibc

/// Where the user's files lie, as far as this package reads them.
public struct UserFolders: Sendable {
  /// Answers the value of an environment variable; `nil` where it is unset.
  public typealias Environment = (String) -> String?

  /// The folder of cached weights; `nil` where the user has no home.
  public let cache: String?

  /// The folders by the environment: `CNNZOO_CACHE`, else `cnnzoo` in `XDG_CACHE_HOME`, else
  /// `.cache/cnnzoo` in the home folder, which the password database tells where `HOME` does not.
  ///
  /// Empty values count as unset, and so does a relative `XDG_CACHE_HOME`, as its specification
  /// demands (https://specifications.freedesktop.org/basedir-spec/).
  public init(environment: Environment = UserFolders.variable) {
    func value(_ name: String) -> String? {
      environment(name).flatMap { $0.isEmpty ? nil : $0 }
    }
    if let own = value("CNNZOO_CACHE") {
      cache = own
    } else if let base = value("XDG_CACHE_HOME"), base.hasPrefix("/") {
      cache = "\(base)/cnnzoo"
    } else {
      cache = (value("HOME") ?? Self.homeInPasswordDatabase()).map { "\($0)/.cache/cnnzoo" }
    }
  }

  /// A variable of this process's environment.
  public static func variable(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }

  private static func homeInPasswordDatabase() -> String? {
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16 << 10) { buffer in
      guard let base = buffer.baseAddress,
        getpwuid_r(getuid(), &entry, base, buffer.count, &found) == 0,
        found != nil, let home = entry.pw_dir, home.pointee != 0
      else { return nil }
      return String(cString: home)
    }
  }
}
