import Foundation
import Testing

/// Standard input, output and lists of paths, and what can go wrong with them.
struct StreamTests {
  private let folder: String
  private let image: String

  init() throws {
    folder = try TestFiles.folder()
    image = try TestFiles.image("\(folder)/image")
  }

  /// Runs a script in which `classify` is the command with a network; `$image` is an image.
  private func script(_ text: String) throws -> Tool.Outcome {
    let network = try TestFiles.network().map { "'\($0)'" }.joined(separator: " ")
    return try Tool.shell(
      """
      image='\(image)'; folder='\(folder)'
      classify() { "$cnnzoo" classify "$@" \(network); }
      \(text)
      """)
  }

  @Test func anImageOnStandardInput() throws {
    let outcome = try script("classify - --format jsonl < $image")
    #expect(outcome.status == 0)
    #expect(try object(outcome.output)["input"] as? String == "-")
  }

  @Test(arguments: ["classify - <&-", "classify - < $folder"])
  func standardInputThatCannotBeRead(text: String) throws {
    #expect(try script(text).status == 66)
  }

  @Test func standardInputWithoutData() throws {
    #expect(try script("classify - < /dev/null").status == 65)
  }

  @Test(arguments: [
    "classify $image", "classify $image --format json", "$cnnzoo --help", "$cnnzoo --version",
    "$cnnzoo models", "$cnnzoo summary effnet-lite0", "$cnnzoo env --format json",
  ])
  func fullAndClosedOutputsAreReported(command: String) throws {
    for redirection in ["> /dev/full", ">&-"] {
      let outcome = try script("\(command) \(redirection)")
      #expect(outcome.status == 74, "\(redirection)")
      #expect(outcome.errors.contains("cannot write"), "\(redirection)")
    }
  }

  @Test(arguments: ["", "trap '' PIPE;"])
  func closedPipeIsNotAFailure(trap: String) throws {
    let outcome = try script(
      "\(trap) { sleep 0.3; classify $image $image; echo $? > $folder/status; } | true; "
        + "cat $folder/status")
    #expect(outcome.output == "0\n")
    #expect(outcome.errors.isEmpty)
  }

  @Test func anEmptyEnvironment() throws {
    let network = try TestFiles.network().map { "'\($0)'" }.joined(separator: " ")
    let outcome = try script("env -i $cnnzoo classify $image \(network)")
    #expect(outcome.status == 0, "\(outcome.errors)")
  }

  @Test func listsAreAnsweredLineByLine() throws {
    let outcome = try script(
      "printf '%s\\n' $image '' /no/file $folder $image | "
        + "classify --files-from - --format jsonl --on-error record --batch 3")
    #expect(outcome.status == 0)
    let inputs = try outcome.lines.map { try object($0)["input"] as? String }
    #expect(inputs == [image, "", "/no/file", folder, image])
  }

  @Test func endlessListsAreAnsweredAsTheyArrive() throws {
    // The second path is written only after the first answer was read.
    let outcome = try script(
      """
      mkfifo $folder/paths $folder/answers
      classify --files-from $folder/paths --format jsonl --batch 8 > $folder/answers &
      exec 4< $folder/answers 3> $folder/paths
      echo $image >&3; read -t 20 first <&4 && echo $image >&3 && read -t 20 second <&4
      exec 3>&-; wait $!; echo "$? ${first:0:9} ${second:0:9}"
      """)
    #expect(outcome.output == "0 {\"schema\" {\"schema\"\n")
  }

  /// Images of very different sizes, and failures; the first may be decoded last.
  @Test func answersAreInInputOrder() throws {
    var paths: [String] = []
    for index in 0..<12 {
      let side = index % 5 == 0 ? 1500 : 8 + index
      let path = "\(folder)/\(index)"
      let pixels = [UInt8](repeating: UInt8(index * 20), count: 3 * side * side)
      try Data(Array("P6 \(side) \(side) 255\n".utf8) + pixels)
        .write(to: URL(fileURLWithPath: path))
      paths += [path, index % 3 == 0 ? "/no/\(index)" : path]
    }
    paths = (0..<8).flatMap { _ in paths }
    let list = "\(folder)/list"
    try Data(paths.map { "\($0)\n" }.joined().utf8).write(to: URL(fileURLWithPath: list))
    var expected: String?
    for options in ["-t 1 --batch 1", "-t 3 --batch 1", "-t 2 --batch 7", "-t 4", ""] {
      let outcome = try script(
        "classify --files-from $folder/list --format jsonl --on-error record \(options)")
      #expect(outcome.status == 0)
      let inputs = try outcome.lines.map { try object($0)["input"] as? String }
      #expect(inputs == paths, "\(options)")
      #expect(outcome.output == expected ?? outcome.output, "\(options)")
      expected = outcome.output
    }
  }

  /// The run does not wait for a thread that is waiting for an image that never comes.
  @Test func aFailureEndsARunThatWaitsForAnImage() throws {
    let outcome = try script(
      "mkfifo $folder/never; timeout 60 "
        + "\"$cnnzoo\" classify $image /no/file $folder/never --on-error fail --batch 1 "
        + "--format jsonl \(try TestFiles.network().map { "'\($0)'" }.joined(separator: " "))")
    #expect(outcome.status == 1)
    #expect(outcome.lines.count == 1)
  }

  private static let terminal = "/usr/bin/script"
  private static let haveTerminal = FileManager.default.isExecutableFile(atPath: terminal)

  /// On a terminal, results are coloured; if they go elsewhere, long runs show a progress line,
  /// which is erased at the end.
  @Test(.enabled(if: haveTerminal, "needs script of the package bsdutils"))
  func aTerminalShowsColoursAndProgress() throws {
    let network = try TestFiles.network().joined(separator: " ")
    let coloured = try script(
      "TERM=xterm NO_COLOR= script -qec \"$cnnzoo classify $image -k 1 \(network)\" /dev/null")
    #expect(coloured.output.contains("\u{1B}[1m"))
    let plain = try script(
      "TERM=xterm NO_COLOR=1 script -qec \"$cnnzoo classify $image -k 1 \(network)\" /dev/null")
    #expect(plain.output.contains(image) && !plain.output.contains("\u{1B}"))
    let lasting = try script(
      """
      mkfifo $folder/paths
      { echo $image; sleep 1.5; echo $image; } > $folder/paths &
      TERM=xterm script -qec "$cnnzoo classify --files-from $folder/paths --format csv \(network) \
        > $folder/out" /dev/null
      """)
    #expect(lasting.output.contains("images  2, "))
    #expect(
      lasting.output.contains(
        /\r\x1B\[Kcnnzoo: 2 answered, 0 failed, 0 skipped in \d+\.\d s\s+$/), "\(lasting.output)")
  }

  /// The first image is answered while waiting for the second, even if both would fit into a batch.
  @Test func aPendingImageDoesNotDelayEarlierAnswers() throws {
    let outcome = try script(
      """
      mkfifo $folder/late $folder/answers
      classify $image $folder/late --batch 8 --format jsonl > $folder/answers &
      exec 4< $folder/answers
      read -t 20 first <&4; cat $image > $folder/late; read -t 20 second <&4
      wait $!; echo "$? ${first:0:9} ${second:0:9}"
      """)
    #expect(outcome.output == "0 {\"schema\" {\"schema\"\n")
  }

  /// Each takes 536 MB decoded: two at once would not fit into the address space.
  @Test(
    .enabled(if: Tool.bearsAddressLimits, "a sanitizer needs more addresses than the limit leaves"))
  func largeImagesAreDecodedOneByOne() throws {
    let outcome = try script(
      """
      { printf 'P4 13376 13376\\n'; head -c $((1672 * 13376)) /dev/zero; } > $folder/large
      ulimit -v 1000000
      classify $folder/large $folder/large $folder/large -t 3 --batch 1 --format csv -k 1
      """)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.lines.count == 4)
  }

  @Test(
    .enabled(if: Tool.bearsAddressLimits, "a sanitizer needs more addresses than the limit leaves"))
  func anImageTooLargeForMemoryFailsAlone() throws {
    let outcome = try script(
      """
      { printf 'P4 13376 13376\\n'; head -c $((1672 * 13376)) /dev/zero; } > $folder/large
      ulimit -v 400000
      classify $image $folder/large $image --format csv -k 1
      """)
    #expect(outcome.status == 1)
    #expect(outcome.lines.count == 4)
    #expect(outcome.errors.contains("more than this process can allocate"))
  }

  @Test func listsOfNULSeparatedPaths() throws {
    try TestFiles.image("\(folder)/two\nlines")
    let outcome = try script(
      "printf '%s\\0' $image $'\(folder)/two\\nlines' | "
        + "classify --files-from - --null --format jsonl")
    #expect(outcome.status == 0)
    let inputs = try outcome.lines.map { try object($0)["input"] as? String }
    #expect(inputs == [image, "\(folder)/two\nlines"])
  }

  @Test func aMissingList() throws {
    #expect(try script("classify --files-from /no/list").status == 66)
  }

  @Test func namesThatAreNotUTF8() throws {
    let outcome = try script(
      "cp $image $folder/$'a\\xff'; cp $image $folder/$'a\\xfe'; "
        + "classify $folder/$'a\\xfe' $folder/$'a\\xff' --format jsonl")
    #expect(outcome.status == 0)
    let inputs = try outcome.lines.map { try object($0)["input"] as? String }
    #expect(inputs == ["\(folder)/a\u{FFFD}", "\(folder)/a\u{FFFD}"])
  }

  @Test func controlCharactersInNames() throws {
    let outcome = try script("classify $'/no/\\e[31mred\\n'")
    #expect(outcome.status == 66)
    #expect(outcome.errors.contains("/no/\\u{1b}[31mred\\u{a}"))
    #expect(outcome.errors.split(separator: "\n").count == 1)
  }

  @Test func namesWithALeadingDash() throws {
    #expect(try script("cd $folder; cp image ./-k; classify -k 1 ./-k").status == 0)
  }

  @Test func interrupts() throws {
    let outcome = try script(
      """
      mkfifo $folder/paths
      set -m
      "$cnnzoo" classify --files-from $folder/paths --model mobilenetv3-small \
        --weights '\(try TestFiles.weights.get())' --format jsonl > $folder/out &
      exec 3> $folder/paths; echo $image >&3
      for i in $(seq 200); do [ -s $folder/out ] && break; sleep 0.05; done
      kill -INT $!; wait $!; echo $?; wc -l < $folder/out
      """)
    #expect(outcome.output.split(separator: "\n").prefix(2) == ["130", "1"])
  }
}
