import ArgumentParser
import CNNZoo

/// An amount of memory: `512M`, `4G`, or bytes.
struct ByteCount: ExpressibleByArgument {
  let bytes: Int

  init?(argument: String) {
    let units: [Character: Int] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30]
    let unit = argument.last.flatMap { units[Character($0.uppercased())] }
    let digits = unit == nil ? argument[...] : argument.dropLast()
    guard let number = Int(digits), number >= 0 else { return nil }
    let product = number.multipliedReportingOverflow(by: unit ?? 1)
    guard !product.overflow else { return nil }
    bytes = product.partialValue
  }
}

/// An amount of time: `20m`, `1h30m`, `90s`, or seconds.
struct TimeAmount: ExpressibleByArgument {
  let seconds: Double

  init?(argument: String) {
    let units: [(Character, Double)] = [("h", 3600), ("m", 60), ("s", 1)]
    if let seconds = Int(argument), seconds > 0 {
      self.seconds = Double(seconds)
      return
    }
    var (rest, seconds, first) = (argument[...], 0.0, 0)
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      guard let number = Int(digits), number < 1_000_000,
        let unit = rest.dropFirst(digits.count).first,
        let index = units.indices.dropFirst(first).first(where: { units[$0].0 == unit })
      else { return nil }
      seconds += Double(number) * units[index].1
      first = index + 1
      rest = rest.dropFirst(digits.count + 1)
    }
    guard seconds > 0 else { return nil }
    self.seconds = seconds
  }
}

/// Where and how a run saves, and the memory and time that it may take.
struct RunOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Finish in this time, such as 20m or 1h30m: sets the epochs and, if it must, a smaller size and frozen stages.",
      valueName: "duration"))
  var time: TimeAmount?

  @Option(
    help: "Memory for parameters, feature maps and gradients, such as 4G; makes the batch fit.")
  var memory: ByteCount?

  @Flag(
    help: "Recompute the largest map of each block instead of keeping it: less memory, more time.")
  var recompute = false

  @Option(help: "Memory for decoded images, such as 512M (default: 1G).")
  var cacheMemory: ByteCount?

  @Option(help: "Save the state after this many steps (default: every 5 minutes and epoch).")
  var saveEvery: Int?

  @Flag(help: "Replace an earlier run in the run folder.")
  var overwrite = false

  func validate() throws {
    if let saveEvery, saveEvery < 1 {
      throw ValidationError("--save-every must be at least 1.")
    }
  }

  func apply(to options: inout Trainer.Options) {
    options.memoryBytes = memory?.bytes
    options.recomputes = recompute
    if let cacheMemory { options.cacheBytes = cacheMemory.bytes }
    options.saveSteps = saveEvery
    options.replacesRun = overwrite
    options.program = BuildVersion.text
  }
}
