import Kernels
import Operators

/// Batch norm and activation with the depthwise convolution that alone reads them.
///
/// The activation is formed where the convolution reads it, in both directions, and its gradient becomes that
/// of batch norm's output in the same pass.
struct DepthwiseStep {
  var normalization: NormalizationStep
  let convolution: ConvolutionStep
  let forward: NormalizedDepthwise
  let backward: NormalizedDepthwiseGradient
  /// Offsets of the packed weights for both directions.
  var packed = 0
  var packedBackward = 0
  /// `nil` without a backward pass.
  var outputGradient: TapeBuffer?

  init(
    _ normalization: NormalizationStep, _ convolution: ConvolutionStep, _ kernels: KernelTable
  ) {
    (self.normalization, self.convolution) = (normalization, convolution)
    forward = NormalizedDepthwise(
      convolution.layer, after: normalization.nonlinearity, kernels: kernels)
    backward = NormalizedDepthwiseGradient(
      convolution.layer, after: normalization.nonlinearity, kernels: kernels)
  }

  var input: TapeBuffer { normalization.input }
  var output: TapeBuffer { convolution.output }
}

extension DepthwiseStep {
  private var stride: Int { convolution.layer.geometry.inputStride }

  /// Floats of partial sums for a number of images, divided into groups.
  func partialCount(images: Int, groups: Int) -> Int {
    max(
      normalization.partialCount(images: images),
      2 * stride * images + groups * convolution.weightGradient.sumCount)
  }

  var scratchCount: Int { max(forward.scratchCount, backward.scratchCount) }

  func run(_ run: TapeRun) {
    let vectors = normalization.vectors(run)
    for image in 0..<run.imageCount {
      forward.run(
        kept(normalization.kept, run, image), scale: vectors.scale, shift: vectors.shift,
        output: run[output] + image * run.count(output), packed: run.packed + packed,
        scratch: run.workers.scratch(0))
    }
  }

  /// A map of batch norm's input or slope.
  private func kept(_ buffer: TapeBuffer, _ run: TapeRun, _ image: Int) -> KeptMap {
    KeptMap(run[buffer] + image * run.count(buffer), normalization.element)
  }

  /// The slope, its sums over each image, and the group's sums for the gradient of the weights.
  func backward(_ run: TapeRun) {
    guard let outputGradient else { return }
    let vectors = normalization.vectors(run)
    let count = convolution.weightGradient.sumCount
    let weightSums = weightSums(run) + run.group * count
    weightSums.update(repeating: 0, count: count)
    for image in 0..<run.imageCount {
      backward.run(
        NormalizedDepthwiseGradient.Memory(
          z: kept(normalization.keptAgain, run, image), mean: vectors.mean, scale: vectors.scale,
          shift: vectors.shift, outputGradient: run[outputGradient] + image * run.count(output),
          slope: kept(normalization.slope, run, image), packed: run.packed + packedBackward,
          sums: run.partials + (run.places.lowerBound + image) * 2 * stride,
          weightSums: weightSums, scratch: run.workers.scratch(0),
          lap: { run.lap(TrainingWork($0)) }))
    }
  }

  /// The groups' sums for the gradient of the weights.
  private func weightSums(_ run: TapeRun) -> UnsafeMutablePointer<Float> {
    run.partials + 2 * stride * run.images.count
  }

  /// Adds to the gradients of all parameters.
  func parameterGradients(_ run: TapeRun) -> [TapeJob?] {
    guard run.imageCount > 0 else { return [] }
    return [
      normalization.parameterGradients(run, parts: run.imageCount),
      convolution.weightSums(run, weightSums(run), parts: run.groupCount),
    ]
  }
}

extension DepthwiseStep: PackedStep {
  var weightCount: Int { convolution.weightCount }

  func packForward(_ run: TapeRun) {
    let target = run.clearedPacked(packed, count: forward.packedCount)
    forward.pack(convolution.filter(run), into: target)
  }

  func packBackward(_ run: TapeRun) {
    if outputGradient == nil { return }
    let target = run.clearedPacked(packedBackward, count: backward.packedCount)
    backward.pack(convolution.filter(run), into: target)
  }
}
