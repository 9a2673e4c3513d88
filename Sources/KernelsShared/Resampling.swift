import Kernels

/// The resampling of images.
public func resamplingKernel() -> ResamplingKernel {
  hasInt8Instructions
    ? ResamplingKernel(
      ByteDigits.self, lanes: Native.count, resizeRow: resizeRow4, addRows: addRows4,
      normalize: normalizeBytes)
    : ResamplingKernel(
      PairDigits.self, lanes: Native.count, resizeRow: resizeRow2, addRows: addRows2,
      normalize: normalizeBytes)
}

@inline(never)
private func resizeRow4(_ row: ResampledRow) { row.run(ByteDigits.self, Native.self) }

@inline(never)
private func resizeRow2(_ row: ResampledRow) { row.run(PairDigits.self, Native.self) }

@inline(never)
private func addRows4(_ rows: WeightedRows) { rows.run(ByteDigits.self, Native.self) }

@inline(never)
private func addRows2(_ rows: WeightedRows) { rows.run(PairDigits.self, Native.self) }

@inline(never)
private func normalizeBytes(_ bytes: NormalizedBytes) { bytes.run(Native.self) }
