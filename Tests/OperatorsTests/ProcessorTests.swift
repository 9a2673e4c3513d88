import Host
import InstructionSets
import Operators
import Testing

struct ProcessorTests {
  @Test func baselineIsAlwaysSupported() {
    #expect(InstructionSet.baseline.isSupported)
    #expect(InstructionSet.supported.last == .baseline)
  }

  /// Every processor that supports the wider set supports the narrower one.
  @Test func wideImpliesNarrow() {
    #expect(!InstructionSet.avx512.isSupported || InstructionSet.avx2.isSupported)
  }

  @Test(arguments: InstructionSet.supported)
  func kernelsBelongToTheirInstructionSet(_ set: InstructionSet) {
    #expect(set.kernels.name == set.rawValue)
    #expect(set.kernels.lanes >= 4)
  }

  @Test func messagesSayWhatToSet() {
    let unknown = String(describing: ProcessorError.unknownInstructionSet("mmx"))
    #expect(unknown.hasPrefix("CNNZOO_ISA=mmx is not an instruction set; "))
    #expect(unknown.contains("one of ") && unknown.hasSuffix("baseline, or unset it"))
    #expect(
      String(describing: ProcessorError.unsupportedInstructionSet(.avx512)).contains("avx512"))
  }

  @Test func processorProperties() {
    #expect(Processor.allowedThreads >= 1)
    #expect(!Processor.modelName.isEmpty)
    #expect(OpenBLASInfo.core?.isEmpty == false)
  }

  @Test func channelsAreRoundedUpToEights() {
    #expect([1, 7, 8, 9, 16, 20].map(channelStride) == [8, 8, 8, 16, 16, 24])
  }
}
