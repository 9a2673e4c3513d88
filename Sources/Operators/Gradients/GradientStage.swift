/// What an operator that computes several gradients in one pass spends its time on.
package enum GradientStage {
  case recomputation, normalizationGradient, weightGradient, inputGradient
}
