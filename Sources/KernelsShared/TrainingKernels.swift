import Kernels

/// The kernels of this instruction set for training.
func trainingKernels() -> TrainingKernels {
  TrainingKernels(
    weightGradient: weightGradient, bf16WeightGradient: bf16WeightGradientKernel(),
    winogradGradient: winogradGradient,
    winogradFilterGradient: winogradFilterGradient, depthwiseGradient: depthwiseGradient,
    keep: keep, squares: squares, products: products, scale: scale, normalize: normalize,
    normalizeGradient: normalizeGradient, combine: combine, sgd: sgd,
    rmsProp: rmsProp, adamW: adamW, average: average)
}
