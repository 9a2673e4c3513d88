// Decodes images from standard input, one after another, for Scripts/conformance/check_decoding.
//
// A request is a mode byte, the length of the file in four bytes, least significant first, and the
// file. An answer is a status byte, three numbers of four bytes, width, height and the length of
// what follows, and that: the pixels, or why there are none. Modes: 0 as stored, 1 upright, 2 the
// memory that decoding upright was said to take and took, as text.

import Glibc
import Images

nonisolated(unsafe) let requests = fdopen(STDIN_FILENO, "r")
nonisolated(unsafe) let answers = fdopen(STDOUT_FILENO, "w")

func readBytes(_ count: Int) -> [UInt8]? {
  let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
    filled = fread(buffer.baseAddress, 1, count, requests)
  }
  return bytes.count == count ? bytes : nil
}

func littleEndian(_ value: Int) -> [UInt8] {
  (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
}

func answer(_ status: UInt8, width: Int = 0, height: Int = 0, _ content: [UInt8]) {
  for part in [[status], littleEndian(width), littleEndian(height), littleEndian(content.count)] {
    fwrite(part, 1, part.count, answers)
  }
  fwrite(content, 1, content.count, answers)
  fflush(answers)
}

/// A line of `/proc/self/status` in bytes.
func memory(_ name: String) -> Int {
  guard let file = fopen("/proc/self/status", "r") else { return 0 }
  defer { fclose(file) }
  var line = [CChar](repeating: 0, count: 256)
  while fgets(&line, CInt(line.count), file) != nil {
    let text = line.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    if text.hasPrefix(name + ":") {
      return 1024 * (Int(text.filter(\.isNumber)) ?? 0)
    }
  }
  return 0
}

/// Resets this process's peak memory to its current memory.
func forgetPeak() {
  guard let file = fopen("/proc/self/clear_refs", "w") else { return }
  fputs("5", file)
  fclose(file)
}

while let head = readBytes(5) {
  let length = head[1...].reversed().reduce(0) { $0 << 8 | Int($1) }
  guard let bytes = readBytes(length) else { exit(1) }
  do throws(ImageError) {
    if head[0] == 2 {
      let encoded = try EncodedImage(bytes)
      forgetPeak()
      let before = memory("VmRSS")
      let image = try encoded.decode()
      answer(
        0, width: image.width, height: image.height,
        Array("\(encoded.decodingMemory) \(memory("VmHWM") - before)".utf8))
    } else {
      let image = try Image(decoding: bytes, applyOrientation: head[0] == 1)
      answer(0, width: image.width, height: image.height, image.pixels)
    }
  } catch {
    let status: UInt8 =
      switch error {
      case .malformed: 1
      case .unsupported, .unsupportedFormat: 2
      case .overLimit: 3
      case .unknownFormat, .unreadable: 4
      case .unavailable: 5
      }
    answer(status, Array(error.description.utf8))
  }
}
