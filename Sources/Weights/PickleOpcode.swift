/// The instructions of Python's pickle that a state dict needs, protocols 2 to 5.
///
/// Those that are missing build arbitrary objects (`INST`, `OBJ`, `NEWOBJ`, `EXT1`, …) or belong to
/// the text protocols 0 and 1. Meaning and encoding: CPython's `Lib/pickletools.py`.
enum PickleOpcode: UInt8 {
  case mark = 0x28  // (
  case emptyTuple = 0x29  // )
  case stop = 0x2e  // .
  case pop = 0x30  // 0
  case popMark = 0x31  // 1
  case duplicate = 0x32  // 2
  case float = 0x47  // G
  case int32 = 0x4a  // J
  case uint8 = 0x4b  // K
  case uint16 = 0x4d  // M
  case none = 0x4e  // N
  case persistentID = 0x51  // Q
  case reduce = 0x52  // R
  case string = 0x54  // T
  case shortString = 0x55  // U
  case unicode = 0x58  // X
  case emptyList = 0x5d  // ]
  case append = 0x61  // a
  case build = 0x62  // b
  case global = 0x63  // c
  case dictionary = 0x64  // d
  case appends = 0x65  // e
  case get = 0x68  // h
  case longGet = 0x6a  // j
  case list = 0x6c  // l
  case put = 0x71  // q
  case longPut = 0x72  // r
  case setItem = 0x73  // s
  case tuple = 0x74  // t
  case setItems = 0x75  // u
  case emptyDictionary = 0x7d  // }
  case `protocol` = 0x80
  case tuple1 = 0x85
  case tuple2 = 0x86
  case tuple3 = 0x87
  case newTrue = 0x88
  case newFalse = 0x89
  case long = 0x8a
  case shortUnicode = 0x8c
  case longUnicode = 0x8d
  case stackGlobal = 0x93
  case memoize = 0x94
  case frame = 0x95
}
