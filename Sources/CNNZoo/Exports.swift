// The library's interface is written in these modules' types, so one import brings them all.
// `Operators`, which works on raw memory, stays inside.
import Download
@_exported import GraphIR
@_exported import Images
@_exported import Inference
@_exported import ModelZoo
@_exported import Weights

/// Why weights could not be fetched.
public typealias PullError = DownloadError

/// The version of this library and of the command built from it.
public let cnnzooVersion = "0.1.0"
