import ArgumentParser
import CNNZoo

extension Backend: ExpressibleByArgument {}

extension PrecisionChoice: ExpressibleByArgument {
  /// What each value means.
  public static var allValueDescriptions: [String: String] {
    [
      "f32": "32-bit floats.",
      "bf16": "Products of bfloat16, summed in f32.",
      "int8": "Products of 8-bit integers, without calibration.",
      "auto": "The fastest native precision that was measured to agree with f32 for these weights.",
    ]
  }
}

extension PrecisionChoice {
  /// Whether networks can be trained in it.
  var canTrain: Bool { self == .f32 || self == .bf16 }
}

/// Options for computing a network, shared by all commands that run one.
struct ComputeOptions: ParsableArguments {
  @Option(help: "Compute backend.")
  var backend = Backend.auto

  @Option(help: "Precision of matrix products (default: from CNNZOO_PRECISION, else f32).")
  var precision: PrecisionChoice?

  private static let variable = "CNNZOO_PRECISION"

  /// The variable's value, if it is not empty.
  private static var ambient: String? {
    UserFolders.variable(variable).flatMap { $0.isEmpty ? nil : $0 }
  }

  /// The option, else the variable, else f32.
  var choice: PrecisionChoice {
    precision ?? Self.ambient.flatMap(PrecisionChoice.init(rawValue:)) ?? .f32
  }

  func validate() throws {
    if precision == nil, let value = Self.ambient, PrecisionChoice(rawValue: value) == nil {
      let names = PrecisionChoice.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError(
        "\(Self.variable)=\(value.terminalSafe()) is not a precision; set it to one of \(names),"
          + " or unset it")
    }
    if backend == .blas, let precision = choice.fixed, precision != .f32 {
      throw ValidationError("\(InferenceError.precision(precision))")
    }
  }

  /// Rejects precisions that networks cannot be trained in.
  ///
  /// - Parameter hint: What they are for.
  func rejectUntrainablePrecision(hint: String) throws {
    guard let precision, !precision.canTrain else { return }
    throw ValidationError("Networks are trained in f32 or bf16; \(hint).")
  }

  /// The precision of training: the option, else f32, whatever the variable says.
  var trainingPrecision: Precision { precision?.fixed ?? .f32 }

  /// The precision without weights; `auto` is then f32.
  var precisionWithoutWeights: Precision { choice.fixed ?? .f32 }

  /// The precision in use and the reason, for example `int8 (--precision auto: …)`.
  func explained(_ chosen: Precision, reason: String?) -> String {
    let source =
      precision != nil ? "--precision" : Self.ambient != nil ? Self.variable : "default"
    let reason = reason.map { "\(source)\(precision == nil ? "=" : " ")auto: \($0)" }
    return "\(chosen.rawValue) (\(reason ?? source))"
  }
}

extension Diagnostics {
  /// Warns if a precision is no faster than f32 on this processor.
  static func warnIfEmulated(_ precision: Precision) throws {
    if try precision.isEmulated() {
      warn("this processor emulates \(precision.rawValue): correct, but no faster than f32")
    }
  }
}
