/// A piece of memory that tensors of a PyTorch file share, as the pickle describes it.
struct TorchStorage {
  let key: String
  /// Nil where every tensor tells its own.
  let elementType: ElementType?
  let byteCount: Int
}

/// A tensor as the pickle describes it; not yet checked against its storage.
struct TorchTensor {
  let storage: TorchStorage
  let elementType: ElementType
  let offset: Int
  let shape: [Int]
  let strides: [Int]

  /// The window on the file that this describes.
  ///
  /// - Parameter range: the bytes of the storage.
  func view(
    named name: String, in file: MappedFile, range: Range<Int>
  ) throws(WeightsError) -> TensorView {
    func malformed(_ reason: String) -> WeightsError {
      .malformed(path: file.path, reason: "tensor \(name) of shape \(shape) \(reason)")
    }
    guard strides.count == shape.count else { throw malformed("has strides \(strides)") }
    guard let count = checkedElementCount(of: shape), elementType.bitWidth.isMultiple(of: 8)
    else { throw malformed("is impossible") }
    let size = elementType.bitWidth / 8
    let capacity = range.count / size
    // A view may repeat its elements by a stride of zero, without bound; no weights do.
    guard count <= capacity else {
      throw malformed("has more elements than the \(capacity) that are stored")
    }
    guard let span = count == 0 ? 0 : extent(within: capacity),
      let elements = checkedRange(at: offset, length: span, within: capacity)
    else { throw malformed("reaches outside its \(capacity) stored elements") }
    return TensorView(
      name: name, elementType: elementType, shape: shape,
      strides: count == 0 || isContiguous ? nil : zip(shape, strides).map { $0 == 1 ? 0 : $1 },
      elementCount: count, file: file,
      range: range.lowerBound + elements.lowerBound * size..<range.lowerBound + elements.upperBound
        * size)
  }

  /// How many elements lie from the first to the last, or nil if more than `capacity`.
  private func extent(within capacity: Int) -> Int? {
    var extent = 1
    for (count, stride) in zip(shape, strides) {
      guard let length = checkedProduct(count - 1, stride),
        let range = checkedRange(at: extent, length: length, within: capacity)
      else { return nil }
      extent = range.upperBound
    }
    return extent
  }

  /// Whether elements lie in reading order; the stride of an axis of extent 1 has no meaning.
  private var isContiguous: Bool {
    var expected = 1
    for (count, stride) in zip(shape, strides).reversed() where count != 1 {
      if stride != expected { return false }
      expected *= count
    }
    return true
  }
}
