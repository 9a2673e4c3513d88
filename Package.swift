// swift-tools-version: 6.2
import PackageDescription

// `CNNZOO_WERROR=1` turns warnings into errors; `Scripts/test` sets it. Otherwise, new warnings in
// other compiler versions do not break the build.
let strict: [SwiftSetting] =
  (Context.environment["CNNZOO_WERROR"] == nil ? [] : [.treatAllWarnings(as: .error)])
  + [.enableUpcomingFeature("ExistentialAny")]

// The kernel targets contain only loops over raw pointers, without bounds checks, so they are
// always optimised, even in debug builds. Each consists of one file for its instruction set and a
// link to the files in Sources/KernelsShared, compiled with its flags; the rest of the package
// stays generic. Extensions that only some processors have get a target with the GEMM they speed up.
func kernels(_ name: String, _ flags: String...) -> Target {
  let flags = ["-Ounchecked"] + flags.flatMap { ["-Xcc", $0] }
  return .target(
    name: name, dependencies: ["CLanes", "Kernels"], swiftSettings: strict + [.unsafeFlags(flags)])
}

// The command links the Swift runtime statically: loading it as a dozen shared libraries would take
// 2 to 3 ms at every start. The argument parser needs FoundationEssentials; only -static-stdlib
// would make the compiler name the libraries it depends on. lld is used because gold warns about
// functions that Foundation calls.
//
// With `CNNZOO_SANITIZE` the runtime is not linked statically, because sanitizer runtimes find
// functions only in shared libraries.
let runtimeInside: [LinkerSetting] =
  Context.environment["CNNZOO_SANITIZE"] != nil
  ? []
  : [
    .unsafeFlags(["-static-stdlib", "-use-ld=lld"], .when(platforms: [.linux])),
    .linkedLibrary("FoundationEssentials", .when(platforms: [.linux])),
    .linkedLibrary("_FoundationCShims", .when(platforms: [.linux])),
    .linkedLibrary("_FoundationCollections", .when(platforms: [.linux])),
  ]

#if arch(x86_64)
  let kernelTargets = [
    kernels("KernelsBaseline"),
    kernels("KernelsAVX2", "-march=x86-64-v3"),
    kernels("KernelsAVXVNNI", "-march=x86-64-v3", "-mavxvnni"),
    kernels("KernelsAVX512", "-march=x86-64-v4"),
    kernels("KernelsAVX512BF16", "-march=x86-64-v4", "-mavx512bf16"),
    kernels(
      "KernelsAMX", "-march=x86-64-v4", "-mavx512bf16", "-mamx-tile", "-mamx-bf16", "-mamx-int8"),
    kernels("KernelsAVX512VNNI", "-march=x86-64-v4", "-mavx512vnni"),
  ]
#else
  let kernelTargets = [kernels("KernelsBaseline")]
#endif

// `CNNZOO_FUZZ=1`, set by Scripts/fuzzing/fuzz, adds the fuzzers, which normal builds leave out.
let fuzzTargets: [Target] =
  Context.environment["CNNZOO_FUZZ"] == nil
  ? []
  : [
    .systemLibrary(name: "CLibFuzzer", path: "Tests/CLibFuzzer"),
    .executableTarget(
      name: "fuzz",
      dependencies: [
        "CLibFuzzer", "Command", "CNNZoo", "GraphIR", "Images", "Training", "Weights",
      ],
      path: "Tests/Fuzz", exclude: ["Dictionaries"], swiftSettings: strict),
  ]

let package = Package(
  name: "cnnzoo",
  products: [
    .library(name: "CNNZoo", targets: ["CNNZoo"]),
    .executable(name: "cnnzoo", targets: ["cnnzoo"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0")
  ],
  targets: [
    .systemLibrary(
      name: "CLibJPEG", pkgConfig: "libjpeg", providers: [.apt(["libjpeg62-turbo-dev"])]),
    .systemLibrary(
      name: "CWebP", pkgConfig: "libwebp", providers: [.apt(["libwebp-dev"])]),
    .systemLibrary(
      name: "CLibPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
    .target(name: "CJPEG", dependencies: ["CLibJPEG"]),
    .target(name: "CPNG", dependencies: ["CLibPNG"], linkerSettings: [.linkedLibrary("z")]),
    // Libraries that decode HEIC, AVIF, TIFF and GIF: loaded on first use, too. The package builds
    // without their headers, and then decodes the other formats only.
    .target(
      name: "CImageLibraries",
      cSettings: Context.environment["CNNZOO_NO_IMAGE_HEADERS"] == nil
        ? [] : [.define("CNNZOO_NO_IMAGE_HEADERS")],
      linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
    .target(name: "CSystem"),
    // OpenBLAS and LAPACKE, libcurl and libcrypto are loaded on first use, so that the command
    // starts fast.
    .target(
      name: "CLinearAlgebra",
      linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
    .target(name: "CDownload", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),

    .target(name: "Host", dependencies: ["CSystem"], swiftSettings: strict),
    .target(name: "CLanes"),
    .target(name: "Kernels", dependencies: ["CLanes"], swiftSettings: strict),
    .target(
      name: "InstructionSets",
      dependencies: ["CSystem", "Kernels"] + kernelTargets.map { .byName(name: $0.name) },
      swiftSettings: strict),
    .target(
      name: "Operators",
      dependencies: ["CLinearAlgebra", "CSystem", "Host", "InstructionSets", "Kernels"],
      swiftSettings: strict),
    .target(name: "GraphIR", swiftSettings: strict),
    .target(name: "Weights", dependencies: ["Host"], swiftSettings: strict),
    .target(
      name: "Images",
      dependencies: [
        "CImageLibraries", "CJPEG", "CPNG", "CWebP", "Host", "InstructionSets", "Kernels",
      ],
      swiftSettings: strict),
    .target(
      name: "Download", dependencies: ["CDownload", "Host"], swiftSettings: strict),
    .target(name: "ModelZoo", dependencies: ["GraphIR", "Images"], swiftSettings: strict),
    .target(
      name: "Inference",
      dependencies: ["GraphIR", "Host", "InstructionSets", "Operators", "Weights"],
      swiftSettings: strict),
    .target(
      name: "Training",
      dependencies: ["GraphIR", "Host", "Inference", "InstructionSets", "Operators", "Weights"],
      swiftSettings: strict),
    .target(
      name: "Pretrained",
      dependencies: [
        "Download", "GraphIR", "Host", "Images", "Inference", "ModelZoo", "Weights",
      ],
      swiftSettings: strict),
    .target(
      name: "CNNZoo",
      dependencies: [
        "GraphIR", "ModelZoo", "Weights", "Images", "Inference", "InstructionSets", "Operators",
        "Training", "Download", "Host", "Pretrained",
      ],
      swiftSettings: strict),
    .target(
      name: "Command",
      dependencies: [
        "CNNZoo", "CSystem", "Host",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    .plugin(
      name: "SourceCommit", capability: .buildTool(), path: "Sources/SourceCommit"),
    .executableTarget(
      name: "cnnzoo", dependencies: ["Command"], path: "Sources/Main", swiftSettings: strict,
      linkerSettings: runtimeInside, plugins: ["SourceCommit"]),

    .target(
      name: "TestSupport", dependencies: ["GraphIR", "Images", "Inference", "ModelZoo", "Weights"],
      path: "Tests/TestSupport", swiftSettings: strict),
    .testTarget(
      name: "HostTests", dependencies: ["Host", "TestSupport"], swiftSettings: strict),
    .testTarget(name: "GraphIRTests", dependencies: ["GraphIR"], swiftSettings: strict),
    .testTarget(
      name: "KernelsTests", dependencies: ["Host", "InstructionSets", "Kernels", "Operators"],
      swiftSettings: strict),
    .testTarget(
      name: "OperatorsTests", dependencies: ["Host", "InstructionSets", "Operators", "Kernels"],
      swiftSettings: strict),
    .testTarget(
      name: "TrainingTests",
      dependencies: [
        "GraphIR", "Host", "Inference", "InstructionSets", "Kernels", "ModelZoo", "Operators",
        "TestSupport", "Training", "Weights",
      ],
      exclude: ["Goldens"], swiftSettings: strict),
    .testTarget(
      name: "WeightsTests", dependencies: ["Host", "TestSupport", "Weights"], exclude: ["Goldens"],
      swiftSettings: strict),
    .testTarget(
      name: "ImagesTests",
      dependencies: ["Host", "Images", "InstructionSets", "Kernels", "TestSupport"],
      exclude: ["Goldens"],
      swiftSettings: strict),
    .testTarget(
      name: "ModelZooTests", dependencies: ["ModelZoo", "GraphIR", "TestSupport"],
      exclude: ["Goldens"],
      swiftSettings: strict),
    .testTarget(
      name: "InferenceTests",
      dependencies: ["Host", "Inference", "ModelZoo", "Operators", "TestSupport", "Weights"],
      exclude: ["Goldens"], swiftSettings: strict),
    .testTarget(
      name: "DownloadTests", dependencies: ["Download", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "PretrainedTests",
      dependencies: [
        "Download", "GraphIR", "Images", "Inference", "ModelZoo", "Pretrained", "TestSupport",
        "Weights",
      ],
      swiftSettings: strict),
    .testTarget(
      name: "CNNZooTests",
      dependencies: [
        "CNNZoo", "GraphIR", "Images", "Inference", "ModelZoo", "TestSupport", "Weights",
      ],
      exclude: ["Goldens"], swiftSettings: strict),
    .testTarget(
      name: "CommandTests", dependencies: ["Command", "CNNZoo", "TestSupport"],
      exclude: ["Goldens"], swiftSettings: strict),
  ] + kernelTargets + fuzzTargets
)

// Images in, pixels out: Scripts/conformance/check_decoding compares it with Pillow.
if Context.environment["CNNZOO_DECODER"] != nil {
  package.targets.append(
    .executableTarget(
      name: "decoder", dependencies: ["Images"], path: "Tests/Decoder", swiftSettings: strict))
}

// One training step of a network: Scripts/conformance/check_training compares it with PyTorch.
if Context.environment["CNNZOO_GRADIENTS"] != nil {
  package.targets.append(
    .executableTarget(
      name: "gradients",
      dependencies: ["Host", "Inference", "ModelZoo", "TestSupport", "Training", "Weights"],
      path: "Tests/Gradients", swiftSettings: strict))
}
