extension EncodedImage {
  /// Decodes the image and prepares it for a network, with the values that
  /// ``Preprocessing/apply(to:into:)`` computes from the decoded image.
  ///
  /// Rows are resized as they are decoded where the format allows it: the pixels beside the crop are
  /// not computed, and the whole image is never in memory.
  ///
  /// - Parameters:
  ///   - preprocessing: The network's preprocessing.
  ///   - mode: Whether the decoder may scale a large image down, which changes the values.
  ///   - output: Receives all values, as in ``Preprocessing/apply(to:into:)``.
  /// - Returns: The warnings of the decoder.
  /// - Throws: ``ImageError``, after which the output is undefined; ``PreprocessingError``.
  public func prepare(
    for preprocessing: Preprocessing, mode: DecodingMode = .exact,
    into output: UnsafeMutableBufferPointer<Float>
  ) throws -> [ImageWarning] {
    let target = try NormalizedTarget(preprocessing, output)
    let (plan, divisor) = plan(for: preprocessing, mode)
    target.fillPadding(plan)
    let places = plan.places
    var stream = ResamplingStream(plan.resampling)
    return try forEachRow(of: plan.resampling, dividedBy: divisor) { row in
      stream.take(row) { target.write($1, to: places[$0]) }
    } + sizeWarnings
  }

  /// Decodes what ``prepare(for:mode:into:)`` decodes, and drops the pixels; for measurements.
  package func decode(for preprocessing: Preprocessing, mode: DecodingMode) throws(ImageError) {
    let (plan, divisor) = plan(for: preprocessing, mode)
    _ = try forEachRow(of: plan.resampling, dividedBy: divisor) { _ in }
  }

  private func plan(
    for preprocessing: Preprocessing, _ mode: DecodingMode
  ) -> (PreparationPlan, divisor: Int) {
    let divisor = mode == .fast ? header.divisor(for: preprocessing, turned: orientation) : 1
    let plan = PreparationPlan(
      preprocessing, width: header.width.divided(by: divisor),
      height: header.height.divided(by: divisor), orientation: orientation)
    return (plan, divisor)
  }

  /// Calls `body` with each input row of a resize of the image as it is stored, beginning with the
  /// first needed column.
  private func forEachRow(
    of resampling: Resampling, dividedBy divisor: Int, _ body: (UnsafePointer<UInt8>) -> Void
  ) throws(ImageError) -> [ImageWarning] {
    try checkMemory()
    do {
      return try bytes.withBytes { raw throws(DecodingFailure) in
        if let header = header as? any RowDecoding, header.decodesRows {
          let request = RowRequest(
            divisor: divisor, columns: resampling.inputColumns, rows: resampling.inputRows,
            reach: resampling.rowReach)
          return try header.decodeRows(raw, request, body)
        }
        let image = try header.decode(raw, scaledBy: divisor)
        resampling.forEachInputRow(of: image, body)
        return image.warnings
      }
    } catch {
      throw error.error(source: name, format: format)
    }
  }
}
