import GraphIR
import Kernels
import Operators

/// One step of a tape: what it computes forwards, and which gradients it computes backwards.
///
/// The set is closed: `TapeRun` switches over it exhaustively, once in each direction.
enum TapeStep {
  case convolution(ConvolutionStep)
  case expansion(ExpansionStep)
  case normalization(NormalizationStep)
  case depthwise(DepthwiseStep)
  case activation(ActivationStep)
  case pool(PoolStep)
  case gate(GateStep)
  case attention(AttentionStep)
  case layerNorm(LayerNormStep)
  case dropout(DropoutStep)
}

extension TapeStep {
  /// The batch norm whose input the step keeps; `nil` for expansions, which keep none.
  var normalization: NormalizationStep? {
    switch self {
    case .normalization(let step): step
    case .depthwise(let step): step.normalization
    default: nil
    }
  }
}

/// Consecutive steps that run for the same images: a block, or what lies between blocks.
///
/// Stochastic depth leaves images out of whole units.
struct TapeUnit {
  /// The block; `nil` for stem, head and classifier.
  let block: Block?
  /// Its steps.
  var steps: Range<Int>
  /// The probability that an image's branch is kept (stochastic depth).
  var survival = 1.0
  /// Whether the optimiser changes its parameters.
  let isTrained: Bool
}

/// A buffer of a tape, for the images of a batch one after another.
typealias TapeBuffer = Int

/// A convolution or linear layer.
struct ConvolutionStep {
  /// What happens to the gradient of the input.
  enum GradientTarget {
    /// Nothing below is trained.
    case none
    /// It is the first part.
    case write(TapeBuffer)
    /// It is added to another part; the buffer holds this part until then.
    case add(TapeBuffer, part: TapeBuffer)
  }

  let node: Node
  let layer: ConvolutionLayer
  let strategy: ConvolutionStrategy
  let forward: any Operator
  let weightGradient: any WeightGradient
  /// `nil` for the first layer, whose input is the image.
  let backward: (any InputGradient)?
  /// Offsets of the packed weights for both directions.
  var packed = 0
  var packedBackward = 0
  /// The former's copy for the backward pass, if that computes the output again.
  var packedAgain: Int?
  let weight: ParameterStore.Entry
  let bias: ParameterStore.Entry?
  /// Whether groups of images have their own sums for the gradient of the weights.
  let isSplit: Bool

  let input: TapeBuffer
  let output: TapeBuffer
  /// The input once more in the backward pass: `input` itself, or recomputed.
  var inputAgain: TapeBuffer
  var outputGradient: TapeBuffer
  var inputGradient = GradientTarget.none
  /// Steps that recompute the input before the backward pass reads it.
  var recomputed: [Int] = []
  /// Hold the kept images of the unit's input side by side, if the unit drops images.
  var gathered: TapeBuffer?
  var gatheredAgain: TapeBuffer?
}

/// Batch norm with the activation or residual connection after it.
struct NormalizationStep {
  let node: Node
  let epsilon: Double
  let nonlinearity: Nonlinearity
  /// Whether it uses and keeps its running statistics.
  let usesRunningStatistics: Bool
  /// Offset of the statistics: `NormalizationStep.vectors` vectors.
  var statistics = 0
  let weight: ParameterStore.Entry
  let bias: ParameterStore.Entry
  let runningMean: ParameterStore.Entry
  let runningVariance: ParameterStore.Entry

  /// The convolution's output, z.
  let input: TapeBuffer
  /// z as the backward pass finds it: `input` itself, or rounded.
  let kept: TapeBuffer
  /// How z and `slope` are kept.
  let element: KeptMap.Element
  let output: TapeBuffer
  /// The block's input, which is added.
  let residual: TapeBuffer?
  /// The probability that an image's branch is kept; the branch is divided by it.
  let survival: Double
  /// The output once more in the backward pass, if a later step needs it.
  var outputAgain: TapeBuffer
  /// z once more, for `slope` and the output, and for `combine`; `nil` if it is kept until then.
  var recomputed: RecomputedProduct?
  var recomputedAgain: RecomputedProduct?
  var outputGradient: TapeBuffer
  /// The gradient of scale · z + shift.
  var slope: TapeBuffer
  /// The gradient of z.
  var inputGradient: TapeBuffer
}

/// A convolution's output that the backward pass computes again.
struct RecomputedProduct {
  /// The step of the convolution.
  let convolution: Int
  let output: TapeBuffer
  /// The output as batch norm keeps it.
  let kept: TapeBuffer
  /// Holds the kept images of the unit's input side by side, if the unit drops images.
  let gathered: TapeBuffer?
}

/// An activation that does not follow batch norm: squeeze-excite's and MobileNetV3's hidden layer.
struct ActivationStep {
  let shape: TensorShape
  let nonlinearity: Nonlinearity
  let input: TapeBuffer
  let output: TapeBuffer
  /// The output's gradient, and in place of it the input's.
  var gradient: TapeBuffer
}

/// The mean over all positions.
struct PoolStep {
  let shape: TensorShape
  let input: TapeBuffer
  let output: TapeBuffer
  var outputGradient: TapeBuffer
  var inputGradient: TapeBuffer
  /// The factors of the gate that also reads the input, whose gradient is still that of the gate's
  /// output.
  var gate: TapeBuffer?
}

/// Squeeze-excite's product of a feature map and a vector.
struct GateStep {
  let shape: TensorShape
  let input: TapeBuffer
  let gate: TapeBuffer
  let output: TapeBuffer
  /// Input and output once more in the backward pass.
  var inputAgain: TapeBuffer
  var outputAgain: TapeBuffer
  /// The output's gradient; `PoolStep` turns it into the input's.
  var outputGradient: TapeBuffer
  var gateGradient: TapeBuffer
}

/// Dropout before the classifier.
struct DropoutStep {
  let node: Node
  let shape: TensorShape
  let probability: Double
  let input: TapeBuffer
  let output: TapeBuffer
  /// The output's gradient, and in place of it the input's.
  var gradient: TapeBuffer
}

/// A step with weights in the layout of the kernels.
protocol PackedStep {
  /// Floats of its weights as they are stored.
  var weightCount: Int { get }
  /// Packs the current weights for the forward pass.
  func packForward(_ run: TapeRun)
  /// Packs the current weights for the backward pass.
  func packBackward(_ run: TapeRun)
}
