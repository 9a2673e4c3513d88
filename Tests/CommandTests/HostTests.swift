import CNNZoo
import Foundation
import Testing

/// How the command uses the processors available to it.
struct HostTests {
  private let folder: String

  init() throws {
    folder = try TestFiles.folder()
  }

  /// The logits of four images, and the names that an image was given, best first.
  private func answers(
    under runner: String = "", threads: Int = 2, isa: String = ""
  ) throws -> (logits: [Float], labels: [String]) {
    let shape = [4, 3, 48, 40]
    let values = (0..<shape.reduce(1, *)).map { Float($0 * 37 % 101) / 50 - 1 }
    try NPYArray(shape: shape, values: values).write(to: "\(folder)/in.npy")
    let outcome = try Tool.shell(
      """
      set -e; export CNNZOO_ISA='\(isa)'; unset OPENBLAS_CORETYPE
      \(runner) $cnnzoo infer mobilenetv3-small --weights "$1" --threads \(threads) \
        --input "$2/in.npy" --output "$2/out.safetensors" > "$2/told"
      \(runner) $cnnzoo classify "$3" --model mobilenetv3-small --weights "$1" -k 12 \
        --threads \(threads) --format csv
      """,
      [try TestFiles.weights.get(), folder, try TestFiles.image("\(folder)/image")])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let logits = try #require(try WeightFile(path: "\(folder)/out.safetensors")["logits"]).floats()
    let labels = outcome.output.split(separator: "\n").map { line -> String in
      // All but the probability, which may differ in its last digits.
      String(line).replacing(/0\.\d+(e-\d+)?/, with: "p")
    }
    #expect(labels.count == 13)
    return (logits, labels)
  }

  /// Compares with the instruction set that this processor uses by default.
  private func check(_ found: (logits: [Float], labels: [String])) throws {
    let expected = try answers()
    #expect(found.labels == expected.labels)
    #expect(found.logits.count == expected.logits.count)
    let largest = expected.logits.map(abs).max() ?? 0
    let error = zip(found.logits, expected.logits).map { abs($0 - $1) }.max() ?? .infinity
    #expect(error <= 1e-4 * largest)
  }

  @Test(arguments: InstructionSetNames.supported)
  func allInstructionSetsGiveTheSameAnswers(name: String) throws {
    try check(answers(isa: name))
  }

  @Test func unknownInstructionSet() throws {
    let outcome = try Tool.run(
      ["bench", "mobilenetv3-small"], environment: ["CNNZOO_ISA": "nonsense"])
    #expect(outcome.status == 64)
    #expect(outcome.output.isEmpty)
    let names = InstructionSetNames.supported.joined(separator: ", ")
    #expect(
      outcome.errors == """
        cnnzoo: CNNZOO_ISA=nonsense is not an instruction set; \
        set CNNZOO_ISA to one of \(names), or unset it

        """)
  }

  static let emulator = ["/usr/bin", "/usr/local/bin"].map { "\($0)/qemu-x86_64" }
    .first { FileManager.default.isExecutableFile(atPath: $0) }

  @Test(.enabled(if: emulator != nil, "needs qemu-x86_64 of the package qemu-user"))
  func processorWithoutAVX() throws {
    try check(answers(under: "\(try #require(Self.emulator)) -cpu Nehalem", threads: 1))
  }

  @Test(arguments: [1, 3, 7])
  func bitIdenticalForAnyNumberOfThreads(threads: Int) throws {
    let (found, expected) = (try answers(threads: threads), try answers(threads: 2))
    #expect(found.logits == expected.logits)
    #expect(found.labels == expected.labels)
  }

  @Test func affinityIsRespected() throws {
    let outcome = try Tool.shell("taskset -c 0 $cnnzoo env --format json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try object(outcome.output)["threads_allowed"] as? Int == 1)
  }

  /// Threads that wait for the next image sleep: none is running in a hundred samples.
  @Test func idleThreadsSleep() throws {
    let outcome = try Tool.shell(
      """
      mkfifo "$2/in"
      "$cnnzoo" classify --files-from - --model mobilenetv3-small --weights "$1" --threads 4 \
        --quiet --format csv < "$2/in" > "$2/out" &
      exec 3> "$2/in"
      echo "$3" >&3
      while [ "$(wc -l < "$2/out")" -lt 6 ]; do sleep 0.02; done
      states() { sed 's/.*) //; s/ .*//' /proc/$!/task/*/stat | sort | uniq -c | tr -s ' \n' ' '; }
      for i in $(seq 200); do case $(states) in *R*) sleep 0.02 ;; *) break ;; esac; done
      for i in $(seq 100); do states; echo; done | sort -u
      exec 3>&-
      wait
      """,
      [try TestFiles.weights.get(), folder, try TestFiles.image("\(folder)/image")])
    #expect(outcome.errors.isEmpty)
    let states = outcome.lines.map { $0.trimmingCharacters(in: .whitespaces) }
    #expect(states.count == 1 && states[0].wholeMatch(of: /\d+ S/) != nil, "\(states)")
    #expect(states[0] != "1 S", "there are no threads to look at")
  }
}

/// The instruction sets that this machine runs.
enum InstructionSetNames {
  static let supported: [String] = {
    let flags = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    return [("avx512", "avx512vl"), ("avx2", "avx2"), ("baseline", "")]
      .filter { $0.1.isEmpty || flags.contains(" \($0.1)") }.map(\.0)
  }()
}
