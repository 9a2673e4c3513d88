import CNNZoo
import Glibc

/// Images as numbers, [N, 3, height, width], read from a file.
struct InputTensor {
  /// The most images in one file: a small file can hold many tiny ones, each as much work and as
  /// many logits as a large one.
  private static let mostImages = 4096

  /// Images.
  let count: Int
  let height: Int
  let width: Int
  private let values: [Float]

  init(path: String, limits: WeightLimits) throws(InputTensorError) {
    let (shape, values) = try Self.read(path, limits)
    guard shape.count == 4 || shape.count == 3, shape[shape.count - 3] == 3,
      shape.allSatisfy({ $0 > 0 })
    else {
      throw InputTensorError(
        path, "the tensor's shape is \(shape); expected [N, 3, height, width]")
    }
    if shape.count == 4, shape[0] > Self.mostImages {
      throw InputTensorError(
        path, "the tensor holds \(shape[0]) images; give at most \(Self.mostImages) at a time")
    }
    guard let bad = values.firstIndex(where: { !$0.isFinite }) else {
      count = shape.count == 4 ? shape[0] : 1
      height = shape[shape.count - 2]
      width = shape[shape.count - 1]
      self.values = values
      return
    }
    throw InputTensorError(path, "element \(bad) of the tensor is \(values[bad])")
  }

  private static func read(
    _ path: String, _ limits: WeightLimits
  ) throws(InputTensorError) -> (shape: [Int], values: [Float]) {
    do {
      if isNPY(path) {
        let array = try NPYArray(path: path, limits: limits)
        return (array.shape, array.values)
      }
      let file = try WeightFile(path: path, limits: limits)
      let only = file.tensors.count == 1 ? file.tensors.first : nil
      guard let tensor = file["input"] ?? only else {
        throw InputTensorError(
          path, "\(file.tensors.count) tensors, none of which is called input")
      }
      let values = try tensor.floats()
      try file.verifyUnchanged()
      return (tensor.shape, values)
    } catch let error as InputTensorError {
      throw error
    } catch {
      throw InputTensorError(error)
    }
  }

  /// Whether the file begins as NumPy's do; what cannot be read is left to be told by others.
  private static func isNPY(_ path: String) -> Bool {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var first: UInt8 = 0
    return Glibc.read(descriptor, &first, 1) == 1 && first == 0x93
  }

  /// The logits of all images, one after another.
  func logits(by session: InferenceSession) throws -> [Float] {
    var logits: [Float] = []
    var first = 0
    while first < count {
      let batch = min(session.options.maximumBatch, count - first)
      for slot in 0..<batch { load(first + slot, at: slot, of: session) }
      try session.run(batch: batch)
      for slot in 0..<batch { logits += session.logits(image: slot) }
      first += batch
    }
    return logits
  }

  /// Turns planes of channels into pixels of channels.
  private func load(_ image: Int, at slot: Int, of session: InferenceSession) {
    let plane = height * width
    session.withInput(image: slot) { input in
      for channel in 0..<3 {
        let start = (3 * image + channel) * plane
        for position in 0..<plane { input[3 * position + channel] = values[start + position] }
      }
    }
  }
}

/// An input tensor that cannot be used.
struct InputTensorError: StatusCarrying, CustomStringConvertible {
  let description: String
  let status: ExitStatus

  fileprivate init(_ path: String, _ reason: String) {
    description = "\(path): \(reason)"
    status = .badData
  }

  fileprivate init(_ error: any Error) {
    if case WeightsError.unreadable = error {
      description = "\(error)"
      status = .missingInput
    } else {
      description = "\(error); give a safetensors or NumPy file"
      status = .badData
    }
  }
}
