import Operators
import Testing

struct ColumnBlocksTests {
  @Test(
    arguments: [
      (8, [8]), (24, [24]), (48, [48]), (72, [32, 40]), (80, [32, 48]), (112, [32, 32, 48]),
      (128, [32, 48, 48]), (160, [32, 48, 32, 48]), (1000, nil),
    ] as [(Int, [Int]?)])
  func wholeVectorsOfSixteen(columns: Int, widths: [Int]?) {
    let blocks = ColumnBlocks(columns, widest: 48, lanes: 16)
    let found = (0..<blocks.count).map { blocks[$0].count }
    #expect(found.reduce(0, +) == columns)
    #expect(found.dropLast().allSatisfy { $0 % 16 == 0 } && found.allSatisfy { (8...48) ~= $0 })
    #expect(blocks.widest == found.max())
    if let widths { #expect(found == widths) }
  }

  /// Every count of columns and every width of vector: blocks follow each other and none is too wide.
  @Test(arguments: [(8, 4), (16, 8), (48, 16)])
  func blocksCoverAllColumns(widest: Int, lanes: Int) {
    for columns in stride(from: 8, through: 1280, by: 8) {
      let blocks = ColumnBlocks(columns, widest: widest, lanes: lanes)
      #expect(blocks[0].lowerBound == 0 && blocks[blocks.count - 1].upperBound == columns)
      for block in 0..<blocks.count {
        #expect(!blocks[block].isEmpty && blocks[block].count <= widest, "\(columns) columns")
        if block > 0 { #expect(blocks[block].lowerBound == blocks[block - 1].upperBound) }
      }
    }
  }
}
