import GraphIR
import Inference

/// The test images of Scripts/goldens/reference_networks.py, from the same formula.
package enum SeededImages {
  /// A batch of images, NHWC.
  package static func make(batch: Int, height: Int, width: Int) -> [[Float]] {
    let fine = uniform("input.fine", count: batch * 3 * height * width)
    let rows = (height + 15) / 16
    let columns = (width + 15) / 16
    let tiles = uniform("input.tiles", count: batch * 3 * rows * columns)
    return (0..<batch).map { image in
      var values: [Float] = []
      values.reserveCapacity(3 * height * width)
      for y in 0..<height {
        for x in 0..<width {
          for channel in 0..<3 {
            let plane = image * 3 + channel
            values.append(
              2 * tiles[(plane * rows + y / 16) * columns + x / 16]
                + fine[(plane * height + y) * width + x])
          }
        }
      }
      return values
    }
  }

  /// Values in [−1, 1): a bias is spread over a 64th of that, which is exact to undo.
  private static func uniform(_ name: String, count: Int) -> [Float] {
    SeededParameters().values(of: Parameter(name: name, role: .bias, shape: [count])).map {
      $0 * 64
    }
  }
}
