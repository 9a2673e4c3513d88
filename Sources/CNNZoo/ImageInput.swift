extension InferenceSession {
  /// Makes an image the input of place `slot` of the next batch, as `recipe` says.
  func load(
    _ image: Image, at slot: Int, by recipe: Preprocessing
  ) throws(PreprocessingError) {
    let result = withInput(image: slot) { input in
      Result { () throws(PreprocessingError) in try recipe.apply(to: image, into: input) }
    }
    try result.get()
  }

  /// Copies prepared values into place `slot` of the next batch.
  func load(_ values: UnsafeBufferPointer<Float>, at slot: Int) {
    withInput(image: slot) { input in
      precondition(values.count == input.count)
      _ = input.update(fromContentsOf: values)
    }
  }
}
