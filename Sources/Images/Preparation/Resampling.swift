import Kernels

/// A resize that computes only a rectangle of the result, with the same pixels as in the whole.
///
/// There are two passes, each rounded to 8 bits, so their order affects the last bit. Both cover only
/// the input that the rectangle needs.
struct Resampling {
  /// The input rows that the rectangle needs.
  let inputRows: Range<Int>
  /// The input columns that the rectangle needs.
  let inputColumns: Range<Int>
  /// Whether columns are resized before rows.
  let isVerticalFirst: Bool
  /// The weights along a row.
  let rowWeights: PackedRowWeights
  /// The weights along a column.
  let columnWeights: PackedColumnWeights

  /// - Parameters:
  ///   - across: The weights along a row.
  ///   - down: The weights along a column.
  init(
    across: ResamplingWeights, down: ResamplingWeights, isVerticalFirst: Bool,
    kernel: ResamplingKernel = .selected
  ) {
    (inputColumns, inputRows) = (across.inputs, down.inputs)
    self.isVerticalFirst = isVerticalFirst
    rowWeights = PackedRowWeights(across, origin: inputColumns.lowerBound, kernel: kernel)
    columnWeights = PackedColumnWeights(down, kernel: kernel)
  }

  /// Whether Pillow resizes the columns of an image of the given size first.
  ///
  /// It resizes rows first; since version 13, columns first if the height shrinks by more than twice
  /// as many pixels as the width. It compares with the whole image even if there is a box.
  static func isVerticalFirst(width: Int, height: Int, to newWidth: Int, by newHeight: Int) -> Bool
  {
    let fewerRows = height - newHeight
    return fewerRows > 0 && fewerRows > 2 * (width - newWidth)
  }

  /// The bytes of a row that are read, beginning with the first needed column.
  var rowReach: Int { isVerticalFirst ? 3 * inputColumns.count : rowWeights.reach }

  /// Calls `body` with each row of the rectangle from the top: its index and its RGB samples.
  func forEachRow(of image: Image, _ body: (Int, UnsafeBufferPointer<UInt8>) -> Void) {
    var stream = ResamplingStream(self)
    forEachInputRow(of: image) { stream.take($0, body) }
  }

  /// Calls `body` with each input row, beginning with the first input column.
  func forEachInputRow(of image: Image, _ body: (UnsafePointer<UInt8>) -> Void) {
    let left = 3 * inputColumns.lowerBound
    image.withRows(reach: left + rowReach) { rows in
      for y in inputRows { body(rows[y] + left) }
    }
  }
}

/// A resize that takes the rows of an image from the top as they are decoded, and passes on each row
/// of the result as soon as its input is complete.
///
/// It keeps only the rows that the next row of the result needs, and those resized along themselves
/// where that is the first pass.
struct ResamplingStream: ~Copyable {
  private let rows: PackedRowWeights
  private let columns: PackedColumnWeights
  private let isVerticalFirst: Bool
  /// Bytes of an input row.
  private let wide: Int
  /// Bytes of a row of the result.
  private let narrow: Int
  /// The latest rows, row `y` in slot `y % slots`; then one slot for a sum, and one for the result.
  private let memory: UnsafeMutablePointer<UInt8>
  private let pointers: UnsafeMutablePointer<UnsafePointer<UInt8>>
  private let slots: Int
  private let slotBytes: Int
  private var nextInput: Int
  private var nextOutput = 0

  init(_ resampling: Resampling) {
    (rows, columns) = (resampling.rowWeights, resampling.columnWeights)
    isVerticalFirst = resampling.isVerticalFirst
    wide = 3 * resampling.inputColumns.count
    narrow = 3 * rows.count
    slots = columns.mostInputs
    slotBytes =
      max(rows.paddedBytes, isVerticalFirst ? max(rows.reach, wide) : 0)
      + PackedColumnWeights.slack
    memory = .allocate(capacity: (slots + 2) * slotBytes)
    memory.initialize(repeating: 0, count: (slots + 2) * slotBytes)
    pointers = .allocate(capacity: columns.pointers)
    nextInput = resampling.inputRows.lowerBound
  }

  deinit {
    memory.deallocate()
    pointers.deallocate()
  }

  /// Takes the next of the resize's input rows, beginning with its first input column.
  ///
  /// - Parameters:
  ///   - row: ``Resampling/rowReach`` bytes.
  ///   - body: Called with the index and the samples of each row that is complete now.
  mutating func take(
    _ row: UnsafePointer<UInt8>, _ body: (Int, UnsafeBufferPointer<UInt8>) -> Void
  ) {
    let (memory, slots, slotBytes) = (memory, slots, slotBytes)
    let slot = memory + nextInput % slots * slotBytes
    if isVerticalFirst {
      slot.update(from: row, count: wide)
    } else {
      rows.resize(row, into: slot)
    }
    nextInput += 1
    let sum = memory + slots * slotBytes
    let result = sum + slotBytes
    while nextOutput < columns.inputs.count, columns.inputs[nextOutput].upperBound <= nextInput {
      columns.add(
        nextOutput, count: isVerticalFirst ? wide : narrow, rows: pointers, into: sum
      ) { UnsafePointer(memory + $0 % slots * slotBytes) }
      if isVerticalFirst { rows.resize(sum, into: result) }
      body(
        nextOutput, UnsafeBufferPointer(start: isVerticalFirst ? result : sum, count: narrow))
      nextOutput += 1
    }
  }
}
