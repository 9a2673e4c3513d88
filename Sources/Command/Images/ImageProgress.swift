import Host
import CNNZoo
import Glibc

/// Shows on standard error how far a long run over images is: on a terminal, and only where the
/// results go elsewhere, as they would show it themselves.
final class ImageProgress {
  private let line = ProgressLine()
  private let isShown: Bool
  private let total: Int?
  private let start = MonotonicTime().seconds
  private var done = 0

  /// Shorter runs have no bar.
  private static let patience = 0.5
  /// Folders are counted up to this many files.
  private static let mostCounted = 100_000

  /// - Parameters:
  ///   - arguments: What is to be answered; folders in it are counted.
  ///   - hasList: Whether more inputs come from a list.
  init(arguments: [FilePath], hasList: Bool) {
    isShown = line.isShown && isatty(STDOUT_FILENO) == 0
    total = isShown && !hasList ? Self.count(arguments) : nil
  }

  /// One more image has its answer.
  func advance() {
    done += 1
    let seconds = MonotonicTime().seconds - start
    guard isShown, seconds > Self.patience else { return }
    let speed = "\(NumberText.fixed(Double(done) / seconds, 1))/s"
    let figures = total.map { "\(done) of \($0), \(speed)" } ?? "\(done), \(speed)"
    line.draw { ProgressLine.text("images", done, of: total, figures: figures, width: $0) }
  }

  /// Leaves the terminal's line free, for a message or at the end.
  func erase() { line.erase() }

  private static func count(_ arguments: [FilePath]) -> Int? {
    var count = 0
    for path in arguments {
      guard path.shown != "-", path.kind == S_IFDIR else {
        count += 1
        continue
      }
      var walk = DirectoryWalk(path)
      while walk.next() != nil {
        count += 1
        if count > mostCounted { return nil }
      }
    }
    return count
  }
}
