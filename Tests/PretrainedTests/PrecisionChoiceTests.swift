import Download
import Foundation
import Inference
import Pretrained
import TestSupport
import Testing

struct PrecisionChoiceTests {
  private let folder: TemporaryFolder
  private let network: LoadedNetwork
  private let hash: String

  init() throws {
    folder = try TemporaryFolder()
    let path = "\(folder.path)/weights.safetensors"
    try SmallNetwork.write(to: path)
    network = try LoadedNetwork(SmallNetwork.model, weights: path)
    hash = try SHA256.digits(ofFile: path)
  }

  /// The fastest precision that is native and agrees often enough.
  @Test(
    arguments: [
      (0.999, 0.995, [], Precision.int8, "99.5 %"), (0.999, 0.99499, [], .bf16, "99.9 %"),
      (0.995, 0.9, [], .bf16, "99.5 %"), (0.9949, 0.99, [], .f32, "too few images"),
      (0.999, 0.998, [.int8], .bf16, "99.9 %"), (0.999, 0.998, [.bf16], .int8, "99.8 %"),
      (0.9, 0.998, [.int8], .f32, "too few images"), (1, 1, [], .int8, "100.0 %"),
      (1, 1, [.int8, .bf16], .f32, "emulates"),
    ] as [(Double, Double, Set<Precision>, Precision, String)])
  func autoFollowsTheRecord(
    bf16: Double, int8: Double, emulated: Set<Precision>, expected: Precision, reason: String
  ) throws {
    let decision = try network.decide(
      .auto, records: [hash: PrecisionRecord(bf16: bf16, int8: int8)],
      isEmulated: { emulated.contains($0) })
    #expect(decision.precision == expected)
    #expect(try #require(decision.reason).contains(reason), "\(decision)")
  }

  @Test func weightsWithoutARecordRunAtF32() throws {
    let others = [String(hash.reversed()): PrecisionRecord(bf16: 1, int8: 1)]
    let decision = try network.decide(.auto, records: others, isEmulated: { _ in false })
    #expect(decision.precision == .f32)
    #expect(decision.reason?.contains("not measured") == true)
    #expect(try network.decide(.auto).precision == .f32)
  }

  @Test func theBLASBackendRunsAtF32() throws {
    let decision = try network.decide(
      .auto, backend: .blas, records: [hash: PrecisionRecord(bf16: 1, int8: 1)],
      isEmulated: { _ in false })
    #expect(decision.precision == .f32 && decision.reason?.contains("blas") == true)
    #expect(try network.decide(.f32, backend: .blas).precision == .f32)
    for choice in [PrecisionChoice.bf16, .int8] {
      #expect(throws: InferenceError.self) { try network.decide(choice, backend: .blas) }
    }
  }

  /// Without its file the network cannot be hashed, which only `auto` requires.
  @Test func onlyAutoReadsTheFile() throws {
    try FileManager.default.removeItem(atPath: network.file.path)
    for choice in PrecisionChoice.allCases where choice != .auto {
      let decision = try network.decide(choice)
      #expect(decision.precision == choice.fixed && decision.reason == nil)
      #expect(PrecisionChoice(decision.precision) == choice)
    }
    #expect(throws: DownloadError.self) {
      try network.decide(.auto, records: [:], isEmulated: { _ in false })
    }
  }

  @Test func recordsArePlausible() {
    for (hash, record) in PrecisionRecord.measured {
      #expect(ExpectedHash(hash)?.isComplete == true && hash == hash.lowercased())
      #expect((0.5...1).contains(record.bf16) && (0.5...1).contains(record.int8))
    }
  }
}
