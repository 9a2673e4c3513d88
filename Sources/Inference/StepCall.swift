import Operators

/// A step of a program with the addresses of its values.
///
/// Running it copies no step and looks up no layout: threads would contend for their reference counts.
final class StepCall: Sendable {
  /// Where a value is for each image, or for each arena if it lives only while an image is computed.
  struct Place: @unchecked Sendable {
    let base: UnsafeMutablePointer<Float>
    /// Floats from an image to the next; 0 in arenas.
    let perImage: Int
    /// Floats from an arena to the next; 0 for kept values.
    let perArena: Int

    func callAsFunction(image: Int, arena: Int) -> UnsafeMutablePointer<Float> {
      base + image * perImage + arena * perArena
    }
  }

  let work: any Operator
  private let input: Place
  private let output: Place
  private let residual: Place?
  private let gate: Place?
  private let sums: Place?
  private let packed: Packed

  private struct Packed: @unchecked Sendable { let base: UnsafePointer<Float> }

  /// - Parameter place: Where a value is.
  init(_ step: Program.Step, packed: UnsafePointer<Float>, place: (Int) -> Place) {
    work = step.work
    (input, output) = (place(step.input), place(step.output))
    (residual, gate) = (step.residual.map(place), step.gate.map(place))
    sums = step.sums.map(place)
    self.packed = Packed(base: packed)
  }

  /// The memory of the step for an image and, if it takes the batch, for the following ones.
  func memory(
    image: Int, arena: Int, scratch: UnsafeMutablePointer<Float>
  ) -> OperatorMemory {
    OperatorMemory(
      input: UnsafePointer(input(image: image, arena: arena)),
      output: output(image: image, arena: arena),
      residual: residual.map { UnsafePointer($0(image: image, arena: arena)) },
      gate: gate.map { UnsafePointer($0(image: image, arena: arena)) },
      sums: sums.map { $0(image: image, arena: arena) }, packed: packed.base, scratch: scratch)
  }
}
