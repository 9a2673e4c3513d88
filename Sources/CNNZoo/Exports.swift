// The public API uses types of these modules, so importing CNNZoo imports them all. `Operators` and
// `Download` are internal except for errors and measurements.
@_exported import enum Download.DownloadError
@_exported import GraphIR
@_exported import Host
@_exported import Images
@_exported import Inference
@_exported import ModelZoo
@_exported import enum InstructionSets.ProcessorError
@_exported import struct Operators.LAPACKEError
@_exported import struct Operators.MachineLimits
@_exported import struct Operators.OpenBLASError
@_exported import Pretrained
@_exported import Training
@_exported import Weights

/// The version of this library and of the command built from it.
public let cnnzooVersion = "0.1.0"
