import Foundation
import TestSupport
import Testing

/// Properties of torchvision's networks, recorded by Scripts/goldens/record_torchvision.py.
enum Goldens {
  /// One network as torchvision builds it.
  struct Fact: CustomTestStringConvertible {
    let model: String
    let width: Double
    let reducedTail: Bool
    let classes: Int
    let tensors: Int
    let fingerprint: String
    let parameters: Int
    let macs: Int

    init?(_ row: [String]) {
      guard row.count == 8, let width = Double(row[1]), let classes = Int(row[3]),
        let tensors = Int(row[4]), let parameters = Int(row[6]), let macs = Int(row[7])
      else { return nil }
      model = row[0]
      self.width = width
      reducedTail = row[2] == "1"
      self.classes = classes
      self.tensors = tensors
      fingerprint = row[5]
      self.parameters = parameters
      self.macs = macs
    }

    var testDescription: String {
      "\(model) × \(width)\(reducedTail ? ", reduced tail" : ""), \(classes) classes"
    }
  }

  static let facts = GoldenTable.rows("facts.tsv", as: Fact.init)
}

/// FNV-1a of bytes, in sixteen hexadecimal digits.
func fingerprint(_ text: String) -> String {
  let hash = text.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
    ($0 ^ UInt64($1)) &* 0x100_0000_01b3
  }
  return String(format: "%016lx", hash)
}
