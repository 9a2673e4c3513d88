/// The width of text in a plot, whose font is chosen by the viewer.
///
/// Estimates are those of DejaVu Sans, which is wider than most fonts, so that what is said to fit does.
package enum PlotText {
  /// The width of `text`, in the unit of `size`.
  package static func width(of text: String, size: Double) -> Double {
    size * text.unicodeScalars.reduce(0) { $0 + ems($1) }
  }

  /// `text`, with its middle replaced by an ellipsis if it is wider than `width`.
  package static func fitted(_ text: String, to width: Double, size: Double) -> String {
    // What the file shows for characters that a terminal would act on is longer.
    let text = text.terminalSafe()
    guard self.width(of: text, size: size) > width else { return text }
    let room = width / size - ems("…")
    // The end of a file's name says more than the middle.
    let start = prefix(text, room / 2)
    let end = prefix(String(text.reversed()), room / 2)
    return start + "…" + String(end.reversed())
  }

  /// The longest beginning of `text` within `ems`.
  private static func prefix(_ text: String, _ limit: Double) -> String {
    var (beginning, sum) = ("", 0.0)
    for character in text {
      sum += character.unicodeScalars.reduce(0) { $0 + ems($1) }
      if sum > limit { break }
      beginning.append(character)
    }
    return beginning
  }

  private static func ems(_ scalar: Unicode.Scalar) -> Double {
    switch scalar {
    case "i", "j", "l", "I", "'", "|", ".", ",", ":", ";", "!": 0.36
    case "f", "r", "t", " ", "(", ")", "[", "]", "/", "\\", "-", "\"": 0.43
    case "m", "M", "w", "W", "@", "%", "…": 1
    case "A"..."Z": 0.76
    case " "..."~": 0.64
    default:
      switch scalar.properties.generalCategory {
      case .nonspacingMark, .enclosingMark: 0
      // Letters of wide scripts, and emoji.
      default: scalar.value < 0x1100 ? 0.76 : 1.25
      }
    }
  }
}
