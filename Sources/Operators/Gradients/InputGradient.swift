/// The gradient of a loss with respect to a layer's input.
///
/// Its input is the gradient with respect to the layer's output, before bias and nonlinearity. `pack`
/// takes the filter of the layer itself and ignores scale and bias.
package protocol InputGradient: Operator {
  /// Multiply-adds for one image, by the precision of their operands.
  var arithmetic: [Precision: Int] { get }
}
