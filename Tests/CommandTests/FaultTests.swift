import CNNZoo
import Foundation
import Glibc
import Testing

/// Events that can affect a running process: signals, limits, files changed by others.
struct FaultTests {
  private let folder: String
  private let image: String

  init() throws {
    folder = try TestFiles.folder()
    image = try TestFiles.image("\(folder)/image")
  }

  /// Runs a script in which `classify` is the command with a network; `$1` is the weight file.
  private func script(_ text: String) throws -> Tool.Outcome {
    try Tool.shell(
      """
      image='\(image)'; folder='\(folder)'; cd "$folder"
      network=(--model mobilenetv3-small --weights "$1" --crop 32 --resize 32)
      \(text)
      """, [try TestFiles.weights.get()])
  }

  private var names: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: folder).sorted() }
  }

  /// A sparse tensor of 1.2 GB in a file that is truncated as soon as it is mapped.
  @Test func fileShrinksWhileBeingRead() throws {
    let shape = [2000, 3, 224, 224]
    let bytes = 4 * shape.reduce(1, *)
    let header = Array(
      "{\"x\":{\"dtype\":\"F32\",\"shape\":\(shape),\"data_offsets\":[0,\(bytes)]}}".utf8)
    let path = "\(folder)/in.safetensors"
    let length = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) }
    try Data(length + header).write(to: URL(fileURLWithPath: path))
    truncate(path, 8 + header.count + bytes)
    let outcome = try script(
      """
      $cnnzoo infer mobilenetv3-small --weights "$1" --input in.safetensors --output out &
      until grep -q in.safetensors /proc/$!/maps || ! kill -0 $!; do :; done
      truncate -s 4096 in.safetensors
      wait $!
      """)
    #expect(outcome.status == 76)
    #expect(outcome.output.isEmpty)
    #expect(outcome.errors.hasPrefix("cnnzoo: \(path): the file became shorter"))
    #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
    #expect(try names == ["image", "in.safetensors"])
  }

  /// A pipe without a writer does not delay signals.
  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func signalsWhileWaitingForInput(signal: Int32) throws {
    let outcome = try script(
      """
      mkfifo silent answers
      set -m
      $cnnzoo classify "$image" silent "${network[@]}" --batch 1 --format jsonl > answers &
      exec 3< answers; read -t 60 -r first <&3
      kill -\(signal) $!; wait $!; echo $?
      """)
    #expect(outcome.output == "\(128 + signal)\n", "\(outcome.errors)")
  }

  /// Nor does it delay the exit of a process after its reader has exited.
  @Test func pipeClosedWhileWaitingForInput() throws {
    let outcome = try script(
      """
      mkfifo silent
      { sleep 0.2
        timeout 60 $cnnzoo classify "$image" "$image" silent "${network[@]}" --batch 1
        echo $? > status; } | true
      cat status
      """)
    #expect(outcome.output == "0\n", "\(outcome.errors)")
  }

  private func text(_ name: String) throws -> String {
    try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
  }

  /// At any moment, the output ends after a whole record, and the status says whether it is
  /// complete.
  @Test(arguments: [SIGINT, SIGTERM, SIGKILL])
  func signalsEndAfterAWholeRecord(signal: Int32) throws {
    let classify =
      "$cnnzoo classify \(Array(repeating: "image", count: 40).joined(separator: " "))"
      + " \"${network[@]}\" --format jsonl -k 2 --batch 1 -t 1"
    let whole = try script(classify).output
    let record = try #require(whole.split(separator: "\n").first).utf8.count + 1
    #expect(whole.utf8.count == 40 * record)
    var lengths: Set<Int> = []
    for trial in 0..<12 {
      // Waits for some records, so that the timing of the signal does not depend on a clock.
      _ = try script(
        """
        set -m
        : > out
        : > errors
        \(classify) >> out 2> errors &
        until [ "$(wc -l < out)" -ge \(3 * trial) ]; do :; done
        kill -\(signal) $!; wait $!; echo $? > status
        """)
      let (output, errors, status) = (try text("out"), try text("errors"), try text("status"))
      #expect(["0\n", "\(128 + signal)\n"].contains(status) && errors.isEmpty, "\(errors)")
      #expect(output.utf8.count % record == 0 && whole.hasPrefix(output))
      #expect(status != "0\n" || output == whole)
      lengths.insert(output.utf8.count / record)
    }
    #expect(lengths.contains { $0 < 40 }, "no signal arrived in time")
  }

  /// At any moment, there is only the complete old file or the complete new one.
  @Test func interruptedConversions() throws {
    let arguments = ["convert", try TestFiles.weights.get(), "\(folder)/out", "--model"]
    let convert = arguments + ["mobilenetv3-small", "--dtype", "f16"]
    let clock = ContinuousClock()
    let begin = clock.now
    #expect(try Tool.run(convert).status == 0)
    let seconds = (clock.now - begin) / .seconds(1)
    let whole = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/out"))
    var statuses: Set<Int> = []
    for trial in 0..<30 {
      let old = Data("old".utf8)
      try old.write(to: URL(fileURLWithPath: "\(folder)/out"))
      let outcome = try script(
        """
        $cnnzoo convert "$1" out --model mobilenetv3-small --dtype f16 > told &
        sleep \(Double(trial) / 25 * seconds); kill -TERM $!; wait $!
        """)
      statuses.insert(outcome.status)
      let found = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/out"))
      #expect(found == whole || outcome.status == 143 && found == old, "trial \(trial)")
      #expect(try names == ["image", "out", "told"])
    }
    #expect(statuses.isSubset(of: [0, 143]), "\(statuses)")
  }

  @Test(
    .enabled(if: Tool.bearsAddressLimits, "a sanitizer writes files of its own, beyond the limit"))
  func fileSizeLimitIsReported() throws {
    let outcome = try script(
      "ulimit -f 8; $cnnzoo convert \"$1\" out --model mobilenetv3-small")
    #expect(outcome.status == 74)
    #expect(outcome.errors.contains("out: cannot be written: File too large"), "\(outcome.errors)")
    #expect(try names == ["image"])
  }

  @Test(arguments: [
    "ulimit -n 8", "ulimit -s 256", "ulimit -s unlimited", "export LC_ALL=tr_TR.UTF-8 2> /dev/null",
    "export LANG=C",
  ])
  func limitsAndLocalesDoNotChangeAnswers(setting: String) throws {
    let classify =
      "$cnnzoo classify \"$image\" \"$image\" \"${network[@]}\" --format jsonl -t 3 --quiet"
    let expected = try script(classify)
    let outcome = try script("\(setting)\n\(classify)")
    #expect(outcome.status == 0)
    #expect(outcome.errors.isEmpty, "\(outcome.errors)")
    #expect(outcome.output == expected.output)
  }

  /// Finite weights that make the network's values overflow: the message names the layer.
  @Test func theLayerWhereValuesOverflow() throws {
    let file = try WeightFile(path: TestFiles.weights.get())
    var writer = SafetensorsWriter(metadata: file.metadata)
    for tensor in file.tensors {
      guard tensor.name.hasSuffix("block.0.1.weight") else {
        writer.append(tensor)
        continue
      }
      let values = try tensor.floats().map { $0 * 1e30 }
      writer.append(name: tensor.name, shape: tensor.shape, values: values)
    }
    try writer.write(to: "\(folder)/overflowing")
    let outcome = try Tool.run([
      "classify", image, "--model", "mobilenetv3-small", "--weights", "\(folder)/overflowing",
      "--format", "jsonl",
    ])
    #expect(outcome.status == 76)
    #expect(outcome.errors.contains("nor is the output of features."), "\(outcome.errors)")
    #expect(try object(outcome.output)["top"] == nil)
  }
}
